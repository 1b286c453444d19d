"""The case history: every ticket as it stands and all that happened to it, kept from this service's events alone."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC
from typing import get_args

from contracts import events as e
from contracts.base import Data
from eventlog.codec import Message

SCHEMA = """
create table ticket (
    number integer primary key, state text not null, category text not null, need text not null,
    customer text, call text, message text, desk text, owner text, product text, tool text, place text,
    channel text not null, priority integer not null, split_from integer, merged_into integer,
    resolution text, problem integer, workaround text, proposal text,
    registered text not null, changed text not null, since real not null
);
create index ticket_customer on ticket (customer, number);
create index ticket_state on ticket (state, number);
create index ticket_desk on ticket (desk, number);
create table entry (
    position integer primary key, number integer not null, event text not null, time text not null,
    data text not null
);
create index entry_number on entry (number, position);
create table department (number integer not null, name text not null, primary key (number, name));
create index department_name on department (name, number);
create table link (number integer not null, other integer not null, primary key (number, other));
create table attachment (
    number integer not null, object text not null, name text not null, type text not null, size integer not null,
    digest text not null, time text not null, primary key (number, object)
);
create table repeat (
    position integer primary key, customer text not null, call text not null, time text not null,
    tickets text not null
);
create index repeat_customer on repeat (customer, position);
create table contact (
    call text primary key, customer text, category text not null, time text not null, position integer not null
);
create index contact_customer on contact (customer, position);
create table problem (
    number integer primary key, title text not null, state text not null, workaround text, resolution text,
    opened text not null, changed text not null
);
create table review (
    call text primary key, position integer not null, agent text, by text not null, score real not null,
    passed text not null, failed text not null, unanswered text not null, exempt text not null, time text not null
);
create index review_agent on review (agent, position);
create virtual table words using fts5 (text, tokenize = "unicode61 remove_diacritics 2");
"""
"""Times are RFC 3339 in UTC, `since` seconds; `data`, `tickets` and the items of a review are JSON.

`words` has what was said of each ticket under its number: need, comments, resolutions and formal replies.
"""

TOLD = """
update ticket set workaround = problem.workaround, proposal = problem.resolution
from problem where problem.number = ticket.problem and ticket.number = ?
"""
"""What the problem has said, also while the incident was closed."""

TicketEvent = (
    e.TicketRegistered
    | e.TicketCommented
    | e.TicketAssigned
    | e.TicketStateChanged
    | e.TicketResolved
    | e.TicketClosed
    | e.TicketReopened
    | e.TicketPrioritised
    | e.TicketMerged
    | e.TicketLinked
    | e.DepartmentInvolved
    | e.AttachmentAdded
    | e.ComplaintReplyFormalised
)

READS: tuple[type[Data], ...] = (
    *get_args(TicketEvent),
    *(e.RepeatNoted, e.NeedNoted, e.QualityReviewed),
    *(e.ProblemOpened, e.IncidentLinked, e.WorkaroundPublished, e.ProblemResolved),
)
"""The events that change anything in the tables."""


def apply(db: sqlite3.Connection, message: Message, event: Data) -> None:
    """Take in one event of this service, within the caller's transaction; ValueError if it has no time."""
    if isinstance(event, TicketEvent):
        number, time = int(message.aggregate.partition(":")[2]), _time(message)
        _stand(db, number, time, message, event)
        entry = (message.seq, number, message.name, time, event.model_dump_json(exclude_none=True))
        db.execute("insert or replace into entry values (?, ?, ?, ?, ?)", entry)
        return
    match event:
        case e.RepeatNoted():
            noted = (
                message.seq,
                event.customer,
                message.aggregate,
                _time(message),
                json.dumps(event.tickets),
            )
            db.execute("insert or replace into repeat values (?, ?, ?, ?, ?)", noted)
        case e.NeedNoted():
            contact = (message.aggregate, event.customer, event.category, _time(message), message.seq)
            db.execute(
                "insert into contact values (?, ?, ?, ?, ?) on conflict do update"
                " set customer = excluded.customer, category = excluded.category",
                contact,
            )
        case e.QualityReviewed():
            items = (event.passed, event.failed, event.unanswered, event.exempt)
            review = (message.aggregate, message.seq, event.agent, event.by, event.score)
            row = (*review, *map(json.dumps, items), _time(message))
            db.execute("insert or replace into review values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        case e.ProblemOpened() | e.IncidentLinked() | e.WorkaroundPublished() | e.ProblemResolved():
            _problem(db, int(message.aggregate.partition(":")[2]), _time(message), event)


def _stand(db: sqlite3.Connection, number: int, time: str, message: Message, event: TicketEvent) -> None:
    match event:
        case e.TicketRegistered():
            _register(db, number, time, message, event)
        case e.TicketCommented():
            _say(db, number, event.text)
        case e.TicketAssigned():
            db.execute(
                "update ticket set owner = ?, desk = coalesce(?, desk) where number = ?",
                (event.owner, event.desk, number),
            )
        case e.TicketStateChanged():
            _set(db, number, "state", event.state)
        case e.TicketResolved():
            _set(db, number, "state", "resolved")
            _set(db, number, "resolution", event.resolution)
            _say(db, number, event.resolution)
        case e.TicketClosed():
            _set(db, number, "state", "closed")
        case e.TicketReopened():
            _set(db, number, "state", "reopened")
            db.execute(TOLD, (number,))
        case e.TicketPrioritised():
            _set(db, number, "priority", event.priority)
        case e.TicketMerged():
            _set(db, number, "state", "closed")
            _set(db, number, "merged_into", event.into)
        case e.TicketLinked():
            for pair in ((number, event.to), (event.to, number)):
                db.execute("insert or ignore into link values (?, ?)", pair)
        case e.DepartmentInvolved():
            db.execute("insert or ignore into department values (?, ?)", (number, event.department))
        case e.AttachmentAdded():
            file = (number, event.object, event.name, event.type, event.size, event.digest, time)
            db.execute("insert or replace into attachment values (?, ?, ?, ?, ?, ?, ?)", file)
        case e.ComplaintReplyFormalised():
            _say(db, number, event.text)
    _set(db, number, "changed", time)


def _register(
    db: sqlite3.Connection, number: int, time: str, message: Message, event: e.TicketRegistered
) -> None:
    assert message.time
    case = {
        **event.model_dump(exclude={"departments", "screenshot", "protocol", "by"}),
        "state": "pending",
        "registered": time,
        "changed": time,
        "since": message.time.timestamp(),
    }
    names, places = ", ".join(case), ", ".join(f":{name}" for name in case)
    db.execute(f"insert or replace into ticket ({names}) values ({places})", case)
    db.execute("insert or replace into words (rowid, text) values (?, ?)", (number, event.need))
    for department in event.departments:
        db.execute("insert or ignore into department values (?, ?)", (number, department))


def _set(db: sqlite3.Connection, number: int, column: str, value: str | int) -> None:
    db.execute(f"update ticket set {column} = ? where number = ?", (value, number))


def _say(db: sqlite3.Connection, number: int, text: str) -> None:
    db.execute("update words set text = text || char(10) || ? where rowid = ?", (text, number))


def _problem(
    db: sqlite3.Connection,
    number: int,
    time: str,
    event: e.ProblemOpened | e.IncidentLinked | e.WorkaroundPublished | e.ProblemResolved,
) -> None:
    """What a problem says reaches its incidents, also those linked later. R76."""
    match event:
        case e.ProblemOpened():
            opened = (number, event.title, "open", time, time)
            db.execute(
                "insert or replace into problem (number, title, state, opened, changed) values (?, ?, ?, ?, ?)",
                opened,
            )
        case e.IncidentLinked():
            db.execute(
                "update ticket set problem = ?, workaround = (select workaround from problem where number = ?)"
                " where number = ?",
                (number, number, event.ticket),
            )
        case e.WorkaroundPublished():
            db.execute("update problem set workaround = ? where number = ?", (event.text, number))
            for ticket in event.incidents:
                _set(db, ticket, "workaround", event.text)
        case e.ProblemResolved():
            db.execute(
                "update problem set state = 'resolved', resolution = ? where number = ?",
                (event.resolution, number),
            )
            for ticket in event.incidents:
                _set(db, ticket, "proposal", event.resolution)
    db.execute("update problem set changed = ? where number = ?", (time, number))


def _time(message: Message) -> str:
    if message.time is None:
        raise ValueError(f"event {message.seq} on {message.aggregate} has no time")
    return message.time.astimezone(UTC).isoformat().replace("+00:00", "Z")
