"""Needs: what the table says about a call, how urgent it is, and whom it may go through to."""

from __future__ import annotations

from typing import Any

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Refused
from contracts.protocol import Protocol, Row
from services.routing import offers, shares
from services.routing.aggregates import Assignment
from services.routing.draft import Draft
from services.routing.policy import priority_of, row_for

FIRST = 1
"""The priority of what goes before all else."""


def on_established(draft: Draft, id: str, need: e.NeedEstablished) -> None:
    """R10: the table says which desk must find an owner; R05: found anew only if the table says otherwise."""
    protocol, call = draft.world.under(need.protocol), draft.call(id)
    row = row_for(protocol, need)
    if row is None or call.state in ("contacted", "closed"):
        return
    _rescreen(draft, id, row)
    if not row.owner_needed or _not_ours(protocol, need):
        return
    priority = priority_of(protocol, row, need.special_treatment)
    if call.priority == FIRST:
        priority = FIRST
    same_desk = call.state is not None and row.desk == (call.shared_from or call.desk)
    same_row = same_desk and (row.skill, row.tier) == (call.skill, call.tier)
    # an owner at the right desk keeps the call, however urgent it has become
    if same_row and (priority == call.priority or call.state == "assigned"):
        return
    if same_desk:
        desk, shared_from = call.desk, call.shared_from
    else:
        desk, shared_from = shares.take(draft, id, protocol, row.desk)
    unassigned = e.CallUnassigned(
        desk=desk,
        priority=priority,
        kind=need.kind,
        agent=need.agent,
        direct=row.direct_transfer,
        skill=row.skill,
        tier=row.tier,
        language=need.language,
        fallback=row.fallback,
        shared_from=shared_from,
        protocol=need.protocol,
    )
    draft.add(id, unassigned)
    _ask_on(draft, id, call.offered_to)


def on_prioritised(draft: Draft, id: str, event: e.RequestPrioritised) -> None:
    """R39: the request goes first, also if it needs no owner yet, or has one who may give it back."""
    call = draft.call(id)
    if call.priority == FIRST or call.state in ("contacted", "closed"):
        return
    if call.open:
        unassign(draft, id, priority=FIRST)
        _ask_on(draft, id, call.offered_to)
    elif draft.world.under(event.protocol).routing:
        draft.add(id, e.CallPrioritised(rule=event.rule, priority=FIRST))


def on_classified(draft: Draft, id: str, event: e.CallerClassified) -> None:
    """R09: who is calling may say whether the person asked for can be put through to."""
    if draft.call(id).state is None:
        _rescreen(draft, id, row_for(draft.world.under(event.protocol), kind=event.kind))


def on_asked_for(draft: Draft, id: str, fact: f.CallerAskedFor) -> None:
    """R09: a caller who asks for somebody is still handled by the agent, unless the row permits otherwise."""
    call = draft.call(id)
    if draft.protocol(id).routing and fact.person != call.person:
        draft.add(id, e.TransferScreened(person=fact.person, direct=call.direct))


def on_transferred(draft: Draft, id: str, fact: f.CallTransferred) -> None:
    """R09: put through without a word, which no row permits."""
    call = draft.call(id)
    if fact.mode == "blind" and call.person and not call.direct:
        draft.violate(id, "R09", f"blind transfer for a caller who asked for {call.person}")


def transfer(draft: Draft, id: str, command: c.TransferCall) -> None:
    """R09: after a word with the person called it may go through; without, only where the row permits it."""
    call = draft.call(id)
    if command.mode == "blind" and call.person and not call.direct:
        raise Refused(
            "R09", "the caller asked for a person and is screened", field="mode", expected="consult"
        )
    draft.add(id, e.TransferApproved(to=command.to, mode=command.mode, by=command.by))


def unassign(draft: Draft, id: str, **changes: Any) -> None:
    """The call needs an owner (again), by what is known of it but for the changes."""
    call = draft.call(id)
    draft.add(id, e.CallUnassigned(**{**_row_of(call), **changes}))


def _row_of(call: Assignment) -> dict[str, Any]:
    return {
        "desk": call.desk,
        "priority": call.priority,
        "kind": call.kind,
        "direct": call.direct,
        "skill": call.skill,
        "tier": call.tier,
        "language": call.language,
        "fallback": call.fallback,
        "shared_from": call.shared_from,
        "protocol": call.protocol or 1,
    }


def _ask_on(draft: Draft, id: str, asked: str | None) -> None:
    """Who was being asked still is, if the call is for them; else the next."""
    agent = draft.agent(asked) if asked else None
    if agent and offers.suits(draft, draft.call(id), agent):
        offers.ask(draft, id, asked)
    else:
        offers.ask_next(draft, id, renew=True)


def _not_ours(protocol: Protocol, need: e.NeedEstablished) -> bool:
    """R29: where nothing is kept of them, nobody owns the matter of who is no customer."""
    return protocol.privacy.non_customers == "forgotten" and need.customer is None


def _rescreen(draft: Draft, id: str, row: Row | None) -> None:
    """R09: the person asked for, again, if the row that has become known says otherwise."""
    call, direct = draft.call(id), row is not None and row.direct_transfer
    if call.person is not None and direct != call.direct:
        draft.add(id, e.TransferScreened(person=call.person, direct=direct))
