"""Open hours: both sides of every edge of a slot, a day and a change of the clocks; and what always holds."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from contracts.protocol.calendar import WEEKDAYS, Calendar
from services.sla.hours import after, end_of_day, end_of_slot, is_open, open_seconds

MADRID, SANTIAGO = "Europe/Madrid", "America/Santiago"
MICROSECOND = timedelta(microseconds=1)
WEEK = Calendar(
    slots=dict.fromkeys(WEEKDAYS[:5], ("09:00-14:00", "15:00-18:00")),
    closed={date(2026, 6, 4): "Corpus Christi", date(2026, 6, 11): "Fair"},
    open={date(2026, 6, 11): ("10:00-12:00",), date(2026, 6, 13): ("09:00-11:00",)},
)
ALWAYS = Calendar(slots=dict.fromkeys(WEEKDAYS, ("00:00-24:00",)))
NIGHTS = Calendar(slots=dict.fromkeys(WEEKDAYS, ("00:00-06:00", "22:00-24:00")))


def at(text: str, zone: str = MADRID, fold: int = 0) -> datetime:
    """A moment by the clocks of a zone; an hour that comes twice is its second with `fold`."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


# both sides of every edge; 1 June 2026 is a Monday


@pytest.mark.parametrize(
    ("since", "seconds", "until"),
    [
        ("2026-06-01T09:00", 0, "2026-06-01T09:00"),
        ("2026-06-01T20:00", 0, "2026-06-01T20:00"),
        ("2026-06-01T09:00", 5 * 3600, "2026-06-01T14:00"),
        ("2026-06-01T09:00", 5 * 3600 + 1e-6, "2026-06-01T15:00:00.000001"),
        ("2026-06-01T13:59:59.999999", 1e-6, "2026-06-01T14:00"),
        ("2026-06-01T14:00", 1, "2026-06-01T15:00:01"),
        ("2026-06-01T17:00", 3601, "2026-06-02T09:00:01"),
        ("2026-06-05T17:00", 3601, "2026-06-08T09:00:01"),
        ("2026-06-03T18:00", 1, "2026-06-05T09:00:01"),  # a holiday between
        ("2026-06-10T18:00", 7200, "2026-06-11T12:00"),  # an own open day on a holiday
        ("2026-06-10T18:00", 7201, "2026-06-12T09:00:01"),
        ("2026-06-12T18:00", 7200, "2026-06-13T11:00"),  # an own open Saturday
        ("2028-02-28T17:00", 8 * 3600, "2028-02-29T17:00"),
        ("2026-02-27T17:00", 8 * 3600, "2026-03-02T17:00"),
    ],
)
def test_open_time_stops_at_the_end_of_a_slot_and_goes_on_with_the_next(
    since: str, seconds: float, until: str
) -> None:
    """Due when the open time has passed, to the microsecond, over nights, holidays and leap days."""
    assert after(WEEK, MADRID, at(since), seconds) == at(until)
    assert after(WEEK, MADRID, at(since), seconds).tzinfo is UTC
    assert open_seconds(WEEK, MADRID, at(since), at(until)) == pytest.approx(seconds, abs=1e-9)


@pytest.mark.parametrize(
    ("since", "day", "slot", "open_now"),
    [
        ("2026-06-01T08:59:59.999999", "2026-06-01T18:00", "2026-06-01T14:00", False),
        ("2026-06-01T09:00", "2026-06-01T18:00", "2026-06-01T14:00", True),
        ("2026-06-01T13:59:59.999999", "2026-06-01T18:00", "2026-06-01T14:00", True),
        ("2026-06-01T14:00", "2026-06-01T18:00", "2026-06-01T18:00", False),
        ("2026-06-01T17:59:59.999999", "2026-06-01T18:00", "2026-06-01T18:00", True),
        ("2026-06-01T18:00", "2026-06-02T18:00", "2026-06-02T14:00", False),
        ("2026-06-01T23:59:59.999999", "2026-06-02T18:00", "2026-06-02T14:00", False),
        ("2026-06-04T10:00", "2026-06-05T18:00", "2026-06-05T14:00", False),
        ("2026-06-11T09:30", "2026-06-11T12:00", "2026-06-11T12:00", False),
        ("2026-06-11T11:00", "2026-06-11T12:00", "2026-06-11T12:00", True),
        ("2026-06-11T12:00", "2026-06-12T18:00", "2026-06-12T14:00", False),
        ("2026-06-13T11:00", "2026-06-15T18:00", "2026-06-15T14:00", False),
    ],
)
def test_what_comes_after_the_last_slot_counts_to_the_next_open_day(
    since: str, day: str, slot: str, open_now: bool
) -> None:
    """The same day and the running slot as long as they last; out of hours the next."""
    assert end_of_day(WEEK, MADRID, at(since)) == at(day)
    assert end_of_slot(WEEK, MADRID, at(since)) == at(slot)
    assert is_open(WEEK, MADRID, at(since)) is open_now


def test_midnight_belongs_to_the_day_that_begins() -> None:
    """A slot up to 24:00 ends there; the next day's runs on without a gap."""
    before, midnight = at("2026-06-01T23:59:59.999999"), at("2026-06-02T00:00")
    assert (end_of_day(ALWAYS, MADRID, before), end_of_day(ALWAYS, MADRID, midnight)) == (
        midnight,
        at("2026-06-03T00:00"),
    )
    assert is_open(NIGHTS, MADRID, before)
    assert is_open(NIGHTS, MADRID, midnight)
    assert after(NIGHTS, MADRID, at("2026-06-01T22:00"), 8 * 3600) == at("2026-06-02T06:00")


def test_the_calendars_own_time_zone_stands_above_the_given_one() -> None:
    """A desk elsewhere keeps its own hours."""
    calendar = Calendar(timezone=SANTIAGO, slots=WEEK.slots)
    assert end_of_day(calendar, MADRID, at("2026-06-01T10:00", SANTIAGO)) == at("2026-06-01T18:00", SANTIAGO)


@pytest.mark.parametrize(
    ("zone", "since", "until", "hours"),
    [
        (MADRID, "2026-03-29T00:00", "2026-03-30T00:00", 23),
        (MADRID, "2026-10-25T00:00", "2026-10-26T00:00", 25),
        (SANTIAGO, "2026-09-06T01:00", "2026-09-07T00:00", 23),  # there is no 00:00 on that day
        (SANTIAGO, "2026-04-04T00:00", "2026-04-05T00:00", 25),  # 23:00 to 24:00 comes twice
    ],
)
def test_open_seconds_are_those_that_pass_when_the_clocks_change(
    zone: str, since: str, until: str, hours: int
) -> None:
    """A slot over the change has an hour more or less, and a deadline does not notice."""
    start, end = at(since, zone), at(until, zone)
    assert open_seconds(ALWAYS, zone, start, end) == hours * 3600
    assert end_of_day(ALWAYS, zone, start) == end
    assert after(ALWAYS, zone, start, 40 * 3600) == start + timedelta(hours=40)


def test_a_time_that_is_skipped_is_the_moment_of_the_change() -> None:
    """What is open within the skipped hour has none of it, and what begins in it begins with the change."""
    change = datetime(2026, 3, 29, 1, tzinfo=UTC)
    early = Calendar(slots={"sun": ("02:30-04:00",)})
    assert open_seconds(early, MADRID, change - timedelta(hours=9), change + timedelta(hours=9)) == 3600
    assert not is_open(early, MADRID, change - MICROSECOND)
    assert is_open(early, MADRID, change)
    within = Calendar(slots={"sun": ("02:00-03:00",)})
    assert end_of_day(within, MADRID, change - timedelta(hours=9)) == at("2026-04-05T03:00")


def test_a_time_that_comes_twice_is_its_first() -> None:
    """A slot that ends or begins in the repeated hour does so the first time; the next goes on from there."""
    shifts = Calendar(slots={"sun": ("01:00-02:30", "02:30-04:00")})
    start = at("2026-10-25T01:00")
    assert end_of_slot(shifts, MADRID, start) == at("2026-10-25T02:30")
    assert end_of_slot(shifts, MADRID, at("2026-10-25T02:15", fold=1)) == at("2026-10-25T04:00")
    assert open_seconds(shifts, MADRID, start, at("2026-10-25T04:00")) == 4 * 3600


def test_a_day_that_has_begun_goes_on_when_clocks_go_back_over_midnight() -> None:
    """What opened at 00:00 stays open when it is 23:01 of the day before once more."""
    early = Calendar(timezone="America/St_Johns", slots={"sun": ("00:00-01:00",)})
    midnight = at("2010-11-07T00:00", "America/St_Johns")
    for minutes in (0, 1, 60, 119):
        assert is_open(early, MADRID, midnight + timedelta(minutes=minutes))
    assert not is_open(early, MADRID, midnight - MICROSECOND)
    assert end_of_day(early, MADRID, midnight + timedelta(minutes=30)) == midnight + timedelta(hours=2)
    again = midnight + timedelta(minutes=30)
    assert open_seconds(early, MADRID, again, again + timedelta(minutes=10)) == 600


def test_a_calendar_that_does_not_open_again_is_said_to_be_so() -> None:
    """After 400 closed days nobody waits any longer; what has passed can still be told."""
    fair = Calendar(open={date(2026, 6, 11): ("10:00-12:00",)})
    noon = at("2026-06-11T12:00")
    for ask in (end_of_day, end_of_slot):
        with pytest.raises(ValueError, match="closed for more than 400 days"):
            ask(fair, MADRID, noon)
    with pytest.raises(ValueError, match="closed for more than 400 days"):
        after(fair, MADRID, at("2026-06-11T11:00"), 3601)
    with pytest.raises(ValueError, match="cannot pass"):
        after(fair, MADRID, noon, -1)
    assert end_of_day(fair, MADRID, noon - timedelta(days=400)) == noon
    with pytest.raises(ValueError, match="closed for more than 400 days"):
        end_of_day(fair, MADRID, noon - timedelta(days=401))
    assert not is_open(fair, MADRID, noon)
    assert open_seconds(fair, MADRID, noon - timedelta(days=900), noon + timedelta(days=900)) == 7200
    assert open_seconds(fair, MADRID, noon, noon - timedelta(days=40)) == 0


# whatever the calendar

ZONES = st.sampled_from([MADRID, SANTIAGO, "UTC", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo"])
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
SECONDS = st.integers(1, 2 * 86400 * 10**6).map(lambda micros: micros / 10**6)
DATES = st.dates(date(2025, 1, 1), date(2028, 12, 31))


@st.composite
def days(draw: st.DrawFn) -> tuple[str, ...]:
    """One to three slots of a day, at times that the clocks may skip or show twice too."""
    times = sorted(draw(st.sets(st.integers(0, 96), min_size=2, max_size=6)))
    texts = [f"{quarter // 4:02}:{quarter % 4 * 15:02}" for quarter in times]
    return tuple(f"{one}-{two}" for one, two in zip(texts[::2], texts[1::2], strict=False))


CALENDARS = st.builds(
    Calendar,
    slots=st.dictionaries(st.sampled_from(WEEKDAYS), days(), min_size=1),
    closed=st.dictionaries(DATES, st.just("closed"), max_size=5),
    open=st.dictionaries(DATES, days(), max_size=5),
)


@settings(deadline=None)
@for_all(CALENDARS, ZONES, MOMENTS, SECONDS)
def test_after_and_open_seconds_undo_each_other(
    calendar: Calendar, zone: str, since: datetime, seconds: float
) -> None:
    """Until a deadline exactly its open time passes, and a microsecond earlier it had not."""
    due = after(calendar, zone, since, seconds)
    assert open_seconds(calendar, zone, since, due) == seconds
    assert open_seconds(calendar, zone, since, due - MICROSECOND) < seconds
    assert is_open(calendar, zone, due - MICROSECOND)


@settings(deadline=None)
@for_all(CALENDARS, ZONES, MOMENTS, MOMENTS, SECONDS, SECONDS)
def test_later_or_longer_is_never_due_earlier(
    calendar: Calendar, zone: str, one: datetime, other: datetime, short: float, long: float
) -> None:
    """Deadlines keep the order of their beginnings and of their lengths."""
    (first, last), (short, long) = sorted((one, other)), sorted((short, long))
    assert after(calendar, zone, first, short) <= after(calendar, zone, last, short)
    assert after(calendar, zone, first, short) <= after(calendar, zone, first, long)
    for end in (end_of_day, end_of_slot):
        assert first < end(calendar, zone, first) <= end(calendar, zone, last)
    assert end_of_slot(calendar, zone, first) <= end_of_day(calendar, zone, first)


@settings(deadline=None)
@for_all(CALENDARS, ZONES, MOMENTS, SECONDS, st.floats(0, 0.99), st.timedeltas(timedelta(0), timedelta(99)))
def test_pausing_moves_a_deadline_by_the_open_time_of_the_pause(
    calendar: Calendar, zone: str, since: datetime, seconds: float, share: float, pause: timedelta
) -> None:
    """What is left after a pause is due when a deadline longer by the pause would have been."""
    paused = since + (after(calendar, zone, since, seconds) - since) * share
    resumed = paused + pause
    micros = round((seconds - open_seconds(calendar, zone, since, paused)) * 10**6)
    longer = round((seconds + open_seconds(calendar, zone, paused, resumed)) * 10**6)
    if micros:
        assert after(calendar, zone, resumed, micros / 10**6) == after(calendar, zone, since, longer / 10**6)


@settings(deadline=None)
@for_all(CALENDARS, ZONES, MOMENTS)
def test_the_end_of_a_slot_is_its_first_moment_out_of_it(
    calendar: Calendar, zone: str, since: datetime
) -> None:
    """Until the end of the slot it is open, for as long as open time passes."""
    end = end_of_slot(calendar, zone, since)
    assert is_open(calendar, zone, end - MICROSECOND)
    left = open_seconds(calendar, zone, since, end)
    assert left > 0
    assert after(calendar, zone, since, left) == end
    assert is_open(calendar, zone, since) is (after(calendar, zone, since, 1e-6) == since + MICROSECOND)


def test_a_deadline_a_year_ahead_is_found_at_once() -> None:
    """Days are looked up, not seconds counted; the best of some runs, for others use the machine too."""
    since, best = at("2026-01-01T00:00"), 1.0
    for _ in range(20):
        begun = time.perf_counter()
        after(WEEK, MADRID, since, 8 * 3600 * 250)
        best = min(best, time.perf_counter() - begun)
    assert best < 0.005
