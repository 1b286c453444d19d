"""The centre's figures, from what the log says: a row per call, ticket and deadline, times in milliseconds."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from contracts.protocol import PLAIN, Protocol
from eventlog.codec import Message
from services.sla.sums import figures

__all__ = ["SCHEMA", "apply", "figures"]

SCHEMA = f"""
create table call (
    id text primary key, queue text not null, level integer not null, offered integer not null,
    queued integer, waited integer not null default 0, answered integer, abandoned integer, ended integer,
    stated integer not null default 0, solved integer not null default 0, repeated integer not null default 0,
    wraps integer not null default 0, wrapped integer not null default 0, customer text
) without rowid;
create index call_offered on call (offered);
create index call_customer on call (customer, offered) where customer is not null;
create table wrap (agent text primary key, call text not null, since integer not null) without rowid;
create table ticket (
    id text primary key, call text, registered integer not null, first integer, last integer,
    reopened integer not null default 0
) without rowid;
create index ticket_registered on ticket (registered);
create table deadline (
    about text, name text, rule text not null, made integer not null, state text not null,
    primary key (about, name)
) without rowid;
create index deadline_made on deadline (made);
create table figure (
    name text, day text, calls integer not null, amount real not null, value real not null,
    alerted integer not null, primary key (name, day)
) without rowid;
create table record (position integer primary key, refused integer not null, at integer not null);
create table protocol (
    one integer primary key check (one = 1), level integer not null, zone text not null, above real
);
insert into protocol values (1, {round(PLAIN.service_level_s * 1000)}, '{PLAIN.timezone}', null);
create table level (queue text primary key, level integer not null) without rowid;
"""
"""Times are milliseconds since 1970 in UTC; `level` is the service level, also in ms, when a call came.

`queued` is when the call entered the queue it is in, `waited` the ms it spent in those it left; a queue that
it entered after the answer counts as neither. `wraps` are the wrap-ups after the call, `wrapped` the ms they
took; `solved`: on the call itself; `repeated`: the customer called again about something still open.
`first` and `last` are when a ticket was resolved; of several times the latter is the latest.
"""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
AGAIN = timedelta(days=7) // MILLISECOND
"""Within which time a customer who calls again was not helped by the first call."""

OFFERED = """
insert into call (id, queue, level, offered)
values (?, ?, coalesce((select level from level where queue = ?), (select level from protocol)), ?)
on conflict (id) do update set queue = excluded.queue, level = excluded.level, offered = excluded.offered
"""
MOMENTS: dict[type[Data], str] = {
    f.CallQueued: "update call set queued = ? where id = ? and answered is null",
    f.CallDequeued: "update call set waited = waited + coalesce(? - queued, 0), queued = null where id = ?",
    f.CallAnswered: "update call set answered = ? where id = ?",
    f.CallAbandoned: "update call set abandoned = ? where id = ?",
    f.CallEnded: "update call set ended = ? where id = ?",
    e.TicketResolved: "update ticket set last = ?1, first = coalesce(first, ?1) where id = ?2",
    e.TicketReopened: "update ticket set reopened = reopened + 1, last = nullif(?1, ?1) where id = ?2",
    f.QuestionAnswered: "update call set solved = 1 where (ended is null or ended >= ?) and id = ?",
    f.RequestStated: "update call set stated = 1 where ? is not null and id = ?",
}
SOLVED = """
update call set solved = 1
where id = (select call from ticket where id = ?) and (ended is null or ended >= ?)
"""
KEPT_OUT = "delete from call where id = ?"
REPEATED = "update call set repeated = 1 where customer = ? and id <> ? and offered between ? and ?"
REGISTERED = "insert or replace into ticket (id, call, registered) values (?, ?, ?)"
CUSTOMER = "update call set customer = ? where id = ?"
WRAPPING = "insert or replace into wrap (agent, call, since) values (?, ?, ?)"
WRAPPED = "update call set wraps = wraps + 1, wrapped = wrapped + max(0, ? - ?) where id = ?"
DEADLINE = "insert or replace into deadline (about, name, rule, made, state) values (?, ?, ?, ?, 'running')"
ENDED = "update deadline set state = ? where about = ? and name = ?"
COUNTED = """
insert into figure (name, day, calls, amount, value, alerted) values (?, ?, ?, ?, ?, 0)
on conflict (name, day) do update set calls = excluded.calls, amount = excluded.amount, value = excluded.value
"""
ALERTED = "update figure set alerted = ? where name = ? and day = ?"
RECORD = "insert or replace into record (position, refused, at) values (?, ?, ?)"

READS: tuple[type[Data], ...] = (
    *MOMENTS,
    *(f.CallOffered, e.CallRefused, e.NeedEstablished, e.RepeatNoted, e.TicketRegistered),
    *(e.AgentReleased, e.AgentRested, f.AgentAvailable),
    *(e.DeadlineSet, e.DeadlineMet, e.DeadlineBreached, e.DeadlineCancelled, e.DeadlineCorrected),
    *(e.FigureCounted, e.FigureAlerted, e.FigureRecovered, f.RecordIgnored, f.RecordRefused),
    e.ProtocolPublished,
)
"""The events that change anything in the tables."""


def apply(db: sqlite3.Connection, message: Message, event: Data) -> None:
    """Take in one event, within the caller's transaction; ValueError if a call's event has no time."""
    if sql := MOMENTS.get(type(event)):
        db.execute(sql, (_ms(message), message.aggregate))
    about = message.aggregate
    match event:
        case f.CallOffered():
            db.execute(OFFERED, (about, event.queue, event.queue, _ms(message)))
        case e.CallRefused():
            db.execute(KEPT_OUT, (about,))
        case e.NeedEstablished(customer=str()):
            db.execute(CUSTOMER, (event.customer, about))
        case e.RepeatNoted():
            now = _ms(message)
            db.execute(REPEATED, (event.customer, about, now - AGAIN, now))
        case e.TicketRegistered():
            db.execute(REGISTERED, (about, event.call, _ms(message)))
        case e.TicketResolved():
            db.execute(SOLVED, (about, _ms(message)))
        case e.AgentReleased(wrap_up=True):
            db.execute(WRAPPING, (about, event.call, _ms(message)))
        case e.AgentRested() | f.AgentAvailable():
            _wrapped(db, about, _ms(message))
        case e.DeadlineSet(warning=False):
            db.execute(DEADLINE, (about, event.deadline, event.rule, _ms(message)))
        case e.DeadlineMet():
            db.execute(ENDED, ("met", about, event.deadline))
        case e.DeadlineBreached():
            db.execute(ENDED, ("breached", about, event.deadline))
        case e.DeadlineCancelled():
            db.execute(ENDED, ("cancelled", about, event.deadline))
        case e.DeadlineCorrected():
            db.execute(ENDED, (event.verdict, about, event.deadline))
        case e.FigureCounted():
            counted = (event.figure, str(event.day), event.calls, event.amount, event.value)
            db.execute(COUNTED, counted)
        case e.FigureAlerted() | e.FigureRecovered():
            alerted = isinstance(event, e.FigureAlerted)
            db.execute(ALERTED, (alerted, event.figure, str(event.day)))
        case f.RecordIgnored() | f.RecordRefused():
            db.execute(RECORD, (message.seq, isinstance(event, f.RecordRefused), _ms(message)))
        case e.ProtocolPublished():
            _published(db, Protocol.model_validate(event.protocol))


def _wrapped(db: sqlite3.Connection, agent: str, now: int) -> None:
    wrap = db.execute("delete from wrap where agent = ? returning call, since", (agent,)).fetchone()
    if wrap:
        call, since = wrap
        db.execute(WRAPPED, (now, since, call))


def _published(db: sqlite3.Connection, protocol: Protocol) -> None:
    """R56: the service level may differ by queue; R60: above which answer rate it is reported."""
    level, levels = protocol.service_level_s, dict[str, float]()
    for target in protocol.targets:
        if target.service_level_s and not target.products:
            if not target.queues:
                level = target.service_level_s
                break
            levels = dict.fromkeys(target.queues, target.service_level_s) | levels
    above = next((it.reported_above for it in protocol.watched if it.figure == "answer_rate"), None)
    row = (round(level * 1000), protocol.timezone, above)
    db.execute("update protocol set level = ?, zone = ?, above = ?", row)
    db.execute("delete from level")
    db.executemany("insert into level values (?, ?)", [(q, round(s * 1000)) for q, s in levels.items()])


def _ms(message: Message) -> int:
    if message.time is None:
        raise ValueError(f"event {message.seq} on {message.aggregate} has no time")
    return (message.time - EPOCH) // MILLISECOND
