"""What agents and supervisors are shown beside the cases: profiles, problems, reviews."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from contracts.base import Refused
from contracts.commands import ProblemQuery, ProfileQuery, ReviewsQuery
from services.tickets.search import TICKET, repeats, told

RECENT = 10
"""How many contacts and repeats a profile shows."""


def profile(db: sqlite3.Connection, query: ProfileQuery) -> dict[str, Any]:
    """Who is on the call: open `tickets`, recent `contacts` and `repeats`, newest first. R27.

    Refused before the request is stated. Of a caller who is no known customer there is nothing to show.
    """
    row = db.execute("select customer, category from contact where call = ?", (query.call,)).fetchone()
    if row is None:
        raise Refused(
            "R27",
            "of this call no request is known yet",
            field="call",
            expected="a call whose request was stated",
        )
    customer, category = row
    tickets = db.execute(
        f"{TICKET} where customer = ? and state not in ('resolved', 'closed') order by number desc",
        (customer,),
    )
    contacts = db.execute(
        "select call, category, time from contact where customer = ? and call <> ? order by position desc limit ?",
        (customer, query.call, RECENT),
    )
    return {
        "call": query.call,
        "customer": customer,
        "category": category,
        "tickets": [told(each) for each in tickets],
        "contacts": [{"call": call, "category": about, "time": time} for call, about, time in contacts],
        "repeats": repeats(db, customer, RECENT) if customer else [],
    }


def problem(db: sqlite3.Connection, query: ProblemQuery) -> dict[str, Any]:
    """The problem with its incidents in order; None and none if there is none of this number. R76."""
    columns = ("problem", "title", "state", "workaround", "resolution", "opened", "changed")
    row = db.execute(
        f"select number, {', '.join(columns[1:])} from problem where number = ?", (query.problem,)
    ).fetchone()
    incidents = db.execute(f"{TICKET} where problem = ? order by number", (query.problem,))
    return {
        "problem": dict(zip(columns, row, strict=True)) if row else None,
        "incidents": [told(each) for each in incidents],
    }


def reviews(db: sqlite3.Connection, query: ReviewsQuery) -> dict[str, Any]:
    """The newest reviews, `score` as their mean, and of each item the share passed where it was asked. R23.

    `score` and a share are None where nothing was asked.
    """
    columns = ("call", "agent", "by", "score", "passed", "failed", "unanswered", "exempt", "time")
    where, values = (" where agent = ?", (query.agent,)) if query.agent else ("", ())
    rows = db.execute(
        f"select {', '.join(columns)} from review{where} order by position desc limit ?",
        (*values, query.limit),
    )
    found = [dict(zip(columns, row, strict=True)) for row in rows]
    asked: dict[str, list[bool]] = {}
    for each in found:
        for answer in ("passed", "failed", "unanswered", "exempt"):
            each[answer] = json.loads(each[answer])
        for answer in ("passed", "failed", "unanswered"):
            for item in each[answer]:
                asked.setdefault(item, []).append(answer == "passed")
    return {
        "agent": query.agent,
        "score": sum(each["score"] for each in found) / len(found) if found else None,
        "items": {item: sum(passed) / len(passed) for item, passed in sorted(asked.items())},
        "reviews": found,
    }
