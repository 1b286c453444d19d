"""Shares: how the work of a desk is divided between desks, from a moment on."""

from __future__ import annotations

from contracts import commands as c
from contracts import events as e
from contracts.base import Refused
from contracts.protocol import Protocol
from services.routing.aggregates import Plan
from services.routing.draft import Draft
from services.routing.policy import named, next_share


def take(draft: Draft, call: str, protocol: Protocol, desk: str) -> tuple[str, str | None]:
    """The desk that gets a call bound for this one, and the one that it was bound for if that is shared. R54."""
    place = named("shares", desk)
    shares = draft.shares(place)
    made = shares.plan(draft.at)
    plan: Plan = made or (None, tuple(sorted(protocol.shares.get(desk, {}).items())))
    if not plan[1]:
        return desk, None
    parts = dict(plan[1])
    chosen = next_share(parts, shares.taken_under(plan))
    draft.add(place, e.ShareTaken(call=call, shared_from=desk, desk=chosen, shares=parts))
    return chosen, desk


def change(draft: Draft, id: str, command: c.ChangeShares) -> None:
    """R54: from now or a later moment on new work is divided so; what was given out stays."""
    protocol = draft.world.protocol
    desks = {row.desk for row in protocol.routing} | set(protocol.shares)
    if command.desk not in desks:
        raise Refused("desk-unknown", f"no row leads to {command.desk}", field="desk")
    if sum(command.shares.values()) != 100:
        raise Refused("R54", "the shares do not add up", field="shares", expected="100 percent in all")
    since = command.since or draft.at
    if since < draft.at:
        raise Refused("R54", "what was given out stays", field="since", expected="now or later")
    draft.add(id, e.SharesChanged(desk=command.desk, shares=command.shares, since=since, by=command.by))
