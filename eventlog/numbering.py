"""How an event of a decision is stored, and the id that it has: the same one whenever it is decided again."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from eventlog.codec import Malformed
from eventlog.decider import Arrival, Decider
from eventlog.secrecy import Secrecy

LARGEST = 400 * 1024
"""Bytes of data that an event may have: with its headers it must fit where a message of 512 KiB does."""


class Encoded(NamedTuple):
    """An event of a decision, and how it is stored."""

    aggregate: str
    event: Any
    name: str
    version: int
    data: bytes


def encoded(decider: Decider[Any], secrecy: Secrecy, decision: Sequence[tuple[str, Any]]) -> list[Encoded]:
    """The events of a decision, sealed where that must be; Malformed if one is too large to be recorded."""
    found = []
    for aggregate, event in decision:
        name, version, data = decider.encode(event)
        found.append(Encoded(aggregate, event, name, version, secrecy.seal(aggregate, event, data)))
    largest = max((len(event.data) for event in found), default=0)
    if largest > LARGEST:
        raise Malformed("data", f"at most {LARGEST} bytes when recorded", str(largest))
    return found


def salt_of(source: str, arrival: Arrival) -> str:
    """What the ids of an input's events are made of; a command's verb is part of it, a fact's type is not."""
    cause = arrival.message
    verb = f" {cause.name}" if arrival.kind == "command" else ""
    again = f" {arrival.again.id}" if arrival.again else ""
    return f"{source} {arrival.kind} {cause.source} {cause.id}{verb}{again}"


def event_id(salt: str, place: int) -> str:
    """The id of the event at a place (from 1) of its decision."""
    return blake2b(f"{salt} {place}".encode(), digest_size=12).hexdigest()
