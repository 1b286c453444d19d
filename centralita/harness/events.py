"""What was recorded, as a test sees it: whom an event is about, whether it is the one expected, how a story reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from centralita.shapes import fits, holds
from centralita.short import elapsed, facts

__all__ = ["Event", "moment", "story"]

BESIDE = ("assignment", "matter")
"""What is kept beside a call, as `assignment:c1`."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the log: who recorded what of whom (`about`), when by the centre's clock; `event[field]`."""

    position: int
    service: str
    type: str
    about: str
    data: Mapping[str, Any]
    time: datetime | None
    id: str
    cause: str

    @classmethod
    def of(cls, told: Mapping[str, Any], position: int) -> Event:
        """Read a CloudEvent in JSON form."""
        time = datetime.fromisoformat(told["time"]) if told.get("time") else None
        service = told["source"].rpartition("/")[2]
        cause = str(told.get("cause", ""))
        return cls(position, service, told["type"], told["subject"], told["data"], time, told["id"], cause)

    def __getitem__(self, name: str) -> Any:
        return self.data[name]

    def is_about(self, kind: str, id: str) -> bool:
        """Whether it is of this call, agent or customer, or names it in a field."""
        beside, _, of = self.about.partition(":")
        whole = of if kind == "call" and beside in BESIDE else self.about
        return whole == (id if kind == "call" else f"{kind}:{id}") or str(self.data.get(kind)) == id

    def matches(self, data: Mapping[str, Any], contains: Mapping[str, Any], at: datetime | None) -> bool:
        """Whether its data and time are as expected; of texts and lists in `contains` it needs only a part."""
        return (
            (at is None or self.time == at)
            and fits(data, self.data, moment)
            and all(holds(part, self.data.get(name), moment) for name, part in contains.items())
        )


def moment(told: Any) -> datetime | None:
    """A time that a test expects: a datetime with its zone."""
    return told.astimezone(UTC) if isinstance(told, datetime) and told.tzinfo else None


def story(events: Iterable[Event], start: datetime) -> str:
    """A line for each event: how long after the start, who recorded it, what, about whom, and its data."""
    told = [
        f"    {elapsed(event.time, start):>12}  {event.service:<8} {event.type:<20} {event.about}"
        f"  {facts(event.data)}".rstrip()
        for event in events
    ]
    return "\n".join(told) or "    nothing was recorded"
