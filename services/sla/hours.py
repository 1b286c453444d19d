"""Open hours: how much of them passes between two moments, and when enough has passed.

Moments are aware and answers in UTC, exact to the microsecond. `zone` holds for a calendar that names none.
A time that the clocks show twice is its first; one that they skip is the moment at which they skip it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from contracts.protocol.calendar import Calendar, minutes_of

LONGEST_BREAK = 400
"""Days without an opening after which a calendar counts as one that does not open again."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
DAY = 86_400 * SECOND

Day = tuple[tuple[int, int], ...]
"""The openings of a day in order, start and end in microseconds since 1970; none if it is closed."""


def after(calendar: Calendar, zone: str, since: datetime, seconds: float) -> datetime:
    """The first moment at which this much open time has passed since another; that one itself for none.

    ValueError if `seconds` is negative, or the calendar is closed for more than 400 days on end.
    """
    left = timedelta(seconds=seconds) // MICROSECOND
    if left < 0:
        raise ValueError(f"{seconds} s of open time cannot pass")
    moment = _micros(since)
    if not left:
        return _moment(moment)
    openings = _openings(calendar, zone, since)
    while True:
        start, end = next(openings)
        start = max(start, moment)
        if left <= end - start:
            return _moment(start + left)
        left -= end - start


def open_seconds(calendar: Calendar, zone: str, start: datetime, end: datetime) -> float:
    """How much open time passes between two moments; 0 if the second is not after the first."""
    first, last = _micros(start), _micros(end)
    count = (last - first) // DAY + 4  # parts of a day on both sides, and clocks that went back over midnight
    days = islice(_days(calendar, zone, start), max(count, 0))
    spans = (min(closes, last) - max(opens, first) for day in days for opens, closes in day)
    return sum(span for span in spans if span > 0) / SECOND


def end_of_day(calendar: Calendar, zone: str, since: datetime) -> datetime:
    """When the last slot ends of the day that is open or still opens; after that, of the next open day.

    ValueError if the calendar is closed for more than 400 days.
    """
    moment = _micros(since)
    days = _open_days(calendar, zone, since)
    return next(_moment(day[-1][1]) for day in days if day[-1][1] > moment)


def end_of_slot(calendar: Calendar, zone: str, since: datetime) -> datetime:
    """When the running slot ends, or out of hours the next one; ValueError if closed for more than 400 days."""
    return _moment(next(end for _, end in _openings(calendar, zone, since)))


def is_open(calendar: Calendar, zone: str, at: datetime) -> bool:
    """Whether a moment lies in a slot; the start of a slot does, its end does not."""
    moment = _micros(at)
    days = islice(_days(calendar, zone, at), 2)  # the next has begun if clocks went back over midnight
    return any(start <= moment < end for day in days for start, end in day)


def _openings(calendar: Calendar, zone: str, since: datetime) -> Iterator[tuple[int, int]]:
    """The openings that end after a moment, in order."""
    moment = _micros(since)
    return (it for day in _open_days(calendar, zone, since) for it in day if it[1] > moment)


def _open_days(calendar: Calendar, zone: str, since: datetime) -> Iterator[Day]:
    closed = 0
    for day in _days(calendar, zone, since):
        closed = 0 if day else closed + 1
        if closed > LONGEST_BREAK:
            closed_for = f"closed for more than {LONGEST_BREAK} days on end"
            raise ValueError(f"the calendar is {closed_for}, looking from {since:%Y-%m-%d}")
        if day:
            yield day


def _days(calendar: Calendar, zone: str, since: datetime) -> Iterator[Day]:
    """Every day from a moment's on; those before have ended, also where clocks go back over midnight."""
    name = calendar.timezone or zone
    ordinal = since.astimezone(ZoneInfo(name)).toordinal()
    while True:
        slots = calendar.slots_on(date.fromordinal(ordinal))
        yield _day(slots, name, ordinal) if slots else ()
        ordinal += 1


@lru_cache(maxsize=16_384)  # a deadline a year ahead asks for each of its days
def _day(slots: tuple[str, ...], zone: str, ordinal: int) -> Day:
    times = [[_instant(ordinal, minute, ZoneInfo(zone)) for minute in minutes_of(slot)] for slot in slots]
    return tuple((start, end) for start, end in times if start < end)


def _instant(ordinal: int, minute: int, zone: ZoneInfo) -> int:
    """When the clocks of a zone first show a minute of a day, or a later one."""
    wall = datetime.fromordinal(ordinal) + timedelta(minutes=minute)
    early, late = (_micros(wall.replace(tzinfo=zone, fold=fold)) // SECOND for fold in (0, 1))
    if early <= late:
        return early * SECOND
    # the offset before the change leads too far, the one after it not far enough
    skipped = range(late, early)

    def shown(second: int) -> bool:
        return _moment(second * SECOND).astimezone(zone).replace(tzinfo=None) >= wall

    return (late + bisect_left(skipped, True, key=shown)) * SECOND


def _micros(moment: datetime) -> int:
    return (moment.astimezone(UTC) - EPOCH) // MICROSECOND


def _moment(micros: int) -> datetime:
    return EPOCH + micros * MICROSECOND
