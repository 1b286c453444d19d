"""Times in order, by the million: those of a minute to come are two rows of numbers and names until it is looked at."""

from __future__ import annotations

import heapq
from array import array
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MINUTE = 60_000_000
Entry = tuple[int, str]
"""Microseconds since 1970, and the aggregate to which something happens then."""


def micros(at: datetime) -> int:
    """Microseconds since 1970."""
    return (at - EPOCH) // _MICROSECOND


def moment(number: int) -> datetime:
    """The time so many microseconds after 1970, in UTC."""
    return EPOCH + timedelta(microseconds=number)


@dataclass(slots=True)
class _Row:
    """The times of a minute, in no order, with the aggregate of each: sixteen bytes."""

    times: array[int] = field(default_factory=lambda: array("q"))
    ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Timers:
    """Times, each with the aggregate to which something happens then; only what is `first` is ever taken out."""

    _minutes: list[int] = field(default_factory=list)
    _of: dict[int, _Row | list[Entry]] = field(default_factory=dict)

    def add(self, at: datetime, id: str) -> None:
        """Something is to happen then."""
        number = micros(at)
        minute = number // _MINUTE
        known = self._of.get(minute)
        if known is None:
            heapq.heappush(self._minutes, minute)
            known = self._of[minute] = _Row()
        if isinstance(known, _Row):
            known.times.append(number)
            known.ids.append(id)
        else:
            heapq.heappush(known, (number, id))

    def first(self) -> Entry | None:
        """What is to happen first."""
        return minute[0] if (minute := self._first()) else None

    def drop(self) -> None:
        """Take the first one out."""
        if minute := self._first():
            heapq.heappop(minute)

    def _first(self) -> list[Entry] | None:
        while self._minutes:
            number = self._minutes[0]
            minute = self._of[number]
            if isinstance(minute, _Row):
                minute = self._of[number] = list(zip(minute.times, minute.ids, strict=True))
                heapq.heapify(minute)
            if minute:
                return minute
            del self._of[heapq.heappop(self._minutes)]
        return None
