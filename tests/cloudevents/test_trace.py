"""A trace context goes from a fact or command to the last thing that follows from it, through all four services."""

from __future__ import annotations

import json
from typing import Any

import pytest

from centralita import deadletters
from contracts.protocol import Limits, Promise, Protocol, Row
from eventlog.codec import Message, message_of
from tests.cloudevents.conftest import publish
from tests.cloudevents.judged import EVENT, STRUCTURED, SUBJECT
from tests.cloudevents.told import advanced, event, trace, traced
from tests.e2e.centre import DESK, Centre
from tests.e2e.conftest import Open

BUSY = Protocol(
    name="busy",
    routing=(Row(desk=DESK),),
    limits=Limits(answer_s=8, hold_s=120, hold_warning_s=10, offer_s=20, retry_s=60, contact_s=600),
    promises=(Promise(name="reply", rule="R62", within_s=600, warn_s=60, escalate_s=(60,)),),
)
SIGNED_IN = [
    event("agent.signed_in", "ana", 0, name="Ana", desks=[DESK]),
    event("agent.available", "ana", 0.5),
]
CALL = [
    event("call.offered", "c-1", 1),
    event("call.answered", "c-1", 5, agent="luis"),
    event("request.stated", "c-1", 10, text="no abre", category="complaint"),
    event("call.held", "c-1", 20, reason="look-up"),
    event("call.ended", "c-1", 310),
]


async def tell(centre: Centre, *events: dict[str, Any], mode: str = "binary") -> list[Message]:
    """The log, once all that follows from these is settled."""
    for each in events:
        await publish(centre, each, mode)
    await centre.client.settle(centre.name)
    return await centre.log()


async def test_all_that_follows_carries_the_trace(open_centre: Open) -> None:
    """Every event of the four services about a call told in one trace is in it, timers and a command's included."""
    centre = await open_centre(BUSY)
    await tell(centre, *SIGNED_IN, *(traced(it, 7) for it in CALL))
    headers = {"traceparent": trace(7), "ce-actor": "luis"}
    command = {"category": "complaint", "need": "no abre", "call": "c-1", "by": "luis"}
    subject = f"command.{centre.name}.tickets.register"
    await centre.client.connection.request(subject, json.dumps(command).encode(), timeout=20, headers=headers)
    log = [
        it
        for it in await tell(centre, advanced(300), advanced(3_000))
        if it.subject.split(".")[2] != "centre"
    ]
    mine = [it for it in log if it.aggregate in ("c-1", "assignment:c-1", "matter:c-1", "ticket:1")]
    assert {it.subject.split(".")[2] for it in mine} == {"intake", "routing", "tickets", "sla"}
    assert {"deadline.breached", "deadline.warned", "deadline.escalated", "ticket.registered"} <= {
        it.name for it in mine
    }
    assert {(it.name, it.trace) for it in mine if it.trace != trace(7)} == set()
    others = {it.name for it in log if it.name in ("agent.signed_in", "clock.advanced") and it.trace}
    assert others == set()


async def test_each_event_is_in_the_trace_of_its_cause(open_centre: Open) -> None:
    """Facts in traces of their own: an event has that of its cause; a timer's that of the last of what it is about."""
    centre = await open_centre(BUSY)
    events = [traced(it, number) for number, it in enumerate((*SIGNED_IN, *CALL), start=1)]
    log = await tell(centre, *events, traced(advanced(3_000), 99), mode="structured")
    facts = {it["id"]: it["traceparent"] for it in events} | {advanced(3_000)["id"]: trace(99)}
    known = {it.id: it.trace for it in log}
    last: dict[str, str] = {}
    timers = 0
    for message in log:
        if message.subject.split(".")[2] == "centre" or message.aggregate == "term":
            continue
        cause = facts.get(message.cause) or known.get(message.cause)
        if cause is None:
            timers += 1
            cause = last[message.subject]
        assert message.trace == cause, f"{message.name} of {message.subject}"
        last[message.subject] = message.trace or last.get(message.subject, "")
    assert timers > 2


async def test_waiting_and_resending_keep_the_trace(centre: Centre) -> None:
    """A fact that came early, one that waited in vain, and one that is sent again lead to events in its own trace."""
    early = traced(event("call.answered", "c-1", 2, agent="ana"), 1)
    vain = traced(event("call.answered", "c-2", 2, agent="ana"), 2)
    wrong = traced(event("call.offered", "c-3", 3, from_="call me"), 3)
    log = await tell(
        centre, early, vain, wrong, traced(event("call.offered", "c-1", 1), 4), traced(advanced(60), 5)
    )
    found = {(it.name, it.aggregate): it.trace for it in log}
    assert found["fact.deferred", "c-1"] == found["call.answered", "c-1"] == trace(1)
    assert found["call.offered", "c-1"] == trace(4)
    assert found["fact.rejected", "c-2"] == trace(2)
    letter = next(it for it in await deadletters.letters(centre.client, centre.name) if it.about == "c-3")
    assert letter.message.trace == trace(3)
    await deadletters.resend(centre.client, centre.name, letter, "eva", "mended", data=b"{}")
    assert {it.trace for it in await centre.log() if it.aggregate == "c-3"} == {trace(3)}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"ce-traceparent": trace(1)}, trace(1)),
        ({"traceparent": trace(2)}, trace(2)),
        ({"ce-traceparent": trace(1), "Traceparent": trace(2)}, trace(1)),
        ({"traceparent": "00-somewhere"}, ""),
        ({"traceparent": f"{trace(3)}-more"}, f"{trace(3)}-more"),
        ({"traceparent": f"{trace(3)}-a\x85b"}, ""),
        ({}, ""),
    ],
)
def test_where_a_message_says_its_trace(headers: dict[str, str], expected: str) -> None:
    """In the extension's attribute; else in the W3C header, where that is one; in either mode."""
    attributes = {f"ce-{name}": value for name, value in EVENT.items() if name != "data"}
    assert message_of(SUBJECT, attributes | headers, b"{}").trace == expected
    own = {name.removeprefix("ce-"): value for name, value in headers.items() if name.startswith("ce-")}
    around = {"content-type": STRUCTURED} | {k: v for k, v in headers.items() if not k.startswith("ce-")}
    assert message_of(SUBJECT, around, json.dumps(EVENT | own).encode()).trace == expected
