"""Public holidays, written into a calendar when it is published: what was published does not change later."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

from contracts.protocol import Protocol
from contracts.protocol.calendar import Calendar

LONGEST_NAME = 200
BACK, ON = 10, 5
"""For how many years before and after today public holidays are written into a protocol."""


def expanded(calendar: Calendar, years: Iterable[int]) -> Calendar:
    """The calendar with the public holidays of these years among its closed days, named as in the country.

    A day that the centre has named itself stays as it is. ValueError for an unknown country or subdivision.
    """
    whose, wanted = calendar.holidays, sorted(set(years))
    if whose is None or not wanted:
        return calendar
    import holidays  # late: few calendars name a country, and it takes a while to load

    known = holidays.list_supported_countries(include_aliases=False)
    if whose.country not in known:
        raise ValueError(f"holidays.country: no public holidays are known for {whose.country!r}")
    try:
        country = holidays.country_holidays(whose.country, subdiv=whose.subdivision)
    except NotImplementedError:
        parts = ", ".join(known[whose.country]) or "none"
        wrong = f"{whose.country} has no subdivision {whose.subdivision!r}"
        raise ValueError(f"holidays.subdivision: {wrong}; known: {parts}") from None
    # the language is named, for otherwise it is that of whoever publishes
    found = holidays.country_holidays(
        whose.country, subdiv=whose.subdivision, years=wanted, language=country.default_language
    )
    public = {day: name[:LONGEST_NAME] for day, name in found.items()}
    until = max(date(wanted[-1], 12, 31), calendar.expanded_to or date.min)
    closed = dict(sorted({**public, **calendar.closed}.items()))
    return calendar.model_copy(update={"closed": closed, "expanded_to": until})


def filled(protocol: Protocol, today: date | None = None) -> Protocol:
    """The protocol with the public holidays of all its calendars; ValueError names the calendar that is wrong."""
    year = (today or datetime.now(UTC)).year
    calendars = {}
    for name, calendar in protocol.calendars.items():
        try:
            calendars[name] = expanded(calendar, range(year - BACK, year + ON + 1))
        except ValueError as error:
            raise ValueError(f"calendars.{name}.{error}") from None
    return protocol.model_copy(update={"calendars": calendars}) if calendars else protocol
