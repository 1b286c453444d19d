"""Which promises the protocol makes, and when a promise is broken."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from contracts.events import DeadlineSet
from contracts.facts import Complexity
from contracts.protocol import Protocol

GRACE = timedelta(seconds=1)
"""How far the clock must have passed a due time before it is final that nothing was heard in time."""

ANSWER, HANDLING, RETRY, CONTACT = "R25", "R22", "R11", "R13"


class Limit(NamedTuple):
    """How long something may take, in seconds, under which rule."""

    rule: str
    seconds: float
    inclusive: bool = True
    warning: bool = False


def answer_limit(protocol: Protocol) -> Limit | None:
    """How long a call may ring; at the very instant of the limit it is too late."""
    seconds = protocol.limits.answer_s
    return Limit(ANSWER, seconds, inclusive=False) if seconds else None


def first_handling_limit(protocol: Protocol) -> Limit | None:
    """When to warn while the complexity is not known; by default at the shortest of the handling limits."""
    limits = protocol.limits
    seconds = limits.handling_warning_s or min(limits.handling_s.values(), default=None)
    return Limit(HANDLING, seconds, warning=True) if seconds else None


def handling_limit(protocol: Protocol, complexity: Complexity) -> Limit | None:
    """How long a call of this complexity may take from the answer to its end."""
    seconds = protocol.limits.handling_s.get(complexity)
    return Limit(HANDLING, seconds) if seconds else None


def retry_limit(protocol: Protocol) -> Limit | None:
    """How soon somebody else is to be asked, after an offer."""
    seconds = protocol.limits.retry_s
    return Limit(RETRY, seconds) if seconds else None


def contact_limit(protocol: Protocol) -> Limit | None:
    """How soon the owner is to have reached the client."""
    seconds = protocol.limits.contact_s
    return Limit(CONTACT, seconds) if seconds else None


def promise(limit: Limit, deadline: str, since: datetime, protocol: Protocol) -> DeadlineSet:
    """The deadline of this name that the limit sets from a moment on."""
    return DeadlineSet(
        deadline=deadline,
        rule=limit.rule,
        since=since,
        due=since + timedelta(seconds=limit.seconds),
        limit_s=limit.seconds,
        inclusive=limit.inclusive,
        warning=limit.warning,
        protocol=protocol.version,
    )


def is_past(due: datetime, inclusive: bool, at: datetime) -> bool:
    """Whether at this moment it is too late."""
    return at > due if inclusive else at >= due
