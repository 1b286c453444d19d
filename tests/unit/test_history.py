"""The case history: tickets and what happened to them, from the events alone."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

import pytest

from contracts import events as e
from contracts.base import Data
from contracts.commands import HistoryQuery, TicketQuery, TicketsQuery
from contracts.registry import name_of
from eventlog.codec import Message
from services.tickets import history
from tests.unit.given import at


def recorded(aggregate: str, event: Data, time: datetime | None, seq: int) -> Message:
    """Where and when an event stands in the log."""
    return Message(aggregate, name_of(event), b"", f"id-{seq}", "tickets", time=time, seq=seq)


def registered(number: int, customer: str | None = "acme", desk: str | None = None) -> tuple[str, Data]:
    """A ticket of this number."""
    event = e.TicketRegistered(
        number=number, category="complaint", need="no heat", customer=customer, call="c1", desk=desk, by="ana"
    )
    return f"ticket:{number}", event


STORY = [
    registered(1),
    registered(2, "other"),
    ("ticket:1", e.TicketCommented(text="called again", by="eva")),
    ("ticket:1", e.TicketAssigned(owner="eva", desk="tech", by="ana")),
    ("ticket:1", e.TicketAssigned(owner="leo", by="ana")),
    registered(3, desk="tech"),
    ("ticket:1", e.TicketStateChanged(state="in_progress", by="leo")),
    ("c2", e.TicketOwed(category="error")),
    ("c2", e.RepeatNoted(customer="acme", tickets=(1, 3))),
    ("ticket:1", e.TicketResolved(resolution="a new valve", by="leo")),
    ("ticket:1", e.TicketClosed(by="leo")),
    ("ticket:2", e.TicketResolved(resolution="asked", by="leo")),
    ("ticket:2", e.TicketReopened(reason="asked again", by="leo")),
]


def fed(story: list[tuple[str, Data]], times: int = 1) -> sqlite3.Connection:
    """A read model that has taken in these events, at positions 1, 2, …, as many seconds after START."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(history.SCHEMA)
    for _ in range(times):
        for seq, (aggregate, event) in enumerate(story, start=1):
            history.apply(db, recorded(aggregate, event, at(seq), seq), event)
    return db


def test_history_shows_all_states_newest_first() -> None:
    """A customer's tickets are all there, the closed too, and calls while some were open."""
    answer = history.history(fed(STORY), HistoryQuery(customer="acme"))
    assert [(it["ticket"], it["state"]) for it in answer["tickets"]] == [(3, "pending"), (1, "closed")]
    assert answer["tickets"][1] == {
        "ticket": 1,
        "state": "closed",
        "category": "complaint",
        "need": "no heat",
        "customer": "acme",
        "call": "c1",
        "desk": "tech",
        "owner": "leo",
        "registered": "2026-03-02T09:00:01Z",
        "changed": "2026-03-02T09:00:11Z",
    }
    assert answer["repeats"] == [{"call": "c2", "time": "2026-03-02T09:00:09Z", "tickets": [1, 3]}]
    assert json.loads(json.dumps(answer)) == answer


def test_history_is_limited() -> None:
    """With a limit the newest are given; who has no ticket has an empty history."""
    db = fed(STORY)
    assert [
        it["ticket"] for it in history.history(db, HistoryQuery(customer="acme", limit=1))["tickets"]
    ] == [3]
    nobody = {"customer": "nobody", "tickets": [], "repeats": []}
    assert history.history(db, HistoryQuery(customer="nobody")) == nobody


def test_a_ticket_tells_all_that_happened_to_it() -> None:
    """One ticket comes with its events in order, with position, time and data."""
    answer = history.ticket(fed(STORY), TicketQuery(ticket=1))
    assert answer["ticket"]["state"] == "closed"
    assert [(it["position"], it["type"]) for it in answer["events"]] == [
        (1, "ticket.registered"),
        (3, "ticket.commented"),
        (4, "ticket.assigned"),
        (5, "ticket.assigned"),
        (7, "ticket.state_changed"),
        (10, "ticket.resolved"),
        (11, "ticket.closed"),
    ]
    assert answer["events"][1]["data"] == {"text": "called again", "by": "eva"}
    assert history.ticket(fed(STORY), TicketQuery(ticket=9)) == {"ticket": None, "events": []}


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (TicketsQuery(), [3, 2, 1]),
        (TicketsQuery(limit=2), [3, 2]),
        (TicketsQuery(state="reopened"), [2]),
        (TicketsQuery(desk="tech"), [3, 1]),
        (TicketsQuery(desk="tech", owner="leo"), [1]),
        (TicketsQuery(state="pending", owner="leo"), []),
    ],
)
def test_tickets_are_found_by_state_desk_and_owner(query: TicketsQuery, numbers: list[int]) -> None:
    """Each condition narrows, newest first."""
    assert [it["ticket"] for it in history.tickets(fed(STORY), query)["tickets"]] == numbers


def test_the_same_events_again_change_nothing() -> None:
    """Rebuilt over what is there, the tables are the same as built from nothing."""
    assert list(fed(STORY, times=2).iterdump()) == list(fed(STORY).iterdump())


def test_an_event_without_a_time_is_an_error() -> None:
    """What has no time cannot be placed in a history."""
    aggregate, event = registered(1)
    with pytest.raises(ValueError, match="no time"):
        history.apply(fed([]), recorded(aggregate, event, None, 1), event)
