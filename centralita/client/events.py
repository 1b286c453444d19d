"""What goes in and what comes out: facts, what was accepted of them, what commands recorded, events of the log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

__all__ = ["Accepted", "Event", "Fact", "Recorded", "timestamp", "to_json"]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened outside, about the call, agent or customer `about`.

    Without a `time` it happened when it is stored; on a virtual clock say when. The same `source` and `id` again
    change nothing, however late. `trace` is a W3C traceparent, carried on to the last consequence.

        Fact("call.offered", "c-1", {"from": "+34600555101", "queue": "general"})
    """

    type: str
    about: str
    data: Mapping[str, Any] = field(default_factory=dict)
    time: datetime | None = None
    id: str = field(default_factory=lambda: uuid4().hex)
    source: str = "/centralita/client"
    version: int = 1
    trace: str = ""

    def cloudevent(self) -> dict[str, Any]:
        """The fact as a CloudEvent in JSON form; ValueError where its time has no offset."""
        found: dict[str, Any] = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.about,
            "data": self.data,
        }
        if self.time is not None:
            found["time"] = timestamp(self.time)
        if self.version != 1:
            found["dataversion"] = self.version
        if self.trace:
            found["traceparent"] = self.trace
        return found


@dataclass(frozen=True, slots=True)
class Accepted:
    """A fact that is on disk, at this position of the inbox."""

    id: str
    source: str
    position: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a command led to: the event's id, type, data and time, and its position in the log."""

    id: str
    type: str
    position: int
    data: Mapping[str, Any]
    time: datetime | None = None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Recorded:
        """Read a service's answer."""
        time = _moment(answer.get("time"))
        return cls(answer["id"], answer["type"], answer["position"], answer["data"], time)


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the log: which `service` recorded it `about` whom, when it happened, and what led to it.

    `cause` is the id of the fact, command or event that it follows from (`cause_source`: where that came from, unless
    it is an event), `actor` who gave the command, `place` its place in the decision as (2, 3), `protocol` the version
    of the rules, `cloudevent` all of it in JSON form.
    """

    position: int
    type: str
    about: str
    service: str
    data: Mapping[str, Any]
    time: datetime | None
    id: str
    source: str
    cause: str = ""
    cause_source: str = ""
    actor: str = ""
    place: tuple[int, int] = (1, 1)
    protocol: int = 1
    version: int = 1
    trace: str = ""
    cloudevent: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, position: int, event: Mapping[str, Any]) -> Event:
        """Read a CloudEvent in JSON form, as it stands in the log."""
        part, _, of = str(event.get("place", "1/1")).partition("/")
        return cls(
            position=position,
            type=event["type"],
            about=event["subject"],
            service=event["source"].rpartition("/")[2],
            data=event["data"],
            time=_moment(event.get("time")),
            id=event["id"],
            source=event["source"],
            cause=event.get("cause", ""),
            cause_source=event.get("causesource", ""),
            actor=event.get("actor", ""),
            place=(int(part), int(of)),
            protocol=int(event.get("protocol", 1)),
            version=int(event.get("dataversion", 1)),
            trace=event.get("traceparent", ""),
            cloudevent=event,
        )


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC; ValueError where the time has no offset."""
    if moment.tzinfo is None:
        raise ValueError(f"time: expected one with an offset, found {moment.isoformat()}")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def to_json(value: Any) -> bytes:
    """JSON in which times stand as texts; TypeError where something cannot travel in it."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot travel in JSON")


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
