"""What is remembered of the promises about a call, and the deadlines in order of due time."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from contracts import events as e
from contracts.base import Data
from contracts.commands import DeadlinesQuery
from contracts.deciding import World as AnyWorld
from services.sla.policy import ANSWER, HANDLING

State = Literal["running", "met", "breached", "cancelled", "warned"]
Stage = Literal["ringing", "handling"]
ENDED, ABANDONED = "ended", "abandoned"
"""Why a deadline was cancelled, where that says that the call is over."""
_OVER: dict[str, frozenset[Stage]] = {ANSWER: frozenset({"ringing"}), HANDLING: frozenset({"handling"})}
_NONE: frozenset[Stage] = frozenset()


@dataclass(frozen=True, slots=True)
class Deadline:
    """One promise about a call, and what became of it."""

    name: str
    rule: str
    since: datetime
    due: datetime
    limit_s: float
    inclusive: bool = True
    warning: bool = False
    state: State = "running"


@dataclass(frozen=True, slots=True)
class Promises:
    """All deadlines of a call in the order in which they were set, and the stages known to be over."""

    deadlines: tuple[Deadline, ...] = ()
    over: frozenset[Stage] = frozenset()

    def named(self, name: str) -> Deadline | None:
        """The deadline of this name."""
        return next((it for it in self.deadlines if it.name == name), None)

    def last(self, rule: str) -> Deadline | None:
        """The latest deadline under a rule."""
        return next((it for it in reversed(self.deadlines) if it.rule == rule), None)

    def first(self, rule: str) -> Deadline | None:
        """The earliest deadline under a rule."""
        return next((it for it in self.deadlines if it.rule == rule), None)


@dataclass(slots=True)
class Index:
    """The running deadlines by due time; entries whose deadline has ended fall out when they come up."""

    timers: list[tuple[datetime, str, str]] = field(default_factory=list)

    def note(self, id: str, before: Promises | None, after: Promises) -> None:
        """Deadlines of a call were set."""
        known = len(before.deadlines) if before else 0
        for it in after.deadlines[known:]:
            if it.state == "running":
                heapq.heappush(self.timers, (it.due, id, it.name))


World = AnyWorld[Promises, Index]


def evolve(promises: Promises | None, event: Data, at: datetime) -> Promises:
    """The call's promises after one of our own events."""
    now = promises or Promises()
    match event:
        case e.DeadlineSet():
            made = Deadline(
                name=event.deadline,
                rule=event.rule,
                since=event.since,
                due=event.due,
                limit_s=event.limit_s,
                inclusive=event.inclusive,
                warning=event.warning,
            )
            answered = event.rule == HANDLING
            return Promises((*now.deadlines, made), now.over | _OVER[ANSWER] if answered else now.over)
        case e.DeadlineMet():
            return _end(now, event.deadline, "met", _OVER.get(event.rule, _NONE))
        case e.DeadlineBreached():
            return _end(now, event.deadline, "breached")
        case e.DeadlineWarned():
            return _end(now, event.deadline, "warned")
        case e.DeadlineCancelled():
            over = event.reason in (ENDED, ABANDONED)
            return _end(now, event.deadline, "cancelled", _OVER.get(event.rule, _NONE) if over else _NONE)
        case e.DeadlineCorrected():
            over = event.verdict == "met"
            return _end(now, event.deadline, event.verdict, _OVER.get(event.rule, _NONE) if over else _NONE)
        case e.StageEnded():
            return replace(now, over=now.over | {event.stage})
    return now


def _end(now: Promises, name: str, state: State, stages: frozenset[Stage] = _NONE) -> Promises:
    deadlines = tuple(replace(it, state=state) if it.name == name else it for it in now.deadlines)
    return Promises(deadlines, now.over | stages)


def closed(promises: Promises) -> bool:
    """Whether the call's promises may leave memory: nothing is running."""
    return all(it.state != "running" for it in promises.deadlines)


def deadlines(world: World, query: DeadlinesQuery) -> dict[str, Any]:
    """All deadlines of the call, or of all calls those that are running, by due time."""
    if query.call:
        promises = world.aggregates.get(query.call, Promises())
        found = [(query.call, it) for it in promises.deadlines]
    else:
        found = [
            (call, it)
            for call, promises in world.aggregates.items()
            for it in promises.deadlines
            if it.state == "running"
        ]
    found.sort(key=lambda pair: (pair[1].due, pair[0], pair[1].name))
    return {"deadlines": [_row(call, it) for call, it in found]}


def _row(call: str, it: Deadline) -> dict[str, Any]:
    return {
        "call": call,
        "deadline": it.name,
        "rule": it.rule,
        "since": _text(it.since),
        "due": _text(it.due),
        "limit_s": it.limit_s,
        "inclusive": it.inclusive,
        "warning": it.warning,
        "state": it.state,
    }


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
