"""The property that carries everything: cut any history after any event, recover, go on: the log is the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import protocols
from contracts import commands as c
from contracts import registry
from eventlog.codec import Message, headers_of, timestamp
from tests.eventlog.lines import CENTRE, Asked, Cut, Line, told
from tests.unit.given import START

COLD = protocols.load("cold-industry")
STRICTER = COLD.model_copy(
    update={"version": 2, "limits": COLD.limits.model_copy(update={"retry_s": 60, "contact_s": 120})}
)
CALLS, AGENTS, CUSTOMERS = ("c1", "c2", "c3"), ("ana", "bruno", "carla"), ("k1", "k2")
DESKS = sorted({row.desk for row in COLD.routing})
PHONES = ("+34600111222", "600 333 444")


class Step(NamedTuple):
    """Something that happens so many seconds after the last thing: a fact, a command, a message of any kind."""

    after: float
    what: Literal["fact", "command", "raw", "repeat", "clock", "publish", "round"]
    name: str = ""
    about: str = ""
    data: Any = None
    actor: str = ""


def facts(name: str, about: Sequence[str], /, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """Facts of a type about any of these, with fields that are drawn; None leaves a field out."""
    data = st.fixed_dictionaries(fields).map(lambda d: {k: v for k, v in d.items() if v is not None})
    actor = st.sampled_from(("", "", "", "marta"))
    return st.builds(Step, AFTER, st.just("fact"), st.just(name), st.sampled_from(about), data, actor)


def commands(service: str, verb: str, *possible: c.Data) -> st.SearchStrategy[Step]:
    """One of these commands."""
    about = st.just(f"{service}.{verb}")
    return st.builds(Step, AFTER, st.just("command"), st.just(verb), about, st.sampled_from(possible))


AFTER = st.sampled_from((0.0, 0.0, 1.0, 3.0, 40.0, 250.0, 400.0))
AGENT = st.sampled_from(AGENTS)
TEXTS = ("se ha roto la cámara frigorífica del almacén", "soy administradora de fincas", "una factura", "hola")
HAPPENINGS = [
    facts("call.offered", CALLS, **{"from": st.sampled_from((*PHONES, None))}, queue=st.just("main")),
    facts("call.queued", CALLS),
    facts("call.dequeued", CALLS),
    facts("call.answered", CALLS, agent=st.sampled_from((*AGENTS, None))),
    facts("call.abandoned", CALLS),
    facts("call.ended", CALLS, by=st.just("caller")),
    facts("call.transferred", CALLS, to=st.just("ana"), mode=st.sampled_from(("blind", "consult"))),
    facts(
        "caller.identified",
        CALLS,
        standing=st.sampled_from(("customer", "new", "unknown")),
        customer=st.sampled_from((*CUSTOMERS, None)),
        name=st.just("Ruiz"),
        party=st.sampled_from(("individual", "company", None)),
    ),
    facts("caller.asked_for", CALLS, person=st.sampled_from(("director general", "Ana"))),
    facts("kind.confirmed", CALLS, kind=st.sampled_from(sorted(COLD.kinds)), answer=st.booleans()),
    facts("contact.given", CALLS, phone=st.sampled_from((*PHONES, None)), email=st.just("a@example.org")),
    facts(
        "request.stated",
        CALLS,
        text=st.sampled_from(TEXTS),
        category=st.sampled_from(("complaint", "error", "sales", "invoice")),
    ),
    facts("complexity.assessed", CALLS, complexity=st.sampled_from(("high", "medium", "low"))),
    facts(
        "assignment.attempted",
        CALLS,
        by=AGENT,
        outcome=st.sampled_from(("accepted", "declined", "no_answer", "instructed")),
    ),
    facts(
        "contact.made", CALLS, owner=AGENT, channel=st.just("phone"), outcome=st.sampled_from(("reached", "no_answer"))
    ),
    facts("agent.signed_in", AGENTS, name=st.just("A"), desks=st.just(DESKS)),
    facts("agent.available", AGENTS),
    facts("agent.busy", AGENTS),
    facts("agent.unavailable", AGENTS, reason=st.just("lunch")),
    facts("agent.signed_out", AGENTS),
    facts(
        "customer.registered",
        CUSTOMERS,
        name=st.just("K"),
        kind=st.sampled_from((*sorted(COLD.kinds)[:2], "no-such-kind")),
        phones=st.sampled_from(([PHONES[0]], list(PHONES), [])),
        special_treatment=st.booleans(),
    ),
    facts("customer.removed", CUSTOMERS),
    commands(
        "tickets",
        "register",
        *(
            c.RegisterTicket(category=category, need="it leaks", customer=customer, call=call, by="ana")
            for category in ("complaint", "invoice")
            for customer in (*CUSTOMERS, None)
            for call in (CALLS[0], None)
        ),
    ),
    commands("tickets", "comment", *(c.CommentTicket(ticket=n, text="more", by="ana") for n in (1, 2, 3))),
    commands("tickets", "resolve", *(c.ResolveTicket(ticket=n, resolution="done", by="ana") for n in (1, 2))),
    commands("tickets", "close", *(c.CloseTicket(ticket=n, by="ana") for n in (1, 2))),
    commands("tickets", "reopen", *(c.ReopenTicket(ticket=n, reason="again", by="ana") for n in (1, 2))),
    commands("routing", "assign", *(c.AssignCall(call=i, owner=a, by="ana") for i in CALLS for a in AGENTS)),
    commands("routing", "close", *(c.CloseCall(call=i, by="ana") for i in CALLS)),
    st.builds(Step, AFTER, st.just("clock")),
    st.builds(Step, AFTER, st.just("clock")),
    st.builds(Step, AFTER, st.just("repeat"), data=st.integers(0, 50)),
    st.builds(
        Step,
        AFTER,
        st.just("raw"),
        st.sampled_from(("call.c1", "call.rejected", "agent.ana", "clock.clock", "customer.k1", "call.a b")),
        data=st.sampled_from(
            (
                ({}, b"nothing"),
                ({"ce-id": "x", "ce-specversion": "1.0", "ce-source": "/s", "ce-type": "call.offered"}, b"{"),
                ({"ce-id": "x", "ce-specversion": "1.0", "ce-source": "/s", "ce-type": "no.such"}, b"{}"),
                ({"ce-id": "y", "ce-specversion": "0.3", "ce-source": "/s", "ce-type": "call.offered"}, b"{}"),
                ({"ce-id": "z", "ce-specversion": "1.0", "ce-source": "/s", "ce-type": "call.ended"}, b"\xff"),
            )
        ),
    ),
    st.builds(Step, AFTER, st.just("round"), data=st.integers(1, 9)),
    st.builds(Step, AFTER, st.just("round"), data=st.integers(1, 9)),
    st.builds(Step, AFTER, st.just("publish"), data=st.sampled_from((COLD, STRICTER))),
]
BEGINNING = [
    *(Step(0, "fact", "agent.signed_in", agent, {"name": agent, "desks": DESKS}) for agent in AGENTS),
    *(Step(0, "fact", "agent.available", agent, {}) for agent in AGENTS[:2]),
    Step(0, "fact", "customer.registered", "k1", {"name": "K", "kind": sorted(COLD.kinds)[0], "phones": PHONES[:1]}),
    *(Step(1, "fact", "call.offered", call, {"from": PHONES[0]}) for call in CALLS),
    *(Step(1, "fact", "call.answered", call, {"agent": "ana"}) for call in CALLS[:2]),
    Step(9, "fact", "request.stated", "c1", {"text": TEXTS[0], "category": "complaint"}),
    Step(0, "fact", "request.stated", "c2", {"text": TEXTS[1], "category": "invoice"}),
]
HISTORIES = st.lists(st.one_of(HAPPENINGS), min_size=5, max_size=40).map(lambda more: [*BEGINNING, *more])
CUTS = st.lists(
    st.builds(Cut, st.integers(1, 160), st.integers(0, 12), st.booleans(), st.booleans()), min_size=1, max_size=25
)


def lived(history: Sequence[Step], cuts: Sequence[Cut] = (), closed_kept: int = 2) -> Line:
    """What comes of a history."""
    line, now = Line(COLD, cuts, closed_kept), START
    sent: list[tuple[str, Message]] = []
    for number, step in enumerate(history):
        now += timedelta(seconds=step.after)
        id = f"m{number}"
        match step.what:
            case "fact":
                topic = registry.topic_of(step.name)
                assert topic
                data = json.dumps(step.data).encode()
                fact = Message(step.about, step.name, data, id, "/test", time=now, actor=step.actor)
                sent.append((registry.inbox_subject(CENTRE, topic, step.about), fact))
                _tell(line, *sent[-1])
            case "clock":
                data = json.dumps({"to": timestamp(now)}).encode()
                fact = Message(registry.CLOCK, "clock.advanced", data, id, "/test", time=now)
                _tell(line, registry.inbox_subject(CENTRE, "clock", registry.CLOCK), fact)
            case "repeat" if sent:
                _tell(line, *sent[step.data % len(sent)])
            case "raw":
                line.tell(f"inbox.{CENTRE}.{step.name}", *step.data)
            case "command":
                service, verb = step.about.split(".")
                command = Message("", verb, step.data.model_dump_json().encode(), id, "/test", time=now, actor="ana")
                ticket = getattr(step.data, "ticket", None)
                about = f"ticket:{ticket}" if ticket else getattr(step.data, "call", "") if service == "routing" else ""
                line.ask(service, Asked(about, command))
            case "publish":
                line.publish(step.data)
            case "round":
                line.round(step.data)
    line.settle()
    return line


def _tell(line: Line, subject: str, fact: Message) -> None:
    line.tell(subject, headers_of(fact), fact.data)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(HISTORIES, CUTS)
def test_cut_anywhere_the_log_is_the_same(history: list[Step], cuts: list[Cut]) -> None:
    """Whatever instances die in mid-commit, and from checkpoint or log, the log comes out as without it."""
    uncut = [told(message) for message in lived(history).log]
    assert [told(message) for message in lived(history, cuts).log] == uncut


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(HISTORIES)
def test_what_leaves_memory_comes_back(history: list[Step]) -> None:
    """How many closed aggregates stay in memory makes no difference to the log."""
    kept = [told(message) for message in lived(history, closed_kept=10_000).log]
    assert [told(message) for message in lived(history, closed_kept=0).log] == kept
    assert [told(message) for message in lived(history, closed_kept=1).log] == kept
