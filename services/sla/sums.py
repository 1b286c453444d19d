"""The figures summed up: counts, rates and means, by queue or day and in all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from contracts.commands import FiguresQuery

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

# who is answered while still queued waited until then; who was never queued did not wait at all
SUMS = """
select queue, count(*), count(answered), count(abandoned), count(ended - answered), sum(ended - answered),
    sum(wait), sum(wait <= level), sum(wraps), sum(wrapped),
    sum(answered is not null and stated), sum(answered is not null and stated and solved and not repeated)
from (
    select *, case when answered is not null then waited + coalesce(answered - queued, 0) end as wait
    from call where offered >= ? and offered < ?
)
group by queue order by queue
"""
RECORDS = "select count(*) - total(refused), total(refused) from record where at >= ? and at < ?"
FIRST = "select min(offered) from call where offered >= ? and offered < ?"
DEADLINES = """
select rule, sum(state = 'met'), sum(state = 'breached'), sum(state = 'cancelled'), sum(state = 'running')
from deadline where made >= ? and made < ? group by rule order by rule
"""
TICKETS = """
select count(*), count(last), sum(reopened > 0), count(first), sum(first - registered), sum(last - registered)
from ticket where registered >= ? and registered < ?
"""
WATCHED = """
select name, day, calls, value, alerted, value > above from figure, protocol
where day = ? or (? is null and day = (select max(day) from figure as latest where latest.name = figure.name))
order by name
"""
EVER = (-(2**62), 2**62)


def figures(db: sqlite3.Connection, query: FiguresQuery) -> dict[str, Any]:
    """Counts, rates and means in seconds, by queue or day and in all; a mean or rate of nothing is None.

    Days are those of the protocol's time zone, and a call belongs to the day on which it was offered, a ticket to
    that on which it was registered, a deadline to that on which it was set. `fcr` is the share of the answered
    calls with a request that was settled on the call, the customer not calling again within a week about
    something open. Of tickets, the time to the first resolution and to the latest, from the registration.
    """
    (zone,) = db.execute("select zone from protocol").fetchone()
    span = _day(date.fromisoformat(query.day), ZoneInfo(zone)) if query.day else EVER
    ignored, refused = (int(count) for count in db.execute(RECORDS, span).fetchone())
    if query.by == "queue":
        by = {queue: sums for queue, *sums in db.execute(SUMS, span)}
    else:
        by = {
            str(day): _total(_sums(db, _day(day, ZoneInfo(zone)))) for day in _days(db, span, ZoneInfo(zone))
        }
    parts = {name: _figures(*sums) for name, sums in by.items() if sums[0]}
    parts["all"] = _figures(*_total(list(by.values())))
    return {
        f"{query.by}s": parts,
        "ignored": ignored,
        "refused": refused,
        "deadlines": {rule: _kept(*counts) for rule, *counts in db.execute(DEADLINES, span)},
        "tickets": _tickets(*db.execute(TICKETS, span).fetchone()),
        "watched": [
            {
                "figure": name,
                "day": day,
                "calls": calls,
                "value": value,
                "alerted": bool(alerted),
                "above": bool(above) and name == "answer_rate",
            }
            for name, day, calls, value, alerted, above in db.execute(WATCHED, (query.day, query.day))
        ],
    }


def _sums(db: sqlite3.Connection, span: tuple[int, int]) -> list[list[int]]:
    return [sums for _, *sums in db.execute(SUMS, span)]


def _total(rows: list[list[int]]) -> list[int]:
    return [sum(column or 0 for column in columns) for columns in zip(*rows, strict=True)] or [0] * 11


def _figures(
    offered: int,
    answered: int,
    abandoned: int,
    handled: int,
    handling: int | None,
    waiting: int | None,
    within: int | None,
    wraps: int,
    wrapped: int,
    stated: int,
    settled: int,
) -> dict[str, float | int | None]:
    return {
        "offered": offered,
        "answered": answered,
        "abandoned": abandoned,
        "answer_rate": _over(answered, offered),
        "abandonment_rate": _over(abandoned, offered),
        "aht_s": _over(handling, handled * 1000),
        "asa_s": _over(waiting, answered * 1000),
        "service_level": _over(within, answered + abandoned),
        "acw_s": _over(wrapped, wraps * 1000),
        "fcr": _over(settled, stated),
    }


def _kept(met: int, breached: int, cancelled: int, running: int) -> dict[str, float | int | None]:
    counts = {"met": met, "breached": breached, "cancelled": cancelled, "running": running}
    return {**counts, "share": _over(met, met + breached)}


def _tickets(
    registered: int, resolved: int, reopened: int | None, once: int, first: int | None, total: int | None
) -> dict[str, float | int | None]:
    return {
        "registered": registered,
        "resolved": resolved,
        "reopened": reopened or 0,
        "first_resolution_s": _over(first, once * 1000),
        "total_resolution_s": _over(total, resolved * 1000),
    }


def _over(amount: int | None, count: int) -> float | None:
    return (amount or 0) / count if count else None


def _days(db: sqlite3.Connection, span: tuple[int, int], zone: ZoneInfo) -> Iterator[date]:
    """The days of the span on which a call was offered, in order."""
    start, end = span
    while (first := db.execute(FIRST, (start, end)).fetchone()[0]) is not None:
        day = (EPOCH + first * MILLISECOND).astimezone(zone).date()
        if first >= _day(day, zone)[1]:  # clocks were set back over midnight
            day += timedelta(days=1)
        yield day
        _, start = _day(day, zone)


def _day(day: date, zone: ZoneInfo) -> tuple[int, int]:
    start, end = (datetime(it.year, it.month, it.day, tzinfo=zone) for it in (day, day + timedelta(days=1)))
    return (start - EPOCH) // MILLISECOND, (end - EPOCH) // MILLISECOND
