"""Tickets: what comes up on a call beside its matter."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.protocol import Cases, Protocol
from services.tickets import domain
from tests.unit.given import given, happen, when
from tests.unit.test_tickets import STATES, registered
from tests.unit.test_tickets_matters import kinds, noted, refused, register, told

VENDOR = Protocol(
    name="vendor",
    language="pt",
    cases=Cases(screenshot_for=("error",), reception_desk="front"),
    departments={"billing": {"pt": "Faturamento", "es": "Facturación"}},
    scripts={
        "r66.session": {"pt": "Posso ver a sua tela?"},
        "r68.number": {"pt": "Qual é o número?"},
        "r69.working": {
            "pt": "{department} já cuida do caso {ticket}.",
            "es": "{department} lleva el {ticket}.",
        },
        "r74.promise": {"pt": "Ligamos em breve."},
        "r75.email": {"pt": "Qual é o seu e-mail?"},
    },
)


def said(key: str, text: str, language: Any = "pt") -> tuple[str, Data]:
    """A prompt on the call c1."""
    return "c1", e.PromptIssued(rule=key[:3].upper(), key=key, language=language, text=text)


STARTED = f.RemoteSessionStarted(reference="s1", consent=True)


def ended(*screens: str) -> f.RemoteSessionEnded:
    """The session is over; these screens are concerned."""
    return f.RemoteSessionEnded(reference="s1", screens=screens)


def taken(screen: str) -> f.ScreenshotTaken:
    """There is a picture of this screen."""
    return f.ScreenshotTaken(screen=screen, reference=f"picture-{screen}")


def test_an_unclear_need_asks_for_a_session() -> None:
    """R66: said once while it is unclear, and no ticket is registered meanwhile."""
    world = given(domain, VENDOR)
    assert told(world, f.RequestUnclear()) == [
        ("c1", e.NeedUnclear()),
        said("r66.session", "Posso ver a sua tela?"),
    ]
    assert told(world, f.RequestUnclear()) == []
    assert refused(world, register()) == ("R66", "call")


@pytest.mark.parametrize(
    ("facts", "clear"),
    [
        ([STARTED, taken("a"), ended("a")], True),
        ([STARTED, ended("a"), taken("a")], True),
        ([STARTED, taken("a"), ended("a", "b"), taken("b")], True),
        ([STARTED, taken("a"), ended()], True),
        ([STARTED, taken("a"), ended("a", "b")], False),
        ([STARTED, ended("a"), taken("b")], False),
        ([STARTED, ended()], False),
        ([STARTED, taken("a")], False),
        ([taken("a"), STARTED, ended("a")], False),
        ([f.RemoteSessionStarted(reference="s1", consent=False), taken("a"), ended("a")], False),
        ([STARTED, ended("a"), STARTED, ended("b"), taken("b")], False),
        ([STARTED, ended("a"), STARTED, ended("b"), taken("b"), taken("a")], True),
    ],
)
def test_a_need_is_clear_with_a_picture_of_each_screen(facts: list[Data], clear: bool) -> None:
    """R66: a session with consent, over, and a picture from it of every screen concerned: all of it or nothing."""
    world = given(domain, VENDOR)
    told(world, f.RequestUnclear())
    decisions = [told(world, fact) for fact in facts]
    assert (e.NeedCleared in [kind for decision in decisions for kind in kinds(decision)]) == clear
    assert world.aggregates["c1"].unclear != clear
    if clear:
        assert happen(domain, world, when("c1", register(), kind="command"))
    else:
        assert refused(world, register()) == ("R66", "call")


def test_a_session_without_consent_is_a_violation() -> None:
    """R66: while the need is unclear; a clear one leads to nothing."""
    world = given(domain, VENDOR, [("c1", noted(agent="ana"))])
    secret = f.RemoteSessionStarted(reference="s1", consent=False)
    assert told(world, secret) == []
    told(world, f.RequestUnclear())
    ((about, violated),) = told(world, secret)
    assert about == "c1"
    assert isinstance(violated, e.RuleViolated)
    assert (violated.rule, violated.fact, violated.by) == ("R66", "remote_session.started", "ana")


@pytest.mark.parametrize("ticket", [None, 9])
def test_who_asks_about_a_case_is_asked_for_its_number(ticket: int | None) -> None:
    """R68: also where there is no such ticket; each time."""
    world = given(domain, VENDOR, [registered(desk="billing")])
    for _ in range(2):
        assert told(world, f.TicketAskedAbout(ticket=ticket)) == [said("r68.number", "Qual é o número?")]


def test_a_case_with_another_department_is_noted_each_time() -> None:
    """R69: the caller hears who has it, in their language, and every such contact is a comment."""
    world = given(domain, VENDOR, [registered(desk="billing"), ("c1", noted(agent="ana", language="es"))])
    for comments in (1, 2):
        prompt, (about, comment) = told(world, f.TicketAskedAbout(ticket=1))
        assert prompt == said("r69.working", "Facturación lleva el 1.", "es")
        assert isinstance(comment, e.TicketCommented)
        assert (about, comment.by, comment.call) == ("ticket:1", "ana", "c1")
        assert world.aggregates["ticket:1"].comments == comments


def test_the_department_that_joined_last_has_the_case() -> None:
    """R69: a name that the protocol does not word is told as it is."""
    world = given(
        domain, VENDOR, [registered(desk="billing"), ("ticket:1", e.DepartmentInvolved(department="legal"))]
    )
    assert told(world, f.TicketAskedAbout(ticket=1))[0] == said("r69.working", "legal já cuida do caso 1.")


@pytest.mark.parametrize("state", STATES)
def test_only_an_open_case_with_a_department_is_worked_on(state: str) -> None:
    """R69: one that is over, or that no department has, needs no comment; a closed one may have left memory."""
    events = [("ticket:1", event) for event in STATES[state]]
    over = state in ("resolved", "closed")
    asked = f.TicketAskedAbout(ticket=1)
    world = given(domain, VENDOR, [registered(desk="billing"), *events])
    assert bool(told(world, asked)) == (not over)
    assert told(given(domain, VENDOR, [registered(), *events]), asked) == []
    if state == "closed":
        del world.aggregates["ticket:1"]
        assert told(world, asked) == []


def test_who_minds_the_screenshot_is_called_back() -> None:
    """R74: promised once, for the call's ticket; reaching the client keeps the promise, an attempt does not."""
    world = given(domain, VENDOR, [registered(4, call="c1"), ("c1", noted("error", agent="ana"))])
    promised = e.CallbackPromised(rule="R74", agent="ana", ticket=4, protocol=1)
    assert told(world, f.ScreenshotDeclined()) == [("c1", promised), said("r74.promise", "Ligamos em breve.")]
    assert told(world, f.ScreenshotDeclined()) == []
    called = f.ContactMade(owner="eva", channel="phone", outcome="no_answer")
    assert told(world, called) == []
    reached = called.model_copy(update={"outcome": "reached"})
    assert told(world, reached) == [("c1", e.CallbackMade(by="eva"))]
    assert told(world, reached) == []


def test_without_a_screenshot_the_ticket_is_registered() -> None:
    """R74: the case says that the client declined."""
    world = given(domain, VENDOR)
    told(world, f.ScreenshotDeclined())
    ((_, case),) = happen(domain, world, when("c1", register(category="error"), kind="command"))
    assert isinstance(case, e.TicketRegistered)
    assert case.screenshot == "declined"


def test_reception_is_asked_to_send_the_access() -> None:
    """R75: with an e-mail address, once until it is sent; without one the agent is to ask for it."""
    world = given(domain, VENDOR, [("c1", noted(customer="acme"))])
    send = when("c1", c.SendAccess(call="c1", by="rita"), kind="command")
    with pytest.raises(Refused, match="no access"):
        domain.decide(world, send)
    assert told(world, f.AccessMissing()) == [said("r75.email", "Qual é o seu e-mail?")]
    missing = f.AccessMissing(email="a@example.org")
    requested = e.AccessRequested(email="a@example.org", customer="acme", desk="front")
    assert told(world, missing) == [("c1", requested)]
    assert told(world, missing) == []
    assert happen(domain, world, send) == [("c1", e.AccessSent(by="rita"))]
    with pytest.raises(Refused, match="no access"):
        domain.decide(world, send)
