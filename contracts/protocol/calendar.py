"""A calendar: when a centre, a desk or a trade is open. Times are those of a wall clock in its time zone."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Annotated, Literal, Self, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from contracts.base import Data, Name

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
"""In the order of `date.weekday()`."""

_TIME = "([01][0-9]|2[0-3]):[0-5][0-9]"


def minutes_of(slot: str) -> tuple[int, int]:
    """First minute of the day that belongs to a slot, and first that does not: 540 and 840 for 09:00-14:00."""
    start, end = ((int(hours), int(minutes)) for hours, minutes in (t.split(":") for t in slot.split("-")))
    return start[0] * 60 + start[1], end[0] * 60 + end[1]


def _forward(slot: str) -> str:
    start, end = minutes_of(slot)
    if start >= end:
        hint = "a slot over midnight is two: up to 24:00, and from 00:00 on the next day"
        raise ValueError(f"slot {slot} must end after it starts; {hint}")
    return slot


def _in_order(slots: tuple[str, ...]) -> tuple[str, ...]:
    for one, next in pairwise(slots):
        if minutes_of(next)[0] < minutes_of(one)[1]:
            raise ValueError(f"slot {next} must not start before {one} has ended")
    return slots


def _known(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{zone!r} is no IANA time zone") from None
    return zone


Zone = Annotated[Name, AfterValidator(_known)]
"""The name of an IANA time zone."""
Slot = Annotated[str, Field(pattern=rf"^{_TIME}-({_TIME}|24:00)$"), AfterValidator(_forward)]
"""A stretch of a day as 09:00-14:00; the start belongs to it, the end does not."""
Slots = Annotated[tuple[Slot, ...], AfterValidator(_in_order)]
"""The slots of a day in order; one may start when the one before ends."""


class Holidays(Data):
    """Whose public holidays are kept: a country by its ISO 3166 code, and a part of it by the code there."""

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    subdivision: Name | None = None


class Calendar(Data):
    """Slots by weekday, and the days that differ: `open` stands above `closed`, which stands above `slots`.

    `closed` names the centre's own days, and once published also the public holidays up to `expanded_to`.
    """

    version: int = Field(default=1, ge=1)
    timezone: Zone | None = None
    slots: dict[Weekday, Slots] = {}
    holidays: Holidays | None = None
    closed: dict[date, Name] = {}
    open: dict[date, Annotated[Slots, Field(min_length=1)]] = {}
    expanded_to: date | None = None

    @model_validator(mode="after")
    def _opens(self) -> Self:
        if not any(self.slots.values()) and not self.open:
            raise ValueError("a calendar needs a slot on some day")
        return self

    def slots_on(self, day: date) -> tuple[Slot, ...]:
        """The slots of a day in order; none if it is closed."""
        if day in self.open:
            return self.open[day]
        return () if day in self.closed else self.slots.get(WEEKDAYS[day.weekday()], ())
