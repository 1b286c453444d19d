"""Facts that come before what they follow: how they are recorded, and read back to be decided on."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from contracts import registry
from contracts.base import Data, Refused
from contracts.deciding import World
from contracts.events import FactDeferred
from eventlog.codec import Message
from eventlog.decider import Arrival, Held
from services.sealed import marked, stand_in
from services.sealing import Sealing

PATIENCE = timedelta(seconds=5)
"""How long a fact waits for what it follows."""


def deferred(
    sealing: Sealing, world: World[Any, Any], arrival: Arrival, reason: Refused, until: Any
) -> tuple[str, Data]:
    """The record of a fact that waits, by the aggregate that it is about."""
    message = arrival.message
    data: dict[str, Any] = json.loads(message.data)
    why, about, expected = reason.detail, reason.field, reason.expected
    if not sealing.keeps_original(arrival.aggregate):
        why, about = reason.rule, ""
        data = without_unasked(world, arrival.aggregate, message.name, data)
    return arrival.aggregate, FactDeferred(
        position=message.seq,
        type=message.name,
        until=until,
        reason=why or reason.rule,
        rule=reason.rule,
        field=about or None,
        expected=expected or None,
        version=message.version,
        data=data,
    )


def without_unasked(
    world: World[Any, Any], aggregate: str, name: str, data: dict[str, Any]
) -> dict[str, Any]:
    """A fact's data with something else where a personal value stands that the protocol does not ask for.

    That it was given is seen later all the same, and not what.
    """
    protocol = world.under(getattr(world.aggregates.get(aggregate), "protocol", None))
    kind = registry.recorded_types()[name]
    asks = protocol.asks_for
    unasked = [it for it in marked(kind) if it in data and asks is not None and f"{name}.{it}" not in asks]
    return data | {it: stand_in(kind, it) for it in unasked if data[it] is not None}


def held(centre: str, message: Message, event: FactDeferred) -> Held:
    """The fact that waits, as it came; None in its place where it cannot be read any more."""
    topic = registry.topic_of(event.type) or ""
    id = message.aggregate.partition(":")[2] if topic != "call" else message.aggregate
    fact = message._replace(
        aggregate=id,
        name=event.type,
        data=json.dumps(event.data).encode(),
        id=message.cause,
        source=message.cause_source,
        version=event.version,
        sequence=0,
        cause="",
        cause_source="",
        inbox=0,
        log=0,
        protocol=1,
        seq=event.position,
        stored=message.time,
        subject=registry.inbox_subject(centre, topic, id),
    )
    key = f"{message.cause_source} {message.cause}"
    return Held(event.until, message.id, message.aggregate, None if event.data is None else fact, event, key)
