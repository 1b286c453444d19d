"""The case history: every ticket as it stands and everything that happened to it, to be asked for."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC
from typing import Any

from contracts import events as e
from contracts.base import Data
from contracts.commands import HistoryQuery, TicketQuery, TicketsQuery
from eventlog.codec import Message

SCHEMA = """
create table ticket (
    number integer primary key, state text not null, category text not null, need text not null,
    customer text, call text, desk text, owner text, registered text not null, changed text not null
);
create index ticket_customer on ticket (customer, number);
create index ticket_state on ticket (state, number);
create table entry (
    position integer primary key, number integer not null, event text not null, time text not null,
    data text not null
);
create index entry_number on entry (number, position);
create table repeat (
    position integer primary key, customer text not null, call text not null, time text not null,
    tickets text not null
);
create index repeat_customer on repeat (customer, position);
"""
"""Times are RFC 3339 in UTC; `data` and `tickets` are JSON."""

COLUMNS = (
    "ticket",
    "state",
    "category",
    "need",
    "customer",
    "call",
    "desk",
    "owner",
    "registered",
    "changed",
)
TICKET = "select number, state, category, need, customer, call, desk, owner, registered, changed from ticket"
REGISTERED = """
insert or replace into ticket (number, state, category, need, customer, call, desk, registered, changed)
values (?, 'pending', ?, ?, ?, ?, ?, ?, ?)
"""
TicketEvent = (
    e.TicketRegistered
    | e.TicketCommented
    | e.TicketAssigned
    | e.TicketStateChanged
    | e.TicketResolved
    | e.TicketClosed
    | e.TicketReopened
)


def apply(db: sqlite3.Connection, message: Message, event: Data) -> None:
    """Take in one event of this service, within the caller's transaction; ValueError if it has no time."""
    if isinstance(event, e.RepeatNoted):
        noted = (message.seq, event.customer, message.aggregate, _time(message), json.dumps(event.tickets))
        db.execute("insert or replace into repeat values (?, ?, ?, ?, ?)", noted)
    elif isinstance(event, TicketEvent):
        number = int(message.aggregate.partition(":")[2])
        time = _time(message)
        _stand(db, number, time, event)
        entry = (message.seq, number, message.name, time, event.model_dump_json(exclude_none=True))
        db.execute("insert or replace into entry values (?, ?, ?, ?, ?)", entry)


def _stand(db: sqlite3.Connection, number: int, time: str, event: TicketEvent) -> None:
    match event:
        case e.TicketRegistered():
            case = (event.category, event.need, event.customer, event.call, event.desk)
            db.execute(REGISTERED, (number, *case, time, time))
        case e.TicketAssigned():
            db.execute(
                "update ticket set owner = ?, desk = coalesce(?, desk), changed = ? where number = ?",
                (event.owner, event.desk, time, number),
            )
        case e.TicketCommented():
            db.execute("update ticket set changed = ? where number = ?", (time, number))
        case e.TicketStateChanged():
            _move(db, number, event.state, time)
        case e.TicketResolved():
            _move(db, number, "resolved", time)
        case e.TicketClosed():
            _move(db, number, "closed", time)
        case e.TicketReopened():
            _move(db, number, "reopened", time)


def _move(db: sqlite3.Connection, number: int, state: e.TicketState, time: str) -> None:
    db.execute("update ticket set state = ?, changed = ? where number = ?", (state, time, number))


def history(db: sqlite3.Connection, query: HistoryQuery) -> dict[str, Any]:
    """The customer's tickets in every state and calls while some were open (`repeats`), each newest first."""
    rows = db.execute(
        f"{TICKET} where customer = ? order by number desc limit ?", (query.customer, query.limit)
    )
    tickets = [_ticket(row) for row in rows]
    repeats = db.execute(
        "select call, time, tickets from repeat where customer = ? order by position desc limit ?",
        (query.customer, query.limit),
    )
    return {
        "customer": query.customer,
        "tickets": tickets,
        "repeats": [
            {"call": call, "time": time, "tickets": json.loads(numbers)} for call, time, numbers in repeats
        ],
    }


def ticket(db: sqlite3.Connection, query: TicketQuery) -> dict[str, Any]:
    """The ticket and its `events` in order; None and no events if there is none of this number."""
    row = db.execute(f"{TICKET} where number = ?", (query.ticket,)).fetchone()
    entries = db.execute(
        "select position, event, time, data from entry where number = ? order by position", (query.ticket,)
    )
    return {
        "ticket": _ticket(row) if row else None,
        "events": [
            {"position": position, "type": name, "time": time, "data": json.loads(data)}
            for position, name, time, data in entries
        ],
    }


def tickets(db: sqlite3.Connection, query: TicketsQuery) -> dict[str, Any]:
    """The tickets in this state, at this desk and with this owner, newest first."""
    asked = {"state": query.state, "desk": query.desk, "owner": query.owner}
    wanted = {column: value for column, value in asked.items() if value is not None}
    where = f" where {' and '.join(f'{column} = ?' for column in wanted)}" if wanted else ""
    rows = db.execute(f"{TICKET}{where} order by number desc limit ?", (*wanted.values(), query.limit))
    return {"tickets": [_ticket(row) for row in rows]}


def _ticket(row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(COLUMNS, row, strict=True))


def _time(message: Message) -> str:
    if message.time is None:
        raise ValueError(f"event {message.seq} on {message.aggregate} has no time")
    return message.time.astimezone(UTC).isoformat().replace("+00:00", "Z")
