"""What the case history answers: a case, a customer's cases, and those that match, a page at a time."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import Any

from contracts.commands import HistoryQuery, TicketQuery, TicketsQuery

COLUMNS = (
    "ticket",
    "state",
    "category",
    "need",
    "customer",
    "call",
    "message",
    "desk",
    "owner",
    "product",
    "tool",
    "place",
    "channel",
    "priority",
    "split_from",
    "merged_into",
    "resolution",
    "problem",
    "workaround",
    "proposal",
    "registered",
    "changed",
)
TICKET = f"select number, {', '.join(COLUMNS[1:])} from ticket"
_WORDS = re.compile(r"\w+")


def history(db: sqlite3.Connection, query: HistoryQuery) -> dict[str, Any]:
    """The customer's tickets in every state and calls while some were open (`repeats`), each newest first. R68."""
    rows = db.execute(
        f"{TICKET} where customer = ? order by number desc limit ?", (query.customer, query.limit)
    )
    return {
        "customer": query.customer,
        "tickets": [told(row) for row in rows],
        "repeats": repeats(db, query.customer, query.limit),
    }


def repeats(db: sqlite3.Connection, customer: str, limit: int) -> list[dict[str, Any]]:
    """The customer's calls while some tickets were open, newest first."""
    rows = db.execute(
        "select call, time, tickets from repeat where customer = ? order by position desc limit ?",
        (customer, limit),
    )
    return [{"call": call, "time": time, "tickets": json.loads(numbers)} for call, time, numbers in rows]


def ticket(db: sqlite3.Connection, query: TicketQuery) -> dict[str, Any]:
    """The ticket, its `events` in order, and what belongs to it; None and nothing if there is none of this number."""
    number = (query.ticket,)
    row = db.execute(f"{TICKET} where number = ?", number).fetchone()
    entries = db.execute(
        "select position, event, time, data from entry where number = ? order by position", number
    )
    departments = db.execute("select name from department where number = ? order by name", number)
    links = db.execute("select other from link where number = ? order by other", number)
    files = db.execute(
        "select name, type, size, digest, object, time from attachment where number = ? order by time, object",
        number,
    )
    return {
        "ticket": told(row) if row else None,
        "departments": [name for (name,) in departments],
        "links": [other for (other,) in links],
        "attachments": [
            dict(zip(("name", "type", "size", "digest", "object", "time"), file, strict=True))
            for file in files
        ],
        "events": [
            {"position": position, "type": name, "time": time, "data": json.loads(data)}
            for position, name, time, data in entries
        ],
    }


def tickets(db: sqlite3.Connection, query: TicketsQuery) -> dict[str, Any]:
    """The tickets that match all of what is asked, newest first; `before` is where the next page begins, if any.

    At a desk are those that it owns and those that it was involved in. All words of the text must occur in what was
    said of a ticket, each as the beginning of a word. `since` is included, `until` is not.
    """
    asked: dict[str, Any] = {
        "number = ?": query.number,
        "customer = ?": query.customer,
        "state = ?": query.state,
        "? in (select desk union select name from department where department.number = ticket.number)": query.desk,
        "owner = ?": query.owner,
        "since >= ?": query.since and query.since.timestamp(),
        "since < ?": query.until and query.until.timestamp(),
        "number < ?": query.before,
        "number in (select rowid from words where words match ?)": _match(query.text),
    }
    wanted = {condition: value for condition, value in asked.items() if value is not None}
    if query.text is not None and not _match(query.text):
        return {"tickets": [], "before": None}
    where = f" where {' and '.join(wanted)}" if wanted else ""
    found = db.execute(f"{TICKET}{where} order by number desc limit ?", (*wanted.values(), query.limit + 1))
    page = [told(row) for row in found]
    rest = len(page) > query.limit
    return {"tickets": page[: query.limit], "before": page[query.limit - 1]["ticket"] if rest else None}


def _match(text: str | None) -> str | None:
    """The text as the index wants it: every word quoted, so that none is an operator."""
    return " ".join(f'"{word}"*' for word in _WORDS.findall(text or "")) or None


def told(row: tuple[Any, ...]) -> dict[str, Any]:
    """A ticket as it is answered."""
    return dict(zip(COLUMNS, row, strict=True))
