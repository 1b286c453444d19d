"""The deadlines that can be asked for: of a call, of a ticket, or all that run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from contracts.commands import DeadlinesQuery
from contracts.registry import BESIDE, beside, call_of
from services.sla.state import Deadline, Promises, World


def deadlines(world: World, query: DeadlinesQuery) -> dict[str, Any]:
    """All deadlines of the call and what is kept beside it, or of the ticket; of neither those that run; by due time.

    `about` is what each is of; `call` that call, if it is of one. A paused one has the seconds `left_s`.
    """
    asked = [query.call, *(beside(kind, query.call) for kind in BESIDE)] if query.call else []
    if query.ticket:
        asked.append(f"ticket:{query.ticket}")
    found = [
        (id, it)
        for id, promises in (
            ((id, world.aggregates.get(id)) for id in asked) if asked else world.aggregates.items()
        )
        if isinstance(promises, Promises)
        for it in promises.deadlines
        if asked or it.alive
    ]
    found.sort(key=lambda pair: (pair[1].due, pair[0], pair[1].name))
    return {"deadlines": [_row(id, it) for id, it in found]}


def _row(id: str, it: Deadline) -> dict[str, Any]:
    call = call_of(id)
    return {
        "call": call if ":" not in call else None,
        "about": id,
        "deadline": it.name,
        "rule": it.rule,
        "since": _text(it.since),
        "due": _text(it.due),
        "limit_s": it.limit_s,
        "inclusive": it.inclusive,
        "warning": it.warning,
        "warn": _text(it.warn) if it.warn else None,
        "calendar": it.calendar,
        "protocol": it.protocol,
        "left_s": it.left_s,
        "state": it.state,
    }


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
