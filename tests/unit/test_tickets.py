"""Tickets: what a case goes through, and what a call owes or repeats."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from contracts import commands as c
from contracts import events as e
from contracts.base import Data, Refused
from contracts.deciding import World
from contracts.protocol import Protocol
from services.tickets import domain
from tests.unit.given import Given, given, happen, when

OWING = Protocol(name="owing", ticket_owed_for=("complaint", "error"))


def need(category: Any = "complaint", customer: str | None = None) -> e.NeedEstablished:
    """What a caller needs."""
    return e.NeedEstablished(category=category, customer=customer, protocol=1)


def registered(number: int = 1, customer: str | None = "acme", call: str | None = None) -> Given:
    """A ticket of this number exists."""
    event = e.TicketRegistered(
        number=number, category="complaint", need="no heat", customer=customer, call=call, by="ana"
    )
    return f"ticket:{number}", event


REGISTER = c.RegisterTicket(
    category="error", need="it beeps", customer="acme", call="c1", desk="tech", by="ana"
)
COMMENT = c.CommentTicket(ticket=1, text="called again", by="ana")
ASSIGN = c.AssignTicket(ticket=1, owner="eva", desk="tech", by="ana")
AWAIT = c.ChangeTicketState(ticket=1, state="awaiting_feedback", by="ana")
RESOLVE = c.ResolveTicket(ticket=1, resolution="a new valve", by="ana")
CLOSE = c.CloseTicket(ticket=1, by="ana")
REOPEN = c.ReopenTicket(ticket=1, reason="it leaks", by="ana")

STATES: dict[str, list[Data]] = {
    "pending": [],
    "in_progress": [e.TicketStateChanged(state="in_progress", by="ana")],
    "awaiting_feedback": [e.TicketStateChanged(state="awaiting_feedback", by="ana")],
    "resolved": [e.TicketResolved(resolution="a new valve", by="ana")],
    "closed": [e.TicketResolved(resolution="a new valve", by="ana"), e.TicketClosed(by="ana")],
    "reopened": [
        e.TicketResolved(resolution="a new valve", by="ana"),
        e.TicketReopened(reason="it leaks", by="ana"),
    ],
}


def one(state: str, protocol: Protocol = OWING) -> World[Any, Any]:
    """The world with ticket 1 in this state."""
    return given(domain, protocol, [registered(), *(("ticket:1", event) for event in STATES[state])])


def command(world: World[Any, Any], body: Data, id: str = "ticket:1") -> list[tuple[str, Data]]:
    """What is recorded of a command."""
    return happen(domain, world, when(id, body, 5, "command"))


def test_the_first_ticket_is_number_one() -> None:
    """Registering answers with the next number and everything that was said of the case."""
    assert command(given(domain), REGISTER, "") == [
        (
            "ticket:1",
            e.TicketRegistered(
                number=1, category="error", need="it beeps", customer="acme", call="c1", desk="tech", by="ana"
            ),
        )
    ]


def test_numbers_run_on_even_when_tickets_have_left_memory() -> None:
    """A number is never given twice, whatever became of its ticket."""
    world = one("closed")
    assert domain.closed(world.aggregates.pop("ticket:1"))
    assert [it for it, _ in command(world, REGISTER) + command(world, REGISTER)] == ["ticket:2", "ticket:3"]


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_what_was_recorded_last(state: str) -> None:
    """Each event moves the ticket to the state it names, and only a closed one may leave memory."""
    ticket = one(state).aggregates["ticket:1"]
    assert ticket.state == state
    assert domain.closed(ticket) == (state == "closed")


@pytest.mark.parametrize("state", STATES)
def test_a_comment_is_taken_in_any_state(state: str) -> None:
    """Whatever became of the case, something can be added, and its state stays."""
    world = one(state)
    assert command(world, COMMENT) == [("ticket:1", e.TicketCommented(text="called again", by="ana"))]
    assert (world.aggregates["ticket:1"].comments, world.aggregates["ticket:1"].state) == (1, state)


def test_a_ticket_gets_an_owner_and_a_desk() -> None:
    """The desk stays where the command names none."""
    world = one("pending")
    assert command(world, ASSIGN) == [("ticket:1", e.TicketAssigned(owner="eva", desk="tech", by="ana"))]
    command(world, c.AssignTicket(ticket=1, owner="leo", by="ana"))
    assert (world.aggregates["ticket:1"].owner, world.aggregates["ticket:1"].desk) == ("leo", "tech")


@pytest.mark.parametrize(
    ("state", "body", "event"),
    [
        ("pending", AWAIT, e.TicketStateChanged(state="awaiting_feedback", by="ana")),
        ("pending", RESOLVE, e.TicketResolved(resolution="a new valve", by="ana")),
        ("reopened", RESOLVE, e.TicketResolved(resolution="a new valve", by="ana")),
        ("resolved", CLOSE, e.TicketClosed(by="ana")),
        ("resolved", REOPEN, e.TicketReopened(reason="it leaks", by="ana")),
        ("closed", REOPEN, e.TicketReopened(reason="it leaks", by="ana")),
    ],
)
def test_a_case_moves_on(state: str, body: Data, event: Data) -> None:
    """A command that may be leads to its one event."""
    assert command(one(state), body) == [("ticket:1", event)]


@pytest.mark.parametrize(
    ("state", "body", "rule"),
    [
        ("awaiting_feedback", RESOLVE, "ticket-awaits-feedback"),
        *(
            (state, body, "ticket-over")
            for state in ("resolved", "closed")
            for body in (RESOLVE, ASSIGN, AWAIT)
        ),
        *((state, CLOSE, "ticket-not-resolved") for state in STATES if state != "resolved"),
        *((state, REOPEN, "ticket-open") for state in STATES if state not in ("resolved", "closed")),
        ("awaiting_feedback", AWAIT, "ticket-unchanged"),
    ],
)
def test_what_may_not_be_is_refused(state: str, body: Data, rule: str) -> None:
    """A refusal names its rule and the field, and records nothing."""
    world = one(state)
    before = dict(world.aggregates)
    with pytest.raises(Refused) as refusal:
        command(world, body)
    assert refusal.value.rule == rule
    assert refusal.value.field
    assert world.aggregates == before


def test_a_command_names_its_aggregate() -> None:
    """Every verb is about the ticket that it names; registering begins one."""
    verbs = (COMMENT, ASSIGN, AWAIT, RESOLVE, CLOSE, REOPEN)
    assert {domain.ticket_of(body) for body in verbs} == {"ticket:1"}
    assert domain.ticket_of(REGISTER) == ""


@pytest.mark.parametrize("body", [COMMENT, ASSIGN, AWAIT, RESOLVE, CLOSE, REOPEN])
def test_an_unknown_ticket_is_refused(body: Data) -> None:
    """Every verb but `register` needs a ticket."""
    with pytest.raises(Refused) as refusal:
        command(given(domain), body, "ticket:9")
    assert (refusal.value.rule, refusal.value.field) == ("ticket-unknown", "ticket")


@pytest.mark.parametrize(
    ("protocol", "category", "events"),
    [
        (OWING, "complaint", [("c1", e.TicketOwed(category="complaint"))]),
        (OWING, "error", [("c1", e.TicketOwed(category="error"))]),
        (OWING, "sales", []),
        (Protocol(name="none"), "complaint", []),
    ],
)
def test_a_ticket_is_owed_for_what_the_protocol_names(
    protocol: Protocol, category: str, events: list[tuple[str, Data]]
) -> None:
    """Categories of the protocol's list owe a ticket, once; others do not."""
    world = given(domain, protocol)
    assert happen(domain, world, when("c1", need(category), kind="event")) == events
    assert happen(domain, world, when("c1", need(category), kind="event")) == []


@pytest.mark.parametrize("later", STATES)
def test_a_call_that_has_a_ticket_owes_none(later: str) -> None:
    """Once registered, whatever became of it, the call's ticket is not owed again."""
    events = [registered(call="c1", customer=None), *(("ticket:1", event) for event in STATES[later])]
    assert happen(domain, given(domain, OWING, events), when("c1", need(), kind="event")) == []


def test_a_repeat_is_noted_with_the_open_tickets() -> None:
    """The customer's open tickets are named, in order; resolved ones and those of others are not."""
    events = [
        registered(1),
        registered(2),
        registered(3, "other"),
        registered(4),
        ("ticket:2", STATES["resolved"][0]),
    ]
    world = given(domain, OWING, events)
    asked = when("c1", need("sales", "acme"), kind="event")
    assert happen(domain, world, asked) == [("c1", e.RepeatNoted(customer="acme", tickets=(1, 4)))]
    assert happen(domain, world, asked) == []


def test_the_ticket_of_the_call_itself_is_no_repeat() -> None:
    """A ticket registered during the call does not make it a repeat."""
    world = given(domain, OWING, [registered(call="c1")])
    assert happen(domain, world, when("c1", need("sales", "acme"), kind="event")) == []


def test_owed_and_repeated_at_once() -> None:
    """Both may follow from one need, in this order."""
    decision = happen(domain, one("pending"), when("c1", need("error", "acme"), kind="event"))
    assert [type(event) for _, event in decision] == [e.TicketOwed, e.RepeatNoted]
    assert all(about == "c1" for about, _ in decision)


def test_what_tickets_does_not_follow_leads_to_nothing() -> None:
    """Events of others that are no matter of tickets are passed over."""
    assert domain.decide(given(domain, OWING), when("c1", e.CallClosed(by="ana"), kind="event")) == []


def test_a_ticket_read_back_disturbs_nothing() -> None:
    """A closed ticket that left memory and is folded again leaves the index as it was."""
    world = one("closed")
    index = pickle.dumps(world.index)
    del world.aggregates["ticket:1"]
    for event in (registered()[1], *STATES["closed"]):
        world.evolve(domain.evolve, "ticket:1", event, when("", COMMENT).at)
    assert pickle.dumps(world.index) == index
    assert world.index.open == {}


BODIES = st.sampled_from(
    [
        *(("ticket", body) for body in (REGISTER, COMMENT, ASSIGN, AWAIT, RESOLVE, CLOSE, REOPEN)),
        *(("call", need(category, who)) for category in ("error", "sales") for who in ("acme", None)),
    ]
)


@for_all(st.lists(st.tuples(BODIES, st.integers(1, 3)), max_size=30))
def test_any_history_is_consistent(steps: list[tuple[tuple[str, Data], int]]) -> None:
    """A command leads to one event or a refusal, a need heard twice to nothing; the index is always right."""
    world = given(domain, OWING)
    for (about, body), number in steps:
        asked = when(f"ticket:{number}" if about == "ticket" else f"c{number}", body, 0, "command")
        try:
            decision = happen(domain, world, asked)
        except Refused:
            continue
        if about == "ticket":
            assert len(decision) == 1
            if not isinstance(body, c.RegisterTicket | c.CommentTicket):
                with pytest.raises(Refused):
                    domain.decide(world, asked)
        else:
            assert domain.decide(world, asked) == []
        tickets = [it for it in world.aggregates.values() if isinstance(it, domain.Ticket)]
        still = {it.number for it in tickets if it.state not in ("resolved", "closed")}
        assert world.index.open.get("acme", set()) == still
        assert world.index.next == len(tickets) + 1
