"""Supervisors, queues and reception: who is called for help, and told in time."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from contracts.deciding import World
from contracts.protocol import ConductLadder, Limits, Protocol, Row
from services.routing import domain, queries
from tests.unit.given import at, given, happen, when
from tests.unit.routing import decided

PROTOCOL = Protocol(
    name="test",
    routing=(Row(queues=("sales",), desk="sales"), Row(desk="front")),
    conduct=ConductLadder(),
    limits=Limits(supervisor_s=60, wrap_up_s=30, retry_s=300),
    queue_alert=3,
)
NEEDED = e.SupervisorNeeded(rule="R46", agent="ana", protocol=1)
LATE = e.DeadlineBreached(deadline="supervisor", rule="R46", due=at(60))


def signed_in(agent: str, seconds: float = 0, *desks: str, role: Any = "supervisor") -> list[Any]:
    """Somebody at work and available."""
    fact = f.AgentSignedIn(name=agent, role=role, desks=desks)
    return [(f"agent:{agent}", fact, seconds), (f"agent:{agent}", f.AgentAvailable(), seconds)]


def centre(*events: Any) -> World[Any, Any]:
    """The world after these events."""
    return given(domain, PROTOCOL, events)


def called(to: str | None, attempt: int = 1) -> e.SupervisorCalled:
    """A supervisor, or nobody yet, is called."""
    return e.SupervisorCalled(to=to, attempt=attempt, protocol=1)


def test_a_free_supervisor_is_brought_in() -> None:
    """R46: the one who is free for longest; not one on a call, and no agent."""
    on_a_call = ("agent:busy", e.AgentEngaged(call="9"), 1)
    world = centre(*signed_in("busy"), on_a_call, *signed_in("late", 2), *signed_in("boss", 1),
                   *signed_in("ana", 0, "front", role="agent"))  # fmt: skip
    assert decided(world, "1", NEEDED) == [called("boss")]
    assert decided(world, "1", NEEDED) == []
    assert decided(world, "2", NEEDED) == [called("late")]
    assert decided(world, "3", NEEDED) == [called(None)]
    assert world.aggregates["3"].protocol == 1


def test_an_escalation_waits_for_a_supervisor_to_be_free() -> None:
    """R16, R46: who is on a call is not disturbed; at the end of rest the first escalation comes before any call."""
    world = centre(*signed_in("boss"), ("agent:boss", e.AgentEngaged(call="9"), 1))
    assert decided(world, "1", NEEDED) == [called(None)]
    assert decided(world, "2", NEEDED, 101) == [called(None)]
    happen(domain, world, when("3", e.NeedEstablished(category="sales", protocol=1), 102))
    assert len(happen(domain, world, when("9", f.CallEnded(), 110))) == 1
    warned = e.DeadlineWarned(deadline="wrap-up", rule="R24", due=at(140))
    assert happen(domain, world, when("agent:boss", warned, 140)) == [
        ("agent:boss", e.AgentRested()),
        ("1", called("boss", 2)),
    ]


@pytest.mark.parametrize("id", ["1", "assignment:1"])
def test_a_supervisor_who_does_not_come_is_not_waited_for(id: str) -> None:
    """R46: another is called, if none is free the same again, and nobody if they are gone."""
    world = centre(*signed_in("boss"), *signed_in("chief", 1), ("1", called("boss")))
    assert happen(domain, world, when(id, LATE, 60)) == [("1", called("chief", 2))]
    happen(domain, world, when("agent:boss", f.AgentBusy(), 61))
    again = LATE.model_copy(update={"deadline": "supervisor-2"})
    assert happen(domain, world, when(id, again, 120)) == [("1", called("chief", 3))]
    assert happen(domain, world, when("agent:chief", f.AgentSignedOut(), 121))[1:] == [("1", called(None, 4))]
    assert happen(domain, world, when("agent:boss", f.AgentAvailable(), 122))[1:] == [
        ("1", called("boss", 5))
    ]


def test_who_answers_another_call_is_not_waited_for() -> None:
    """R46: a supervisor who was called and is on another call by now is called no longer."""
    world = centre(*signed_in("boss"), *signed_in("chief", 1), ("1", called("boss")))
    assert happen(domain, world, when("9", f.CallAnswered(agent="boss"), 5)) == [
        ("agent:boss", e.AgentEngaged(call="9")),
        ("1", called("chief", 2)),
    ]


def test_who_is_called_to_a_call_is_offered_none() -> None:
    """R46: nor is anybody who is called elsewhere; when they are not needed, what waits is theirs again."""
    world = centre(*signed_in("boss", 0, "front"), ("1", called("boss")))
    decision = happen(domain, world, when("2", e.NeedEstablished(category="sales", protocol=1), 5))
    assert [event.to for _, event in decision if isinstance(event, e.OfferMade)] == [None]
    ended = happen(domain, world, when("1", f.CallEnded(), 6))
    assert [type(event) for _, event in ended] == [e.EscalationEnded, e.OfferMade]


@pytest.mark.parametrize(
    ("fact", "supervisor"),
    [
        (f.SupervisorJoined(supervisor="boss"), "boss"),
        (f.SupervisorJoined(supervisor="other"), "other"),
        (f.CallEnded(), None),
        (f.CallAbandoned(), None),
    ],
)
def test_an_escalation_ends(fact: Data, supervisor: str | None) -> None:
    """R46: a supervisor is on the line, whoever was called, or nobody is any more; then nothing follows."""
    world = centre(*signed_in("boss"), ("1", called("boss")))
    decision = happen(domain, world, when("1", fact, 5))
    assert ("1", e.EscalationEnded(supervisor=supervisor)) in decision
    assert domain.closed(world.aggregates["1"])
    assert happen(domain, world, when("1", LATE, 60)) == []


def joins(world: World[Any, Any], call: str, queue: str | None = "sales", seconds: float = 0) -> list[Data]:
    """What is decided about a call that is queued."""
    return [event for _, event in happen(domain, world, when(call, f.CallQueued(queue=queue), seconds))]


def test_agents_are_told_when_a_queue_builds_up() -> None:
    """R14: at the third call those at work for the queue's desks, once; again when it was fewer meanwhile."""
    world = centre(*signed_in("ana", 0, "sales"), *signed_in("eva", 0, "front"))
    assert joins(world, "1") == [e.QueueJoined(queue="sales", call="1")]
    assert len(joins(world, "2")) == 1
    assert joins(world, "1") == []
    alerted = e.QueueAlerted(queue="sales", waiting=3, agents=("ana",))
    assert joins(world, "3") == [e.QueueJoined(queue="sales", call="3"), alerted]
    assert len(joins(world, "4")) == 1
    left = happen(domain, world, when("1", f.CallDequeued(), 9))
    assert left == [("queue:sales", e.QueueLeft(queue="sales", call="1"))]
    assert len(joins(world, "5")) == 1
    for call, fact in (("2", f.CallAnswered()), ("3", f.CallAbandoned()), ("4", f.CallEnded())):
        assert happen(domain, world, when(call, fact, 10)) == [
            ("queue:sales", e.QueueLeft(queue="sales", call=call))
        ]
    assert joins(world, "6", seconds=11) == [e.QueueJoined(queue="sales", call="6")]
    assert joins(world, "7", seconds=12)[1:] == [alerted]
    row = {"queue": "sales", "waiting": 3, "since": at(0).isoformat(), "alerted": True}
    assert queries.queues(world, c.QueuesQuery()) == {"queues": [row]}


def test_a_queue_that_no_row_names_concerns_all() -> None:
    """R14: then everybody at work is told, but for who is away; each queue counts for itself."""
    away = [*signed_in("leo"), ("agent:leo", f.AgentUnavailable(reason="lunch"), 1)]
    world = centre(*signed_in("ana", 0, "sales"), *signed_in("eva", 0, "front"), *away)
    for call in "12":
        assert len(joins(world, call, None)) == 1
        assert len(joins(world, f"{call}b", "other")) == 1
    assert joins(world, "3", None)[1:] == [e.QueueAlerted(queue="main", waiting=3, agents=("ana", "eva"))]


def test_queues_are_counted_where_the_protocol_says_so() -> None:
    """R14 is in force with a number of calls in the protocol."""
    world = given(domain, PROTOCOL.model_copy(update={"queue_alert": None}))
    assert joins(world, "1") == []


REQUESTED = e.AccessRequested(email="a@example.com", desk="reception")


def test_reception_is_told_to_send_the_access() -> None:
    """R75: a receptionist at work at that desk, rather one who is not on a call."""
    here = [
        *signed_in("amy", 0, "reception", role="reception"),
        *signed_in("bea", 0, "reception", role="reception"),
    ]
    agent = signed_in("ana", 0, "reception", role="agent")
    world = centre(*agent, *here, ("agent:amy", e.AgentEngaged(call="9"), 1))
    assert decided(world, "1", REQUESTED) == [e.AccessHandedOver(to="bea", desk="reception")]
    happen(domain, world, when("agent:bea", f.AgentSignedOut(), 2))
    assert decided(world, "2", REQUESTED) == [e.AccessHandedOver(to="amy", desk="reception")]


def test_the_access_waits_for_reception() -> None:
    """R75: with nobody there it is handed over to the first who signs in, and to nobody if it was sent before."""
    world = centre()
    assert decided(world, "1", REQUESTED) == [e.AccessHandedOver(to=None, desk="reception")]
    assert decided(world, "1", REQUESTED) == []
    assert not domain.closed(world.aggregates["1"])
    happen(domain, world, when("2", REQUESTED, 1))
    sent = e.AccessHandedOver(to="boss", desk="reception")
    assert decided(world, "2", e.AccessSent(by="boss")) == [sent]
    assert decided(world, "2", e.AccessSent(by="boss")) == []
    amy = f.AgentSignedIn(name="amy", role="reception", desks=("reception",))
    assert happen(domain, world, when("agent:amy", amy, 5))[1:] == [
        ("1", e.AccessHandedOver(to="amy", desk="reception"))
    ]
    assert domain.closed(world.aggregates["1"])
