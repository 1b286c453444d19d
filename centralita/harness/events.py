"""What was recorded, as a test judges it: whom an event is about, whether it is the one expected, how a story reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from centralita.client import Event
from centralita.shapes import fits, holds
from centralita.short import elapsed, facts

__all__ = ["is_about", "matches", "story"]

BESIDE = ("assignment", "matter")
"""What is kept beside a call, as `assignment:c1`."""


def is_about(event: Event, kind: str, id: str) -> bool:
    """Whether it is of this call, agent or customer, or names it in a field."""
    beside, _, of = event.about.partition(":")
    whole = of if kind == "call" and beside in BESIDE else event.about
    return whole == (id if kind == "call" else f"{kind}:{id}") or str(event.data.get(kind)) == id


def matches(event: Event, data: Mapping[str, Any], contains: Mapping[str, Any], at: datetime | None) -> bool:
    """Whether its data and time are as expected; of texts and lists in `contains` it needs only a part."""
    return (
        (at is None or event.time == at)
        and fits(data, event.data, _moment)
        and all(holds(part, event.data.get(name), _moment) for name, part in contains.items())
    )


def _moment(told: Any) -> datetime | None:
    return told.astimezone(UTC) if isinstance(told, datetime) and told.tzinfo else None


def story(events: Iterable[Event], start: datetime) -> str:
    """A line for each event: how long after the start, who recorded it, what, about whom, and its data."""
    told = [
        f"    {elapsed(event.time, start):>12}  {event.service:<8} {event.type:<20} {event.about}"
        f"  {facts(event.data)}".rstrip()
        for event in events
    ]
    return "\n".join(told) or "    nothing was recorded"
