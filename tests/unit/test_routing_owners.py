"""Owners: an offer that nobody answers goes on, and an owner who is silent or leaves gives the call back."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from contracts.deciding import World
from contracts.protocol import PLAIN, Limits, Privacy, Protocol, Row
from services.routing import domain, policy
from tests.unit.given import at, given, happen, when
from tests.unit.routing import at_work, attempt, decided, offer, refused, unassigned

PROTOCOL = Protocol(
    name="test",
    routing=(
        Row(categories=("sales",), desk="front", direct_transfer=True),
        Row(categories=("invoice", "complaint"), queues=("vip",), desk="office", priority=2),
        Row(categories=("invoice", "complaint", "after_sales", "administrative"), desk="back"),
        Row(categories=("error",), desk="front", owner_needed=False),
        Row(desk="front"),
    ),
    limits=Limits(offer_s=20, retry_s=300, contact_s=3600, contact_retry_s=600),
)
TWO = [*at_work("ana"), *at_work("eva", 1)]
OFFERED = [*TWO, ("1", unassigned()), ("1", offer("ana"))]
OWNED = [*OFFERED, ("1", e.CallAssigned(owner="ana"))]
NO_ANSWER = f.ContactMade(owner="ana", channel="phone", outcome="no_answer")


def centre(*events: Any, protocol: Protocol = PROTOCOL) -> World[Any, Any]:
    """The world after these events."""
    return given(domain, protocol, events)


def breached(deadline: str, rule: str = "R11") -> e.DeadlineBreached:
    """What sla says of a deadline."""
    return e.DeadlineBreached(deadline=deadline, rule=rule, due=at(50))


@pytest.mark.parametrize("id", ["1", "assignment:1"])
def test_an_offer_that_is_not_answered_goes_on(id: str) -> None:
    """R11: it expires and the next is asked, by the call's id or by that of its clocks; the place is kept."""
    world = centre(*OFFERED)
    assert happen(domain, world, when(id, breached("offer-1"), 50)) == [
        ("1", e.OfferExpired(to="ana", attempt=1)),
        ("1", offer("eva", 2)),
    ]
    assert world.aggregates["1"].since == at(0)
    assert happen(domain, world, when(id, breached("offer-1"), 50)) == []
    second = happen(domain, world, when(id, breached("offer-2"), 60))
    assert second == [("1", e.OfferExpired(to="eva", attempt=2)), ("1", offer(None, 3))]
    assert happen(domain, world, when(id, breached("retry-3"), 90)) == [("1", offer("ana", 4))]


def test_where_nothing_would_retry_the_round_begins_again_at_once() -> None:
    """R11: without a limit for retries an expired offer asks the first again rather than nobody for ever."""
    protocol = PROTOCOL.model_copy(update={"limits": Limits(offer_s=20)})
    world = centre(*at_work("ana"), ("1", unassigned()), ("1", offer("ana")), protocol=protocol)
    assert decided(world, "1", breached("offer-1"))[1:] == [offer("ana", 2)]


@pytest.mark.parametrize("leaves", [f.AgentSignedOut(), f.AgentUnavailable(reason="lunch")])
def test_an_owner_who_leaves_gives_the_call_back(leaves: Data) -> None:
    """R13: somebody else is asked at once; one whose client was reached is given back by nobody."""
    world = centre(*OWNED)
    assert happen(domain, world, when("agent:ana", leaves, 9)) == [
        ("agent:ana", leaves),
        ("1", unassigned()),
        ("1", offer("eva", 2)),
    ]
    reached = centre(*OWNED, ("1", e.CallContacted(owner="ana", channel="phone")))
    assert happen(domain, reached, when("agent:ana", leaves, 9)) == [("agent:ana", leaves)]


def test_a_silent_owner_gives_the_call_back() -> None:
    """R13: no attempt by the time the contact is due; one who tried in vain keeps the call."""
    world = centre(*OWNED)
    back = happen(domain, world, when("assignment:1", breached("contact", "R13"), 50))
    assert back == [("1", unassigned()), ("1", offer("eva", 2))]
    assert world.aggregates["1"].tried == ("ana", "eva")
    tried = centre(*OWNED, ("1", e.ContactFailed(owner="ana", attempt=1)))
    assert happen(domain, tried, when("assignment:1", breached("contact", "R13"), 50)) == []


def test_no_answer_is_tried_again() -> None:
    """R13: each vain attempt of the owner has a number; nobody else's counts, and none that comes too late."""
    world = centre(*OWNED)
    assert decided(world, "1", NO_ANSWER) == [e.ContactFailed(owner="ana", attempt=1)]
    assert decided(world, "1", NO_ANSWER.model_copy(update={"owner": "eva"})) == []
    (violation,) = decided(world, "1", breached("contact-retry-1", "R13"))
    assert isinstance(violation, e.RuleViolated)
    assert (violation.rule, violation.by) == ("R13", "ana")
    assert decided(world, "1", NO_ANSWER, 200) == [e.ContactFailed(owner="ana", attempt=2)]
    assert decided(world, "1", breached("contact-retry-1", "R13"), 300) == []
    world.evolve(domain.evolve, "1", e.CallContacted(owner="ana", channel="phone"), at(400))
    assert decided(world, "1", NO_ANSWER, 401) == []


def test_a_promise_to_call_back_makes_an_owner() -> None:
    """R74: who promised owns the call, unless somebody does."""
    promised = e.CallbackPromised(rule="R74", agent="luis", protocol=1)
    owned = [e.CallAssigned(owner="luis", by="luis")]
    assert decided(centre(), "1", promised) == owned
    assert decided(centre(*OFFERED), "1", promised) == owned
    assert decided(centre(*OWNED), "1", promised) == []
    assert decided(centre(), "1", promised.model_copy(update={"agent": None})) == []


def test_a_request_that_is_prioritised_goes_first() -> None:
    """R39: before all that waits, whoever was asked still is; a need known again does not take it back.

    Of a call that needs no owner yet, or has one, it is kept for when it does.
    """
    waiting = [("1", unassigned(2)), ("1", offer(None)), ("2", unassigned(5)), ("2", offer(None))]
    world = centre(*waiting)
    first = e.RequestPrioritised(rule="R39", next_step="dispatch", protocol=1)
    assert decided(world, "2", first) == [unassigned(1), offer(None, 2)]
    assert decided(world, "2", first) == []
    assert world.index.ids("waiting", "front") == ["2", "1"]
    assert decided(world, "2", e.NeedEstablished(category="question", protocol=1)) == []
    asked = centre(*OFFERED)
    assert decided(asked, "1", first) == [unassigned(1), offer("ana", 2)]
    kept = [e.CallPrioritised(rule="R39", priority=1)]
    assert decided(centre(*OWNED), "1", first) == kept
    assert decided(centre(), "1", first) == kept
    assert decided(centre(("1", kept[0])), "1", first) == []


@pytest.mark.parametrize(
    ("category", "queue", "desk"),
    [
        ("sales", "main", "front"), ("information", None, "front"),
        ("invoice", "main", "back"), ("complaint", None, "back"), ("complaint", "vip", "office"),
        ("after_sales", "main", "back"), ("administrative", "vip", "back"), ("error", "main", None),
    ],
)  # fmt: skip
def test_the_subject_says_whose_work_it_is(category: Any, queue: str | None, desk: str | None) -> None:
    """R51, R52: the front office by subject, the back office by subject, and some queues otherwise."""
    need = e.NeedEstablished(category=category, queue=queue, protocol=1)
    found = [it.desk for it in decided(centre(), "1", need) if isinstance(it, e.CallUnassigned)]
    assert found == ([desk] if desk else [])


def test_who_is_no_customer_leaves_nothing_where_none_are_remembered() -> None:
    """R29: such a centre finds no owner for the matter of a non-customer, and does for a customer's."""
    protocol = PROTOCOL.model_copy(update={"privacy": Privacy(non_customers="forgotten")})
    need = e.NeedEstablished(category="sales", protocol=1)
    assert decided(centre(protocol=protocol), "1", need) == []
    known = need.model_copy(update={"customer": "42"})
    assert len(decided(centre(protocol=protocol), "1", known)) == 2


def test_a_transfer_is_screened_unless_the_row_permits_it() -> None:
    """R09: blind to the person asked for only where the row says so; after a word with them, always."""
    blind = c.TransferCall(call="1", to="the director", by="ana")
    consult = blind.model_copy(update={"mode": "consult"})
    screened = e.TransferScreened(person="the director", direct=False)
    assert refused(centre(("1", screened)), "1", blind) == "R09"
    approved = e.TransferApproved(to="the director", mode="consult", by="ana")
    assert decided(centre(("1", screened)), "1", consult) == [approved]
    direct = centre(("1", screened.model_copy(update={"direct": True})))
    assert decided(direct, "1", blind) == [e.TransferApproved(to="the director", mode="blind", by="ana")]
    assert len(decided(centre(), "1", blind)) == 1


def test_a_call_follows_the_table_that_it_began_with() -> None:
    """A protocol published meanwhile counts for later calls only."""
    world = centre()
    world.versions = {
        1: PROTOCOL,
        2: PROTOCOL.model_copy(update={"version": 2, "routing": (Row(desk="new"),)}),
    }
    world.protocol = world.versions[2]
    desks = [
        decided(world, str(version), e.NeedEstablished(category="sales", protocol=version))[0]
        for version in (1, 2)
    ]
    assert [getattr(it, "desk", None) for it in desks] == ["front", "new"]


PLAIN_FACTS: list[Data] = [
    f.CallQueued(), f.CallDequeued(), f.CallAnswered(agent="ana"), f.CallerAskedFor(person="the director"),
    f.CallTransferred(to="eva", mode="blind", agent="eva"), f.CallResumed(agent="ana"), NO_ANSWER,
    f.ContactMade(owner="ana", channel="phone", outcome="reached"), attempt("ana", "accepted"),
    f.SupervisorJoined(supervisor="boss", mode="takeover"), f.CallAbandoned(), f.CallEnded(),
    e.NeedEstablished(category="complaint", protocol=1),
    e.CallerClassified(standing="known", kind="bank", protocol=1),
]  # fmt: skip


@pytest.mark.parametrize("fact", PLAIN_FACTS)
def test_by_the_plain_protocol_a_call_leaves_nothing(fact: Data) -> None:
    """A centre without rules has calls of which routing records nothing, though agents be at work."""
    assert happen(domain, centre(*TWO, protocol=PLAIN), when("1", fact, 5)) == []


def test_what_deadlines_are_called() -> None:
    """Names with a number of their own, and names with one because they were used before."""
    assert policy.attempt_of("offer-12") == ("offer", 12)
    assert [policy.attempt_of(it) for it in ("contact-retry-1", "offer", "hold-2", "retry-x")] == [None] * 4
    assert policy.is_named("contact", "contact")
    assert policy.is_named("contact-2", "contact")
    assert not policy.is_named("contact-retry-2", "contact")
