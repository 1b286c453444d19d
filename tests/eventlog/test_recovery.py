"""The property that carries everything: cut any history, recover, go on: the log is the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import protocols
from contracts import commands as c
from contracts import registry
from eventlog.codec import Message, headers_of, timestamp
from tests.eventlog.lines import CENTRE, Asked, Line
from tests.unit.given import START

COLD = protocols.load("cold-industry")
STRICTER = COLD.model_copy(
    update={"version": 2, "limits": COLD.limits.model_copy(update={"retry_s": 60, "contact_s": 120})}
)
PLENTY = 10_000
KINDS = sorted(COLD.kinds)
CALLS, AGENTS, CUSTOMERS = ("c1", "c2", "c3"), ("ana", "bruno", "carla"), ("k1", "k2")
DESKS = sorted({row.desk for row in COLD.routing})
PHONES = ("+34600111222", "600 333 444")


class Step(NamedTuple):
    """What happens so many seconds after the last thing: a fact, a command, a message of any kind."""

    after: float
    what: Literal["fact", "command", "raw", "repeat", "clock", "publish", "round"]
    name: str = ""
    about: str = ""
    data: Any = None
    actor: str = ""


def steps(what: str, **drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """Steps of a sort, some time after the last one."""
    return st.fixed_dictionaries({"after": AFTER, "what": st.just(what), **drawn}).map(lambda d: Step(**d))


def facts(name: str, about: Sequence[str], /, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """Facts of a type about any of these, with fields that are drawn; None leaves a field out."""
    data = st.fixed_dictionaries(fields).map(lambda d: {k: v for k, v in d.items() if v is not None})
    actor = st.sampled_from(("", "", "", "marta"))
    return steps("fact", name=st.just(name), about=st.sampled_from(about), data=data, actor=actor)


def commands(service: str, verb: str, *possible: c.Data) -> st.SearchStrategy[Step]:
    """One of these commands."""
    return steps("command", name=st.just(f"{service}.{verb}"), data=st.sampled_from(possible))


AFTER = st.sampled_from((0.0, 0.0, 1.0, 3.0, 40.0, 250.0, 400.0))
AGENT = st.sampled_from(AGENTS)
TEXTS = (
    "se ha roto la cámara frigorífica del almacén",
    "soy administradora de fincas",
    "una factura",
    "hola",
)
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
        "contact.made",
        CALLS,
        owner=AGENT,
        channel=st.just("phone"),
        outcome=st.sampled_from(("reached", "no_answer")),
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
    steps("clock"),
    steps("clock"),
    steps("repeat", data=st.integers(0, 50)),
    steps(
        "raw",
        name=st.sampled_from(
            ("call.c1", "call.rejected", "agent.ana", "clock.clock", "customer.k1", "call.a b")
        ),
        data=st.sampled_from(
            (
                ({}, b"nothing"),
                ({"ce-id": "x", "ce-specversion": "1.0", "ce-source": "/s", "ce-type": "call.offered"}, b"{"),
                ({"ce-id": "x", "ce-specversion": "1.0", "ce-source": "/s", "ce-type": "no.such"}, b"{}"),
                (
                    {"ce-id": "y", "ce-specversion": "0.3", "ce-source": "/s", "ce-type": "call.offered"},
                    b"{}",
                ),
                (
                    {"ce-id": "z", "ce-specversion": "1.0", "ce-source": "/s", "ce-type": "call.ended"},
                    b"\xff",
                ),
            )
        ),
    ),
    steps("round", data=st.integers(1, 9)),
    steps("round", data=st.integers(1, 9)),
    steps("publish", data=st.sampled_from((COLD, STRICTER))),
]
BEGINNING = [
    *(Step(0, "fact", "agent.signed_in", agent, {"name": agent, "desks": DESKS}) for agent in AGENTS),
    *(Step(0, "fact", "agent.available", agent, {}) for agent in AGENTS[:2]),
    Step(
        0,
        "fact",
        "customer.registered",
        "k1",
        {"name": "K", "kind": KINDS[0], "phones": PHONES[:1]},
    ),
    *(Step(1, "fact", "call.offered", call, {"from": PHONES[0]}) for call in CALLS),
    *(Step(1, "fact", "call.answered", call, {"agent": "ana"}) for call in CALLS[:2]),
    Step(9, "fact", "request.stated", "c1", {"text": TEXTS[0], "category": "complaint"}),
    Step(0, "fact", "request.stated", "c2", {"text": TEXTS[1], "category": "invoice"}),
]
HISTORIES = st.lists(st.one_of(HAPPENINGS), min_size=20, max_size=60).map(lambda more: [*BEGINNING, *more])
CUTS = st.dictionaries(st.integers(1, 160), st.booleans(), min_size=8, max_size=80)


SCENE = [
    *BEGINNING,
    Step(1, "fact", "call.queued", "c3", {}),
    Step(0, "round", data=3),
    Step(
        20,
        "command",
        "tickets.register",
        data=c.RegisterTicket(category="invoice", need="paid twice", customer="k1", by="ana"),
    ),
    Step(5, "fact", "caller.identified", "c1", {"standing": "customer", "customer": "k1", "name": "Ruiz"}),
    Step(5, "fact", "caller.asked_for", "c1", {"person": "director general"}),
    Step(1, "clock"),
    Step(0, "round", data=2),
    Step(9, "fact", "complexity.assessed", "c1", {"complexity": "low"}),
    Step(280, "clock"),
    Step(0, "raw", "call.c1", data=({"ce-id": "x"}, b"{")),
    Step(5, "fact", "assignment.attempted", "c1", {"by": "ana", "outcome": "declined"}),
    Step(0, "repeat", data=3),
    Step(5, "fact", "agent.signed_out", "bruno", {}),
    Step(0, "publish", data=STRICTER),
    Step(30, "fact", "call.dequeued", "c3", {}),
    Step(40, "clock"),
    Step(0, "fact", "call.answered", "c3", {"agent": "ana"}),
    Step(70, "clock"),
    Step(0, "round", data=5),
    Step(1, "fact", "agent.available", "carla", {}),
    Step(2, "fact", "assignment.attempted", "c1", {"by": "carla", "outcome": "accepted"}),
    Step(3, "command", "routing.assign", data=c.AssignCall(call="c2", owner="ana", by="carla")),
    Step(3, "fact", "call.ended", "c1", {"by": "caller"}),
    Step(3, "fact", "call.ended", "c2", {"by": "agent"}),
    Step(3, "fact", "call.ended", "c3", {"by": "agent"}),
    Step(50, "clock"),
    Step(5, "fact", "contact.made", "c1", {"owner": "carla", "channel": "phone", "outcome": "reached"}),
    Step(90, "clock"),
    Step(3, "command", "routing.close", data=c.CloseCall(call="c1", by="carla")),
    Step(1, "command", "tickets.resolve", data=c.ResolveTicket(ticket=1, resolution="paid back", by="ana")),
    Step(1, "command", "tickets.close", data=c.CloseTicket(ticket=1, by="ana")),
    Step(9, "fact", "caller.identified", "c2", {"standing": "customer", "customer": "k1", "name": "Ruiz"}),
    Step(9, "fact", "request.stated", "c3", {"text": TEXTS[2], "category": "invoice"}),
    Step(1, "command", "tickets.reopen", data=c.ReopenTicket(ticket=1, reason="not paid", by="ana")),
    Step(900, "clock"),
]


def lived(
    history: Sequence[Step],
    cuts: Mapping[int, bool] = MappingProxyType({}),
    closed_kept: int = PLENTY,
    kind: type[Line] = Line,
) -> Line:
    """What comes of a history."""
    line, now = kind(COLD, cuts, closed_kept), START
    sent: list[tuple[str, Message]] = []
    for number, step in enumerate(history):
        now += timedelta(seconds=step.after)
        name = f"m{number}"
        match step.what:
            case "fact":
                topic = registry.topic_of(step.name)
                assert topic
                data = json.dumps(step.data).encode()
                fact = Message(step.about, step.name, data, name, "/test", time=now, actor=step.actor)
                sent.append((registry.inbox_subject(CENTRE, topic, step.about), fact))
                _tell(line, *sent[-1])
            case "clock":
                data = json.dumps({"to": timestamp(now)}).encode()
                fact = Message(registry.CLOCK, "clock.advanced", data, name, "/test", time=now)
                _tell(line, registry.inbox_subject(CENTRE, "clock", registry.CLOCK), fact)
            case "repeat" if sent:
                _tell(line, *sent[step.data % len(sent)])
            case "raw":
                line.tell(f"inbox.{CENTRE}.{step.name}", *step.data)
            case "command":
                service, verb = step.name.split(".")
                command = Message(
                    "", verb, step.data.model_dump_json().encode(), name, "/test", time=now, actor="ana"
                )
                ticket = getattr(step.data, "ticket", None)
                about = (
                    f"ticket:{ticket}"
                    if ticket
                    else getattr(step.data, "call", "")
                    if service == "routing"
                    else ""
                )
                line.ask(service, Asked(about, command))
            case "publish":
                line.publish(step.data)
            case "round":
                line.round(step.data)
    line.settle()
    return line


def _tell(line: Line, subject: str, fact: Message) -> None:
    line.tell(subject, headers_of(fact), fact.data)


def said(line: Line) -> list[tuple[str, dict[str, str], bytes]]:
    """What must come out the same: subjects, headers (ids, causes, places, positions) and data."""
    return [(message.subject, headers_of(message), message.data) for message in line.log]


@pytest.mark.timeout(300)
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)
@given(HISTORIES, CUTS, st.sampled_from((0, 1, 2, PLENTY)))
def test_cut_anywhere_the_log_is_the_same(
    history: list[Step], cuts: dict[int, bool], closed_kept: int
) -> None:
    """Whoever dies in mid-commit, and however little stays in memory, the log comes out the same."""
    assert said(lived(history, cuts, closed_kept)) == said(lived(history))


@pytest.mark.parametrize("checkpoint", [False, True])
def test_cut_after_each_event_in_turn(checkpoint: bool) -> None:
    """A busy quarter of an hour comes out the same wherever it is cut, in or between decisions."""
    uncut = said(lived(SCENE))
    completed = 0
    for position in range(2, len(uncut) + 1):
        line = lived(SCENE, {position: checkpoint}, closed_kept=1)
        assert said(line) == uncut, f"cut after event {position}"
        completed += line.completed
    assert completed > 20


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(HISTORIES, st.sampled_from((0, PLENTY)))
def test_a_repeat_leads_to_nothing_however_late(history: list[Step], closed_kept: int) -> None:
    """Facts that led to events, and were not refused after a wait, do so once: all told again add nothing."""
    line = lived(history, closed_kept=closed_kept)
    accepted = {f"{message.cause_source} {message.cause}" for message in line.log if message.cause_source}
    waited = {it.id: f"{it.cause_source} {it.cause}" for it in line.log if it.name == "fact.deferred"}
    accepted -= {waited[it.cause] for it in line.log if not it.cause_source and it.cause in waited}
    before = len(line.log)
    for raw in list(line.inbox):
        if f"{raw.headers.get('ce-source')} {raw.headers.get('ce-id')}" in accepted:
            line.tell(raw.subject, raw.headers, raw.data)
    line.settle()
    assert before > 20
    assert line.log[before:] == []


def test_the_log_does_not_hang_on_the_order_of_sets() -> None:
    """Two processes that hash texts differently decide alike."""
    script = "from tests.eventlog import test_recovery as it; print(it.said(it.lived(it.SCENE)))"
    told = {
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path.cwd())},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(told) == 1
