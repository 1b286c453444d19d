"""Tickets: what a call owes or repeats, and what its agent is shown and told."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.deciding import Decision, World
from contracts.protocol import PLAIN, Cases, Privacy, Protocol
from services.tickets import domain
from tests.unit.given import given, happen, when
from tests.unit.test_tickets import OWING, STATES, need, one, registered


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


SHOWING = Protocol(name="showing", cases=Cases(profile_after_request=True))
STRICT = Protocol(
    name="strict",
    language="pt",
    cases=Cases(
        owed_for=("error",),
        need_first=True,
        before_answer=True,
        required={"complaint": ("customer", "channel", "due_form"), "invoice": ("product",)},
        required_with_tool=("tool", "place"),
        screenshot_for=("error",),
        follow_up_departments={"complaint": ("legal", "quality")},
    ),
    scripts={
        "r65.details": {"pt": "Conte mais.", "en": "Tell me more."},
        "r73.screenshot": {"pt": "Envie uma imagem."},
    },
)
DISCREET = Protocol(
    name="discreet",
    privacy=Privacy(non_customers="forgotten"),
    cases=Cases(owed_for=("complaint",), profile_after_request=True, before_answer=True),
)
OWED = e.TicketOwed(category="complaint")


def noted(category: Any = "complaint", customer: str | None = None, **more: Any) -> e.NeedNoted:
    """A need as it is known."""
    return e.NeedNoted(category=category, customer=customer, protocol=1, **more)


def told(world: World[Any, Any], body: Data, id: str = "c1", seconds: float = 0) -> Decision:
    """What an event of a call leads to."""
    return happen(domain, world, when(id, body, seconds, "event"))


def kinds(decision: Decision) -> list[type[Data]]:
    """The types of what was decided."""
    return [type(event) for _, event in decision]


def register(**more: Any) -> c.RegisterTicket:
    """A ticket of the call c1."""
    return c.RegisterTicket(**{"category": "complaint", "need": "no heat", "call": "c1", "by": "ana"} | more)


def refused(world: World[Any, Any], body: Data, id: str = "c1") -> tuple[str, str]:
    """By which rule a command is refused, and for which field."""
    with pytest.raises(Refused) as refusal:
        happen(domain, world, when(id, body, 5, "command"))
    return refusal.value.rule, refusal.value.field


EVERYTHING: list[Data] = [
    need("complaint", "acme"),
    f.QuestionAnswered(known=False, simple=False),
    f.RequestUnclear(),
    f.RemoteSessionStarted(reference="s1", consent=False),
    f.RemoteSessionEnded(reference="s1"),
    f.ScreenshotTaken(screen="login", reference="p1"),
    f.ScreenshotDeclined(),
    f.TicketAskedAbout(),
    f.TicketAskedAbout(ticket=1),
    f.AccessMissing(email="a@example.org"),
    f.ContactMade(owner="ana", channel="phone", outcome="reached"),
    f.MessageReceived(channel="email", category="complaint"),
    e.RequestPrioritised(rule="R39", next_step="dispatch", protocol=1),
    e.FollowUpRequested(rule="R41", protocol=1),
    e.CallReleased(rule="R50"),
    e.DeadlineBreached(deadline="answer", rule="R25", due=when("", need()).at),
]


@pytest.mark.parametrize("body", EVERYTHING)
def test_without_rules_nothing_is_recorded_of_a_call(body: Data) -> None:
    """The plain protocol records calls and nothing else, whatever happens on them."""
    assert set(domain.HEEDS) >= {type(each) for each in EVERYTHING}
    assert told(given(domain, PLAIN, [registered(customer="acme")]), body) == []


@pytest.mark.parametrize(
    "body",
    [*EVERYTHING, f.AccessMissing(), e.DeadlineBreached(deadline="t", rule="R71", due=when("", need()).at)],
)
def test_of_who_is_no_customer_nothing_is_recorded(body: Data) -> None:
    """R29: in a centre that says so, nothing of such a call remains with the cases."""
    stranger = need("complaint") if isinstance(body, e.NeedEstablished) else body
    keys = ("r65.details", "r66.session", "r68.number", "r69.working", "r73.screenshot", "r75.email")
    scripts = {key: {"es": "…"} for key in keys}
    cases = STRICT.cases.model_copy(update={"reception_desk": "reception"})
    protocol = DISCREET.model_copy(update={"cases": cases, "scripts": scripts})
    assert told(given(domain, protocol, [registered(desk="tech")]), stranger) == []


def test_of_a_customer_all_is_recorded() -> None:
    """R29 is about others: a customer's case is kept as anywhere."""
    world = given(domain, DISCREET)
    assert kinds(told(world, need("complaint", "acme"))) == [e.NeedNoted, e.TicketOwed, e.ProfileShown]
    assert happen(domain, world, when("c1", register(), kind="command"))


def test_who_is_no_customer_has_no_ticket() -> None:
    """R29: neither about their call nor about nobody; a customer without a call may have one."""
    world = given(domain, DISCREET)
    told(world, need("complaint"))
    assert refused(world, register()) == ("R29", "call")
    assert refused(world, register(customer="acme")) == ("R29", "call")
    assert refused(world, register(call=None), "") == ("R29", "customer")
    assert refused(world, c.ReviewCall(call="c1", items={}, by="eva"))[0] == "R29"
    assert happen(domain, world, when("", register(call=None, customer="acme"), kind="command"))


def test_the_profile_is_shown_with_the_request() -> None:
    """R27: pushed once, with open cases and recent calls; a caller who is not known has none."""
    events = [
        registered(1, "acme"),
        registered(2, "acme"),
        ("ticket:2", STATES["resolved"][0]),
        ("c8", noted("sales", "acme"), 5.0),
        ("c9", noted("sales", "acme"), 3.0),
    ]
    world = given(domain, SHOWING, events)
    assert e.ProfileShown not in kinds(told(world, need("sales")))
    decision = told(world, need("sales", "acme"), seconds=9)
    assert decision[-1] == ("c1", e.ProfileShown(customer="acme", tickets=(1,), contacts=("c9", "c8")))
    assert told(world, need("sales", "acme")) == []


def test_recent_contacts_are_few() -> None:
    """The five newest calls of a customer are kept in mind, in the order in which they stated a need."""
    events = [(f"c{number}", noted("sales", "acme"), float(number)) for number in range(10, 20)]
    world = given(domain, SHOWING, events)
    assert [call for _, call in world.index.contacts["acme"]] == ["c15", "c16", "c17", "c18", "c19"]


def test_a_need_without_a_tool_is_taken_in_detail() -> None:
    """R65: the agent is told so once, and all but a question owes a ticket; with a tool nothing follows."""
    for category, owes in (("information", True), ("question", False)):
        world = given(domain, STRICT)
        decision = told(world, need(category, language="en"))
        owed = [("c1", e.TicketOwed(category=category, rule="R65"))] if owes else []
        said = e.PromptIssued(rule="R65", key="r65.details", language="en", text="Tell me more.")
        assert decision[1:] == [("c1", said), *owed]
        assert kinds(told(world, need("question", "acme"))) == [e.NeedNoted]
    assert kinds(told(given(domain, STRICT), need("question", tool="ZAP"))) == [e.NeedNoted]


def test_an_error_needs_a_screenshot() -> None:
    """R73: it is asked for once, in the centre's language where the caller's is not known."""
    world = given(domain, STRICT)
    decision = told(world, need("error", tool="ZAP"))
    assert [event for _, event in decision[1:]] == [
        e.TicketOwed(category="error"),
        e.AttachmentRequested(rule="R73"),
        e.PromptIssued(rule="R73", key="r73.screenshot", language="pt", text="Envie uma imagem."),
    ]
    assert kinds(told(world, need("error", "acme", tool="ZAP"))) == [e.NeedNoted]
    ((_, case),) = happen(domain, world, when("c1", register(category="error"), kind="command"))
    assert isinstance(case, e.TicketRegistered)
    assert (case.screenshot, case.customer, case.tool) == ("requested", "acme", "ZAP")


def test_no_ticket_before_the_need_is_stated() -> None:
    """R64: refused before, accepted after; a case without a call has none to wait for."""
    world = given(domain, STRICT)
    assert refused(world, register(customer="acme")) == ("R64", "call")
    assert happen(domain, world, when("", register(call=None, customer="acme"), kind="command"))
    told(world, need("complaint", "acme", tool="ZAP"))
    assert happen(domain, world, when("c1", register(), kind="command"))


@pytest.mark.parametrize(
    ("command", "rule", "field"),
    [
        ({"category": "question", "tool": "ZAP"}, "R67", "place"),
        ({"category": "complaint"}, "R62", "customer"),
        ({"category": "invoice"}, "ticket-fields", "product"),
    ],
)
def test_a_ticket_says_what_its_kind_requires(command: dict[str, Any], rule: str, field: str) -> None:
    """R67, R62: what is missing is named; with it the ticket is registered."""
    world = given(domain, STRICT, [("c1", noted("information"))])
    assert refused(world, register(**command)) == (rule, field)
    assert happen(domain, world, when("c1", register(**command, **{field: "x"}), kind="command"))


def test_a_question_without_a_tool_needs_no_place() -> None:
    """R67 is about questions on a tool; the tool of the stated need counts."""
    world = given(domain, STRICT, [("c1", noted("question"))])
    assert happen(domain, world, when("c1", register(category="question"), kind="command"))
    world = given(domain, STRICT, [("c1", noted("question", tool="ZAP"))])
    assert refused(world, register(category="question")) == ("R67", "place")


def test_a_message_owes_a_ticket_too() -> None:
    """R62 holds for every channel: once for each message."""
    world = given(domain, OWING)
    body = f.MessageReceived(channel="email", category="complaint")
    assert told(world, body, "message:m1") == [("message:m1", OWED)]
    assert told(world, body, "message:m1") == []
    assert told(world, body.model_copy(update={"category": "sales"}), "message:m2") == []


def breached(rule: str = "R71") -> e.DeadlineBreached:
    """A deadline of this rule is over."""
    return e.DeadlineBreached(deadline="ticket", rule=rule, due=when("", need()).at)


@pytest.mark.parametrize("id", ["c1", "matter:c1"])
def test_past_the_time_for_simple_questions_a_ticket_is_owed(id: str) -> None:
    """R71: once, and only without a ticket; other deadlines lead to nothing."""
    world = given(domain, STRICT, [("c1", noted("question", agent="ana"))])
    assert told(world, breached("R22"), id) == []
    owed = e.TicketOwed(category="question", rule="R71", agent="ana")
    assert told(world, breached(), id) == [("c1", owed)]
    assert told(world, breached(), id) == []
    assert told(given(domain, STRICT, [registered(call="c1")]), breached(), id) == []


@pytest.mark.parametrize(
    ("category", "known", "simple", "late", "rule"),
    [
        ("question", True, True, False, None),
        ("question", False, True, False, "R70"),
        ("question", True, False, False, "R70"),
        ("error", True, True, False, "R70"),
        ("question", True, True, True, "R71"),
        ("question", False, True, True, "R70"),
    ],
)
def test_what_may_be_answered_without_a_ticket(
    category: str, known: bool, simple: bool, late: bool, rule: str | None
) -> None:
    """R70: very simple questions with a known answer, never errors; R71: and only within their time."""
    events = [("c1", noted(category, agent="ana"))]
    world = given(domain, STRICT, events)
    if late:
        told(world, breached())
    decision = told(world, f.QuestionAnswered(known=known, simple=simple))
    assert [(it.rule, it.fact, it.by) for _, it in decision if isinstance(it, e.RuleViolated)] == (
        [(rule, "question.answered", "ana")] if rule else []
    )
    world = given(domain, STRICT, [*events, registered(call="c1")])
    assert told(world, f.QuestionAnswered(known=known, simple=simple)) == []


def test_the_calls_cases_go_first() -> None:
    """R39: the open ones at once, and one that is yet to be registered from the start."""
    raised = e.RequestPrioritised(rule="R39", next_step="dispatch", agent="ana", protocol=1)
    world = given(domain, OWING, [registered(1, call="c1"), registered(2, call="c1"), registered(3)])
    happen(
        domain,
        world,
        when("ticket:2", c.ResolveTicket(ticket=2, resolution="done", by="ana"), kind="command"),
    )
    assert told(world, raised) == [("ticket:1", e.TicketPrioritised(rule="R39", priority=1))]
    assert told(world, raised) == []
    world = given(domain, OWING)
    assert told(world, raised) == [("c1", e.TicketOwed(category="complaint", rule="R39", agent="ana"))]
    assert told(world, raised) == []
    ((_, case),) = happen(domain, world, when("c1", register(), kind="command"))
    assert isinstance(case, e.TicketRegistered)
    assert case.priority == 1


def test_a_follow_up_involves_the_departments() -> None:
    """R41: those of the category, once each; without a case one is owed, and begins with them."""
    asked = e.FollowUpRequested(rule="R41", protocol=1)
    world = given(domain, STRICT, [registered(1, call="c1"), ("c1", noted())])
    assert told(world, asked) == [
        ("ticket:1", e.DepartmentInvolved(department=name, rule="R41")) for name in ("legal", "quality")
    ]
    assert told(world, asked) == []
    world = given(domain, STRICT, [("c1", noted(customer="acme"))])
    assert told(world, asked) == [("c1", e.TicketOwed(category="complaint", rule="R41"))]
    ((_, case),) = happen(domain, world, when("c1", register(desk="legal"), kind="command"))
    assert isinstance(case, e.TicketRegistered)
    assert case.departments == ("quality",)
