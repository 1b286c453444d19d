"""Business calendars: what one may say, and the public holidays that publishing writes into it."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from centralita.holidays import expanded
from contracts.protocol.calendar import WEEKDAYS, Calendar, Holidays, minutes_of

TOML = """
timezone = "America/Santiago"
holidays = { country = "CL", subdivision = "AP" }
[slots]
mon = ["09:00-14:00", "15:00-18:30"]
sat = ["20:00-24:00"]
[closed]
2026-12-24 = "Inventory"
[open]
2026-12-25 = ["10:00-12:00"]
"""
WEEK = Calendar(slots=dict.fromkeys(WEEKDAYS[:5], ("09:00-14:00", "15:00-18:00")))


# what a calendar may say


def test_a_calendar_is_the_same_after_toml_and_strict_json() -> None:
    """What is written by hand, published and read from the log is one calendar."""
    calendar = Calendar.model_validate(tomllib.loads(TOML))
    text = calendar.model_dump_json(exclude_none=True)
    read = TypeAdapter(Calendar).validator.validate_json(text, strict=True, by_alias=True, by_name=False)
    assert read == calendar == Calendar.model_validate(json.loads(text))
    assert calendar.closed == {date(2026, 12, 24): "Inventory"}
    assert calendar.slots_on(date(2026, 12, 25)) == ("10:00-12:00",)


@pytest.mark.parametrize(
    ("said", "where", "expected"),
    [
        ({}, (), "needs a slot on some day"),
        ({"slots": {"mon": [], "sun": []}}, (), "needs a slot on some day"),
        ({"slots": {"mon": ["14:00-09:00"]}}, ("slots", "mon", 0), "must end after it starts"),
        ({"slots": {"mon": ["09:00-09:00"]}}, ("slots", "mon", 0), "must end after it starts"),
        ({"slots": {"mon": ["09:00-24:01"]}}, ("slots", "mon", 0), "pattern"),
        ({"slots": {"mon": ["9-14"]}}, ("slots", "mon", 0), "pattern"),
        ({"slots": {"mon": ["09:00-14:00", "13:59-18:00"]}}, ("slots", "mon"), "must not start before"),
        ({"slots": {"mon": ["15:00-18:00", "09:00-14:00"]}}, ("slots", "mon"), "must not start before"),
        ({"slots": {"lun": ["09:00-14:00"]}}, ("slots", "lun", "[key]"), "'mon'"),
        ({"open": {"2026-02-28": []}}, ("open", "2026-02-28"), "at least 1 item"),
        ({"open": {"2026-02-29": ["09:00-14:00"]}}, ("open", "2026-02-29", "[key]"), "date"),
        ({"slots": {"mon": ["09:00-14:00"]}, "timezone": "Europe"}, ("timezone",), "no IANA time zone"),
        (
            {"slots": {"mon": ["09:00-14:00"]}, "holidays": {"country": "Chile"}},
            ("holidays", "country"),
            "pattern",
        ),
    ],
)
def test_what_is_wrong_with_a_calendar_is_said_where_it_is(
    said: dict[str, Any], where: tuple[str | int, ...], expected: str
) -> None:
    """A calendar that cannot hold is refused, with the key and what was expected there."""
    with pytest.raises(ValidationError, match=expected) as refused:
        Calendar.model_validate(said)
    assert refused.value.errors()[0]["loc"] == where


def test_slots_may_touch_and_end_with_the_day() -> None:
    """A slot may start when the one before ends, and end at 24:00."""
    assert Calendar(slots={"mon": ("00:00-14:00", "14:00-24:00")}).slots_on(date(2026, 6, 1))
    assert minutes_of("09:30-24:00") == (570, 1440)


# public holidays


def test_public_holidays_are_written_in_below_the_days_of_the_centre() -> None:
    """Country and subdivision give the days, in order, in the language there; an own name stays."""
    own = {date(2026, 9, 18): "Our party", date(2026, 12, 24): "Inventory"}
    calendar = Calendar(slots=WEEK.slots, holidays=Holidays(country="CL", subdivision="AP"), closed=own)
    closed = expanded(calendar, [2027, 2026]).closed
    assert list(closed) == sorted(closed)
    assert {closed[day] for day in own} == {"Our party", "Inventory"}
    assert closed[date(2026, 12, 25)] == "Navidad"
    assert date(2026, 6, 7) in closed  # the taking of the Morro is kept in Arica and nowhere else
    assert date(2027, 1, 1) in closed
    assert date(2028, 1, 1) not in closed


def test_expanding_gives_the_same_bytes_wherever_and_however_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the language of the machine nor an earlier expansion makes a difference."""
    calendar = Calendar(slots=WEEK.slots, holidays=Holidays(country="ES", subdivision="MD"))
    texts = set()
    for language in ("en_US", "ca", "uk"):
        monkeypatch.setenv("LANGUAGE", language)
        texts.add(expanded(calendar, [2026]).model_dump_json())
    once = expanded(calendar, [2026])
    assert texts == {once.model_dump_json()} == {expanded(once, [2026]).model_dump_json()}
    assert once.expanded_to == date(2026, 12, 31)


def test_a_calendar_without_holidays_stays_as_it_is() -> None:
    """Where no public holidays are kept, none are written in."""
    assert expanded(WEEK, [2026]) == WEEK


@pytest.mark.parametrize(
    ("country", "subdivision", "said"), [("XX", None, "'XX'"), ("ES", "ZZ", "no subdivision 'ZZ'; known: AN")]
)
def test_an_unknown_country_or_subdivision_is_named(country: str, subdivision: str | None, said: str) -> None:
    """Publishing fails with what is not known, instead of without holidays."""
    holidays = Holidays(country=country, subdivision=subdivision)
    with pytest.raises(ValueError, match=said):
        expanded(Calendar(slots=WEEK.slots, holidays=holidays), [2026])
