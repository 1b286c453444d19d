"""What the protocol and the desks say about who gets a call."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from contracts.facts import Category
from contracts.protocol import Protocol, Row


def row_for(protocol: Protocol, kind: str | None, category: Category | None) -> Row | None:
    """The first row of the routing table that matches; the unknown matches only rows that do not ask. R10."""
    for row in protocol.routing:
        if (not row.kinds or kind in row.kinds) and (not row.categories or category in row.categories):
            return row
    return None


def priority_of(protocol: Protocol, row: Row, special_treatment: bool) -> int:
    """The row's priority, or the protocol's for special treatment if that comes first. R07."""
    return min(row.priority, protocol.special_priority) if special_treatment else row.priority


def next_of(free: Sequence[str], tried: Collection[str], last: str | None, *, renew: bool) -> str | None:
    """Whom to ask next: the first who was not asked in this round.

    `free` is in the order of asking. With `renew` a new round begins when all were asked, and `last`, who was
    asked last, comes last in it; without, nobody is left.
    """
    untried = [agent for agent in free if agent not in tried]
    if untried or not renew:
        return next(iter(untried), None)
    return next((agent for agent in free if agent != last), last if last in free else None)


def retry_name(attempt: int) -> str:
    """The deadline under which this attempt to find an owner runs. R11."""
    return f"retry-{attempt}"
