"""What the protocol and the desks say about who gets a call."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from hashlib import blake2b

from contracts.events import NeedEstablished
from contracts.protocol import Protocol, Row
from contracts.registry import aggregate_of, valid_id

RETRY, OFFER, CONTACT, SUPERVISOR, WRAP_UP = "retry", "offer", "contact", "supervisor", "wrap-up"
"""What the deadlines are called, or how their names begin, that something follows from here."""


def row_for(protocol: Protocol, need: NeedEstablished | None = None, kind: str | None = None) -> Row | None:
    """The first row of the routing table that matches; the unknown matches only rows that do not ask. R10, R51, R52.

    Without a need only the `kind` is known.
    """
    if need is None:
        need = NeedEstablished.model_construct(kind=kind, category=None)
    for row in protocol.routing:
        known = (
            (row.kinds, need.kind),
            (row.categories, need.category),
            (row.products, need.product),
            (row.queues, need.queue),
        )
        if all(not asked or it in asked for asked, it in known):
            return row
    return None


def priority_of(protocol: Protocol, row: Row, special_treatment: bool) -> int:
    """The row's priority, or the protocol's for special treatment if that comes first. R07."""
    return min(row.priority, protocol.special_priority) if special_treatment else row.priority


def next_of(free: Iterable[str], tried: Collection[str], last: str | None, *, renew: bool) -> str | None:
    """Whom to ask next: the first who was not asked in this round.

    `free` is in the order of asking. With `renew` a new round begins when all were asked, and `last`, who was
    asked last, comes last in it; without, nobody is left.
    """
    again: list[str] = []
    for agent in free:
        if agent not in tried:
            return agent
        again.append(agent)
    if not renew:
        return None
    return next((agent for agent in again if agent != last), last if last in again else None)


def next_share(shares: Mapping[str, int], taken: Mapping[str, int]) -> str:
    """The desk that is due to take the next of what is shared. R54.

    `shares` are percent that add up to 100, `taken` how many each desk has had under them. After every one of
    them each desk is less than one away from its share, and after each hundred exactly at it: Tijdeman's
    algorithm for the chairman assignment problem (Discrete Mathematics 32, 1980), in whole numbers.
    """
    parts = {desk: share for desk, share in sorted(shares.items()) if share}
    if len(parts) == 1:
        return next(iter(parts))
    count = sum(taken.get(desk, 0) for desk in parts) + 1
    scale = 2 * len(parts) - 2
    owed = {desk: scale * (share * count - 100 * taken.get(desk, 0)) for desk, share in parts.items()}
    able = [desk for desk in parts if owed[desk] >= 100]
    return min(able, key=lambda desk: ((100 * (scale - 1) - owed[desk]) / parts[desk], desk))


def attempt_of(deadline: str) -> tuple[str, int] | None:
    """What kind of attempt a deadline waits for, a retry or an answer to an offer, and its number. R11."""
    kind, _, number = deadline.rpartition("-")
    return (kind, int(number)) if kind in (RETRY, OFFER) and number.isdecimal() else None


def is_named(deadline: str, name: str) -> bool:
    """Whether a deadline bears this name, or the name with a number because it was used before."""
    rest = deadline.removeprefix(name)
    return rest != deadline and (not rest or rest.removeprefix("-").isdecimal())


def keeps_agents_free(protocol: Protocol) -> bool:
    """Whether it matters in this centre who is on a call: somebody there is offered work or called for help."""
    return bool(protocol.routing or protocol.limits.wrap_up_s or protocol.conduct)


def named(kind: str, name: str) -> str:
    """The aggregate of a queue or desk; a name that can stand in no subject gives way to a digest of it."""
    usable = valid_id(name, kind) and len(name) <= 64
    return aggregate_of(kind, name if usable else f"~{blake2b(name.encode(), digest_size=12).hexdigest()}")
