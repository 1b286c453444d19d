"""Judging a scenario: what an event says, whether it is what was expected, and how the story is told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from centralita import lines, shapes
from centralita.scenarios import ScenarioError
from centralita.short import elapsed, facts
from centralita.steps import moment
from contracts import registry
from eventlog.codec import Message

__all__ = ["Event", "exactly", "fits", "holds", "story"]


class Event(NamedTuple):
    """An event without what differs from one run to the next: ids, positions, when it was stored."""

    service: str
    aggregate: str
    name: str
    data: dict[str, Any]
    time: datetime | None
    place: tuple[int, int]

    @classmethod
    def of(cls, message: Message) -> Event:
        """What a message of the log says."""
        service, aggregate = message.subject.split(".", 3)[2:]
        data = lines.data_of(message)
        return cls(service, aggregate, message.name, data, message.time, message.place)

    def is_about(self, about: Mapping[str, str]) -> bool:
        """Whether it is about all of these: recorded of them, beside such a call, or naming them in a field."""
        for key, value in about.items():
            of = self.aggregate if key == "about" else registry.call_of(self.aggregate)
            whole = value if key in ("about", "call") else registry.aggregate_of(key, value)
            if of != whole and (key == "about" or str(self.data.get(key)) != value):
                return False
        return True


def fits(expected: Any, found: Any, start: datetime) -> bool:
    """Whether it is what was expected; times are told as in a scenario that begins at `start`."""
    return shapes.fits(expected, found, partial(_moment, start))


def holds(part: Any, found: Any, start: datetime) -> bool:
    """Whether a text holds this part, or a list such an element."""
    return shapes.holds(part, found, partial(_moment, start))


def _moment(start: datetime, told: Any) -> datetime | None:
    try:
        return moment(told, start)
    except ScenarioError:
        return None


def story(events: Iterable[Event], start: datetime) -> str:
    """A line for each event: when, who recorded it, what, about whom, and its data."""
    return "\n".join(
        f"    {elapsed(event.time, start):>12}  {event.service:<8} {event.name:<20} {event.aggregate}"
        f"  {facts(event.data)}".rstrip()
        for event in events
    )


def exactly(found: Any) -> str:
    """What was found, in full."""
    each = [it.data if isinstance(it, Event) else it for it in found]
    return "\n".join(f"    {json.dumps(it, ensure_ascii=False, default=str)}" for it in each)
