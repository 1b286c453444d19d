"""What is remembered of promises, and the timers in order of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import takewhile
from typing import Literal, NamedTuple

from contracts import events as e
from contracts.base import Data
from contracts.deciding import Input
from contracts.deciding import World as AnyWorld
from contracts.protocol import Complexity
from services.sla.policy import ANSWER, HANDLING, HOLD, MOST_MARKS
from services.sla.timers import Entry, Timers

State = Literal["running", "paused", "met", "breached", "cancelled", "warned"]
Stage = Literal["ringing", "handling"]
ENDED, ABANDONED = "ended", "abandoned"
"""Why a deadline was cancelled, where that says that the call is over."""
_OVER: dict[str, frozenset[Stage]] = {ANSWER: frozenset({"ringing"}), HANDLING: frozenset({"handling"})}
_NONE: frozenset[Stage] = frozenset()
_KEPT_OF_A_KIND, _KEPT_DAYS = 200, 3


class Timer(NamedTuple):
    """When something of a deadline happens by itself: `what` is due, warn, next or escalate-1, -2 …"""

    at: datetime
    deadline: str
    what: str


class Deadline(NamedTuple):
    """One promise, and what became of it; `level` counts escalations, None when there are no more to come.

    `ended` is when it was kept or no longer wanted.
    """

    name: str
    rule: str
    since: datetime
    due: datetime
    limit_s: float
    inclusive: bool = True
    warning: bool = False
    protocol: int = 1
    warn: datetime | None = None
    escalate: tuple[datetime, ...] = ()
    calendar: str | None = None
    state: State = "running"
    level: int | None = 0
    left_s: float | None = None
    ended: datetime | None = None

    def is_of(self, kind: str) -> bool:
        """Whether it is named after this kind: answer, answer-2, answer-3 …"""
        if not self.name.startswith(kind):
            return False
        rest = self.name[len(kind) :]
        return not rest or (rest[0] == "-" and rest[1:].isdigit())

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.state in ("running", "paused")

    @property
    def escalates(self) -> bool:
        """Whether somebody is still to hear that it was broken."""
        return self.state == "breached" and self.level is not None and self.level < len(self.escalate)

    def timer(self) -> Timer | None:
        """What happens next by itself."""
        if self.state == "running":
            warn = self.warn
            return Timer(warn, self.name, "warn") if warn else Timer(self.due, self.name, "due")
        if self.escalates and self.level is not None:
            return Timer(self.escalate[self.level], self.name, f"escalate-{self.level + 1}")
        return None


class Promises(NamedTuple):
    """Deadlines in the order in which they were set, and the stages known to be over.

    Of a call also the protocol version that it follows, its queue, whether the caller pays by the minute, and the
    complexity and product known before the answer; `watched`: its course is recorded even where no deadline says it.
    `answered` is when the talk began.
    """

    deadlines: tuple[Deadline, ...] = ()
    over: frozenset[Stage] = frozenset()
    protocol: int | None = None
    queue: str = ""
    premium: bool = False
    complexity: Complexity | None = None
    product: str | None = None
    watched: bool = False
    answered: datetime | None = None

    def named(self, name: str) -> Deadline | None:
        """The deadline of this name."""
        return next((it for it in self.deadlines if it.name == name), None)

    def last(self, kind: str) -> Deadline | None:
        """The latest deadline of a kind."""
        return next((it for it in reversed(self.deadlines) if it.is_of(kind)), None)

    def first(self, kind: str) -> Deadline | None:
        """The earliest deadline of a kind."""
        return next((it for it in self.deadlines if it.is_of(kind)), None)

    @property
    def missed_mark(self) -> Deadline | None:
        """The mark that was missed last while the caller is on hold, if another one is to follow it."""
        marks = [it for it in reversed(self.deadlines) if it.is_of(HOLD)]
        if not marks:
            return None
        missed = list(takewhile(lambda it: it.state == "breached", marks))
        return marks[0] if 0 < len(missed) < MOST_MARKS else None

    def timers(self) -> list[Timer]:
        """What happens next by itself, of each deadline."""
        found = [timer for it in self.deadlines if (timer := it.timer())]
        if missed := self.missed_mark:
            found.append(Timer(missed.due, missed.name, "next"))
        return found


class Figure(NamedTuple):
    """A figure that is watched: (day, calls, amount, whether it has alerted) of the latest days."""

    days: tuple[tuple[date, int, float, bool], ...] = ()

    def of(self, day: date) -> tuple[date, int, float, bool]:
        """How it stands on a day."""
        return next((it for it in self.days if it[0] == day), (day, 0, 0.0, False))


Aggregate = Promises | Figure


@dataclass(slots=True)
class Index:
    """The timers by time; entries that no longer hold fall out when they come up.

    `found` is the first of them, as it was found, by the entry and the promises that it was found in.
    """

    timers: Timers = field(default_factory=Timers)
    found: tuple[Entry, Aggregate | None, tuple[datetime, Input]] | None = None

    def note(self, id: str, before: Aggregate | None, after: Aggregate | None) -> None:
        """Deadlines were set, or have moved on."""
        if isinstance(after, Promises) and (timers := after.timers()):
            known = before.timers() if isinstance(before, Promises) else ()
            for timer in timers:
                if timer not in known:
                    self.timers.add(timer.at, id)


World = AnyWorld[Aggregate, Index]


def evolve(aggregate: Aggregate | None, event: Data, at: datetime) -> Aggregate:
    """Promises or a figure after one of our own events."""
    match event:
        case e.FigureCounted() | e.FigureAlerted() | e.FigureRecovered():
            return _figure(aggregate if isinstance(aggregate, Figure) else Figure(), event)
    now = aggregate if isinstance(aggregate, Promises) else Promises()
    match event:
        case e.CallWatched():
            return now._replace(
                protocol=event.protocol, queue=event.queue, premium=event.premium, watched=True
            )
        case e.ComplexityNoted():
            return now._replace(complexity=event.complexity)
        case e.ProductNoted():
            return now._replace(product=event.product)
        case e.DeadlineSet():
            return _set(now, event)
        case e.DeadlineMet():
            return _answered(_end(now, event.deadline, "met", event.at, over=True), event.deadline, event.at)
        case e.DeadlineBreached():
            return _end(now, event.deadline, "breached")
        case e.DeadlineWarned():
            return _warned(now, event.deadline)
        case e.DeadlineCancelled():
            return _end(now, event.deadline, "cancelled", at, over=event.reason in (ENDED, ABANDONED))
        case e.DeadlineCorrected():
            met = event.verdict == "met"
            now = _end(now, event.deadline, event.verdict, event.at, over=met)
            return _answered(now, event.deadline, event.at) if met else now
        case e.StageEnded(stage="escalation"):
            return _change(now, event.deadline or "", level=None)
        case e.StageEnded(stage="ringing" | "handling" as stage):
            began = at if stage == "ringing" and "handling" not in now.over else None
            return now._replace(over=now.over | {stage}, answered=now.answered or began)
        case e.DeadlinePaused():
            return _change(now, event.deadline, state="paused", left_s=event.left_s)
        case e.DeadlineResumed():
            times = {"due": event.due, "warn": event.warn, "escalate": event.escalate or ()}
            return _change(now, event.deadline, state="running", left_s=None, **times)
        case e.DeadlineEscalated():
            return _change(now, event.deadline, level=event.level)
    return now


def _set(now: Promises, event: e.DeadlineSet) -> Promises:
    made = Deadline(
        name=event.deadline,
        rule=event.rule,
        since=event.since,
        due=event.due,
        limit_s=event.limit_s,
        inclusive=event.inclusive,
        warning=event.warning,
        protocol=event.protocol,
        warn=event.warn,
        escalate=event.escalate or (),
        calendar=event.calendar,
    )
    handling = event.rule == "R22"
    return now._replace(
        deadlines=(*_without_oldest(now.deadlines, made), made),
        over=now.over | _OVER[ANSWER] if handling else now.over,
        protocol=now.protocol or event.protocol,
        answered=now.answered or (event.since if handling else None),
    )


def _without_oldest(deadlines: tuple[Deadline, ...], made: Deadline) -> tuple[Deadline, ...]:
    """What goes on for ever (marks of a hold, an agent's wrap-ups) is remembered only so far back."""
    kind = made.name.rstrip("0123456789").removesuffix("-")
    same = [it for it in deadlines if it.is_of(kind)]
    if len(same) <= _KEPT_OF_A_KIND or same[1].alive:
        return deadlines
    return tuple(it for it in deadlines if it is not same[1])


def _change(now: Promises, name: str, **changes: object) -> Promises:
    return now._replace(
        deadlines=tuple(
            it._replace(**changes) if it.name == name else it  # type: ignore[arg-type]
            for it in now.deadlines
        ),
    )


def _end(
    now: Promises, name: str, state: State, at: datetime | None = None, *, over: bool = False
) -> Promises:
    stages = _NONE
    if over:
        it = now.named(name)
        stages = next((_OVER[kind] for kind in _OVER if it and it.is_of(kind)), _NONE)
    changed = _change(now, name, state=state, ended=at)
    return changed._replace(over=now.over | stages) if stages else changed


def _answered(now: Promises, name: str, at: datetime) -> Promises:
    it = now.named(name)
    return now._replace(answered=now.answered or at) if it and it.is_of(ANSWER) else now


def _warned(now: Promises, name: str) -> Promises:
    it = now.named(name)
    return _change(now, name, state="warned") if it and it.warning else _change(now, name, warn=None)


def _figure(now: Figure, event: e.FigureCounted | e.FigureAlerted | e.FigureRecovered) -> Figure:
    day, calls, amount, alerted = now.of(event.day)
    if isinstance(event, e.FigureCounted):
        calls, amount = event.calls, event.amount
    else:
        alerted = isinstance(event, e.FigureAlerted)
    others = [it for it in now.days if it[0] != day]
    return Figure(tuple(sorted([*others, (day, calls, amount, alerted)])[-_KEPT_DAYS:]))


def closed(aggregate: Aggregate) -> bool:
    """Whether it may leave memory: nothing runs or waits; a figure stays."""
    return isinstance(aggregate, Promises) and not (
        any(it.alive for it in aggregate.deadlines) or aggregate.timers()
    )
