"""Which promises a protocol makes, by when each is due, and when it is broken."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from contracts.events import DeadlineSet
from contracts.protocol import Calendar, Complexity, Promise, Protocol, Target
from services.sla import hours

GRACE = timedelta(seconds=1)
"""How far the clock must have passed a due time before it is final that nothing was heard in time."""
MOST_MARKS = 100
"""Marks missed one after the other after which nobody is expected to come back to a held caller."""

ANSWER, HANDLING, HOLD, PREMIUM, TICKET, NEXT_STEP = (
    *("answer", "handling", "hold", "premium", "ticket", "next-step"),
)
ANSWER_TARGET, HANDLING_TARGET = "answer-target", "handling-target"
RETRY, OFFER, CONTACT, CONTACT_RETRY = "retry", "offer", "contact", "contact-retry"
SUPERVISOR, WRAP_UP, BLOCK, CALLBACK = "supervisor", "wrap-up", "block", "callback"


class Limit(NamedTuple):
    """How many seconds something may take, under which rule; `kind` is what its deadlines are named after."""

    kind: str
    rule: str
    seconds: float
    inclusive: bool = True
    warning: bool = False
    warn_s: float | None = None


def watches(protocol: Protocol) -> bool:
    """Whether anything is due, or counted, in the course of a call."""
    limits = protocol.limits
    return bool(limits.answer_s or limits.handling_s or limits.handling_warning_s or _more(protocol))


def remembers(protocol: Protocol) -> bool:
    """Whether queue and line of a call must be remembered, or more of its course than its deadlines say."""
    return _more(protocol) or not protocol.limits.answer_s


def _more(protocol: Protocol) -> bool:
    limits = protocol.limits
    clocks = limits.hold_s or limits.premium_handling_s or limits.simple_question_s
    return bool(clocks or protocol.targets or protocol.watched)


def ringing(protocol: Protocol, queue: str) -> list[Limit]:
    """R25, R56: how long a call may ring; R25 alone is broken at the very instant of its limit."""
    seconds = protocol.limits.answer_s
    limits = [Limit(ANSWER, "R25", seconds, inclusive=False)] if seconds else []
    if target := _target(protocol, queue, None, "answer_s"):
        limits.append(Limit(ANSWER_TARGET, "R56", target))
    return strictest(limits)


def talking(
    protocol: Protocol, queue: str, premium: bool, complexity: Complexity | None, product: str | None
) -> list[Limit]:
    """R22, R56, R59, R71: what is due from the answer on, while complexity and product are mostly not known."""
    limits = protocol.limits
    found = []
    if complexity and (seconds := limits.handling_s.get(complexity)):
        found.append(Limit(HANDLING, "R22", seconds))
    elif first := limits.handling_warning_s or min(limits.handling_s.values(), default=None):
        found.append(Limit(HANDLING, "R22", first, warning=True))
    if limits.premium_handling_s and premium:
        found.append(Limit(PREMIUM, "R59", limits.premium_handling_s, warning=True))
    if limits.simple_question_s:
        found.append(Limit(TICKET, "R71", limits.simple_question_s))
    if target := handling_target(protocol, queue, product):
        found.append(target)
    return strictest(found)


def handling_target(protocol: Protocol, queue: str, product: str | None) -> Limit | None:
    """R56: how long a call of the queue about the product may take."""
    seconds = _target(protocol, queue, product, "handling_s")
    return Limit(HANDLING_TARGET, "R56", seconds) if seconds else None


def _target(protocol: Protocol, queue: str, product: str | None, level: str) -> float | None:
    def holds(target: Target) -> bool:
        return (not target.queues or queue in target.queues) and (
            not target.products or product in target.products
        )

    seconds = (getattr(target, level) for target in protocol.targets if holds(target))
    return next((each for each in seconds if each), None)


def is_premium(protocol: Protocol, number: str | None, at: datetime) -> bool:
    """Whether the caller who dialled this number pays by the minute."""
    line = protocol.line_of(number, day_of(protocol, at))
    return line is not None and line.premium


def strictest(limits: list[Limit]) -> list[Limit]:
    """Those that end first, first."""
    return sorted(limits, key=lambda limit: limit.seconds)


def deadline(limit: Limit, name: str, since: datetime, protocol: Protocol) -> DeadlineSet:
    """The deadline of this name that the limit sets from a moment on."""
    due = since + timedelta(seconds=limit.seconds)
    warns = limit.warn_s and limit.warn_s < limit.seconds
    return DeadlineSet(
        deadline=name,
        rule=limit.rule,
        since=since,
        due=due,
        limit_s=limit.seconds,
        inclusive=limit.inclusive,
        warning=limit.warning,
        warn=due - timedelta(seconds=limit.warn_s) if limit.warn_s and warns else None,
        protocol=protocol.version,
    )


def promised(promise: Promise, name: str, since: datetime, protocol: Protocol) -> DeadlineSet:
    """The deadline that a promise sets from a moment on, in the open time of its calendar."""
    calendar, zone = calendar_of(protocol, promise), protocol.timezone
    if promise.within_s:
        due = after(calendar, zone, since, promise.within_s)
    else:
        assert calendar
        end = hours.end_of_slot if promise.end_of == "shift" else hours.end_of_day
        due = end(calendar, zone, since)
    return DeadlineSet(
        deadline=name,
        rule=promise.rule,
        since=since,
        due=due,
        limit_s=promise.within_s or (due - since).total_seconds(),
        warn=warning_of(protocol, promise, since, left(calendar, zone, since, due)),
        escalate=escalation_of(protocol, promise, due) or None,
        calendar=f"{promise.calendar}@{calendar.version}" if calendar else None,
        protocol=protocol.version,
    )


def warning_of(protocol: Protocol, promise: Promise, since: datetime, left: float) -> datetime | None:
    """When a promise of which so much open time is left warns; None if it is too late for that."""
    if promise.warn_s is None or left <= promise.warn_s:
        return None
    return after(calendar_of(protocol, promise), protocol.timezone, since, left - promise.warn_s)


def escalation_of(protocol: Protocol, promise: Promise, due: datetime) -> tuple[datetime, ...]:
    """When each level of the line hears that it was not kept, all counted in open time from when it was due."""
    calendar = calendar_of(protocol, promise)
    return tuple(after(calendar, protocol.timezone, due, seconds) for seconds in sorted(promise.escalate_s))


def calendar_of(protocol: Protocol, promise: Promise) -> Calendar | None:
    """The calendar whose open time counts for a promise; None: all time does."""
    return protocol.calendars.get(promise.calendar) if promise.calendar else None


def after(calendar: Calendar | None, zone: str, since: datetime, seconds: float) -> datetime:
    """When so much open time has passed; without a calendar all time is open."""
    if calendar is None:
        return since + timedelta(seconds=seconds)
    return hours.after(calendar, zone, since, seconds)


def left(calendar: Calendar | None, zone: str, since: datetime, until: datetime) -> float:
    """How much open time is between two moments, in seconds; without a calendar all time is open."""
    if calendar is None:
        return max((until - since).total_seconds(), 0)
    return hours.open_seconds(calendar, zone, since, until)


def is_past(due: datetime, inclusive: bool, at: datetime) -> bool:
    """Whether at this moment it is too late."""
    return at > due if inclusive else at >= due


def day_of(protocol: Protocol, at: datetime) -> date:
    """The day that it is in the protocol's time zone."""
    return at.astimezone(ZoneInfo(protocol.timezone)).date()
