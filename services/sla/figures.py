"""The centre's figures, from what intake recorded: one row per call, times in whole milliseconds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from contracts.commands import FiguresQuery
from contracts.protocol import PLAIN, Protocol
from eventlog.codec import Message

SCHEMA = f"""
create table call (
    id text primary key, queue text not null, level integer not null, offered integer not null,
    queued integer, waited integer not null default 0, answered integer, abandoned integer, ended integer
) without rowid;
create index call_offered on call (offered);
create table record (position integer primary key, refused integer not null, at integer not null);
create table protocol (one integer primary key check (one = 1), level integer not null, zone text not null);
insert into protocol values (1, {round(PLAIN.service_level_s * 1000)}, '{PLAIN.timezone}');
"""
"""Times are milliseconds since 1970 in UTC; `level` is the service level, also in ms, when a call came.

`queued` is when the call entered the queue it is in, `waited` the ms it spent in those it left; a queue that
it entered after the answer counts as neither.
"""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

OFFERED = """
insert into call (id, queue, level, offered) values (?, ?, (select level from protocol), ?)
on conflict (id) do update set queue = excluded.queue, level = excluded.level, offered = excluded.offered
"""
MOMENTS: dict[type[Data], str] = {
    f.CallQueued: "update call set queued = ? where id = ? and answered is null",
    f.CallDequeued: "update call set waited = waited + coalesce(? - queued, 0), queued = null where id = ?",
    f.CallAnswered: "update call set answered = ? where id = ?",
    f.CallAbandoned: "update call set abandoned = ? where id = ?",
    f.CallEnded: "update call set ended = ? where id = ?",
}
RECORD = "insert or replace into record (position, refused, at) values (?, ?, ?)"

# who is answered while still queued waited until then; who was never queued did not wait at all
SUMS = """
select queue, count(*), count(answered), count(abandoned), count(ended - answered), sum(ended - answered),
    sum(waited), sum(waited <= level)
from (
    select queue, level, answered, abandoned, ended,
        case when answered is not null then waited + coalesce(answered - queued, 0) end as waited
    from call where offered >= ? and offered < ?
)
group by queue order by queue
"""
RECORDS = "select count(*) - total(refused), total(refused) from record where at >= ? and at < ?"
FIRST = "select min(offered) from call where offered >= ? and offered < ?"
EVER = (-(2**62), 2**62)


def apply(db: sqlite3.Connection, message: Message, event: Data) -> None:
    """Take in one event, within the caller's transaction; ValueError if a call's event has no time."""
    if sql := MOMENTS.get(type(event)):
        db.execute(sql, (_ms(message), message.aggregate))
        return
    match event:
        case f.CallOffered():
            db.execute(OFFERED, (message.aggregate, event.queue, _ms(message)))
        case f.RecordIgnored() | f.RecordRefused():
            db.execute(RECORD, (message.seq, isinstance(event, f.RecordRefused), _ms(message)))
        case e.ProtocolPublished():
            protocol = Protocol.model_validate(event.protocol)
            level = round(protocol.service_level_s * 1000)
            db.execute("update protocol set level = ?, zone = ?", (level, protocol.timezone))


def figures(db: sqlite3.Connection, query: FiguresQuery) -> dict[str, Any]:
    """Counts, rates and means in seconds, by queue or day and in all; a mean or rate of nothing is None.

    Days are those of the protocol's time zone, and a call belongs to the day on which it was offered.
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
    return {f"{query.by}s": parts, "ignored": ignored, "refused": refused}


def _sums(db: sqlite3.Connection, span: tuple[int, int]) -> list[list[int]]:
    return [sums for _, *sums in db.execute(SUMS, span)]


def _total(rows: list[list[int]]) -> list[int]:
    return [sum(column or 0 for column in columns) for columns in zip(*rows, strict=True)] or [0] * 7


def _figures(
    offered: int,
    answered: int,
    abandoned: int,
    handled: int,
    handling: int | None,
    waiting: int | None,
    within: int | None,
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


def _ms(message: Message) -> int:
    if message.time is None:
        raise ValueError(f"event {message.seq} on {message.aggregate} has no time")
    return (message.time - EPOCH) // MILLISECOND
