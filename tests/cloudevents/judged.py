"""A message as a service takes it from the inbox, in each of the two modes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from contracts.base import Data
from eventlog.codec import Malformed, Message
from eventlog.headers import block_of
from eventlog.pull import nanoseconds
from eventlog.stream import Raw
from services.facts import fact_of
from services.intake.app import SERVICE
from services.seat import place_of

PLACE = place_of("acme", SERVICE)
SUBJECT = "inbox.acme.call.c-1"
STRUCTURED = "application/cloudevents+json"
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "1",
    "source": "/pbx",
    "type": "call.offered",
    "time": "2026-03-02T09:10:00Z",
    "data": {"from": "600 100 200", "queue": "main"},
}


def binary(headers: dict[str, str], body: bytes = b"{}") -> tuple[Message, Data]:
    """What a service takes from a message with these headers; Malformed where it refuses it."""
    arrival = PLACE.fact(
        Raw(SUBJECT, block_of(headers), body, 7, nanoseconds(datetime(2026, 3, 2, tzinfo=UTC)), 0)
    )
    if arrival.malformed:
        raise arrival.malformed
    return arrival.message, fact_of(arrival.message, "call")


def structured(body: dict[str, Any] | bytes, kind: str = STRUCTURED, **beside: str) -> tuple[Message, Data]:
    """What a service takes from a message with this event as its body."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return binary({"Content-Type": kind, **beside}, content)


def in_both(event: dict[str, Any]) -> list[tuple[Message, Data] | Malformed]:
    """What comes of an event whose attributes are texts, in the binary mode and in the structured."""
    attributes = {name: value for name, value in event.items() if name not in ("data", "datacontenttype")}
    headers = {f"ce-{name}": value for name, value in attributes.items()}
    if "datacontenttype" in event:
        headers["ce-datacontenttype"] = event["datacontenttype"]
    return [
        _tried(lambda: binary(headers, json.dumps(event["data"]).encode())),
        _tried(lambda: structured(event)),
    ]


def _tried(read: Any) -> tuple[Message, Data] | Malformed:
    try:
        return read()  # type: ignore[no-any-return]
    except Malformed as wrong:
        return wrong
