"""Routing: asked, owned, contacted, closed, in that order, and nothing forgotten on the way."""

from __future__ import annotations

import pickle

import pytest

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from services.routing import domain, queries
from tests.unit.given import at, given, happen, when
from tests.unit.routing import at_work, attempt, decided, need, offer, refused, unassigned, world


def test_the_table_says_which_desk_must_find_an_owner() -> None:
    """R10: the first row that matches gives desk and priority, and the longest idle of the desk is asked."""
    before = world(*at_work("late", 2), *at_work("early", 1), *at_work("elsewhere", 0, ("office",)))
    assert decided(before, "1", need(agent="reception")) == [unassigned(agent="reception"), offer("early")]
    assert decided(before, "2", need(category="complaint")) == [
        unassigned(2, "office"),
        offer("elsewhere", desk="office"),
    ]
    assert decided(before, "3", need("press")) == []
    assert decided(given(domain), "4", need()) == []


def test_special_treatment_comes_first() -> None:
    """R07: special treatment takes the protocol's priority, and a desk's first free agent takes that call."""
    before = world(("1", unassigned(), 0), ("1", offer(None), 0), *at_work("ana")[:1])
    assert decided(before, "2", need(special_treatment=True)) == [unassigned(1), offer(None)]
    available = happen(domain, before, when("agent:ana", f.AgentAvailable(), 5))
    assert available == [("agent:ana", f.AgentAvailable()), ("2", offer("ana", 2))]


def test_a_need_known_again_changes_nothing_unless_the_row_differs() -> None:
    """R05: routed anew only where the table says otherwise, and an owner at the right desk stays."""
    events = [*at_work("ana"), *at_work("eva", 1), ("1", unassigned()), ("1", offer("ana"))]
    assert decided(world(*events), "1", need(customer="c1")) == []
    assert decided(world(*events), "1", need(special_treatment=True)) == [unassigned(1), offer("ana", 2)]
    assigned = [*events, ("1", e.CallAssigned(owner="ana"))]
    assert decided(world(*assigned), "1", need("trade")) == []
    moved = world(*assigned)
    assert decided(moved, "1", need(category="complaint")) == [
        unassigned(2, "office"),
        offer(None, 2, "office"),
    ]
    assert moved.aggregates["1"].owner is None
    contacted = [*assigned, ("1", e.CallContacted(owner="ana", channel="phone"))]
    assert decided(world(*contacted), "1", need(category="complaint")) == []


def test_colleagues_are_asked_until_one_takes_the_call() -> None:
    """R11, R12: whoever declines is not asked again in this round; nobody left leaves the call waiting."""
    calling = world(*at_work("ana"), *at_work("eva", 1), ("1", unassigned()), ("1", offer("ana")))
    assert decided(calling, "1", attempt("ana", "declined")) == [
        e.OfferDeclined(by="ana", outcome="declined"),
        offer("eva", 2),
    ]
    assert decided(calling, "1", attempt("eva", "no_answer"))[1:] == [offer(None, 3)]
    assert decided(calling, "1", attempt("eva", "no_answer")) == []
    assert decided(calling, "1", attempt("boss", "accepted")) == [e.CallAssigned(owner="boss", by="boss")]
    assert decided(calling, "1", attempt("eva", "accepted")) == []


def test_who_answered_carries_out_an_instruction() -> None:
    """R11: an instruction ends the retries; it is for whoever answered, else for whoever gave it."""
    known = world(("1", unassigned(agent="reception")), ("1", offer(None)))
    assert decided(known, "1", attempt("boss", "instructed", "send a plumber")) == [
        e.CallAssigned(owner="reception", by="boss", instruction="send a plumber")
    ]
    unknown = world(("1", unassigned()), ("1", offer(None)))
    assert decided(unknown, "1", c.InstructCall(call="1", instruction="wait", by="boss")) == [
        e.CallAssigned(owner="boss", by="boss", instruction="wait")
    ]
    assert refused(unknown, "1", c.InstructCall(call="1", instruction="wait", by="boss")) == "assignment-same"


def test_a_colleague_who_was_not_the_one_asked_leaves_the_offer_open() -> None:
    """R11: another's refusal is noted, and the one who is being asked is still asked."""
    asking = world(*at_work("ana"), *at_work("eva", 1), ("1", unassigned()), ("1", offer("ana")))
    assert decided(asking, "1", attempt("eva", "declined")) == [e.OfferDeclined(by="eva", outcome="declined")]
    assert asking.aggregates["1"].offered_to == "ana"
    assert decided(asking, "1", attempt("eva", "declined")) == []


def test_a_missed_retry_asks_the_next_and_then_begins_again() -> None:
    """R11: when all were asked the round starts anew; the deadline of an earlier attempt is stale."""
    calling = world(*at_work("ana"), *at_work("eva", 1), ("1", unassigned()), ("1", offer("ana")))

    def missed(number: int) -> e.DeadlineBreached:
        return e.DeadlineBreached(deadline=f"retry-{number}", rule="R11", due=at(300))

    assert decided(calling, "1", missed(1)) == [offer("eva", 2)]
    assert decided(calling, "1", missed(1)) == []
    assert decided(calling, "1", missed(2)) == [offer("ana", 3)]
    assert decided(calling, "1", missed(3)) == [offer("eva", 4)]
    decided(calling, "1", c.AssignCall(call="1", owner="eva", by="boss"))
    assert decided(calling, "1", missed(4)) == []


WAITING = (("2", unassigned(), 2), ("2", offer(None), 2), ("3", unassigned(), 3), ("3", offer(None), 3))


@pytest.mark.parametrize(
    ("body", "first"),
    [
        (attempt("ana", "declined"), [e.OfferDeclined(by="ana", outcome="declined"), offer(None, 2)]),
        (attempt("ana", "no_answer"), [e.OfferDeclined(by="ana", outcome="no_answer"), offer(None, 2)]),
        (
            attempt("ana", "instructed", "send a plumber"),
            [e.CallAssigned(owner="luis", by="ana", instruction="send a plumber")],
        ),
        (attempt("boss", "accepted"), [e.CallAssigned(owner="boss", by="boss")]),
        (need(category="complaint"), [unassigned(2, "office"), offer(None, 2, "office")]),
    ],
)
def test_who_is_asked_no_longer_is_asked_about_the_next(body: Data, first: list[Data]) -> None:
    """R11: an available agent whom an offer leaves is asked at once about the first of the calls that wait."""
    before = world(*at_work("ana"), ("1", unassigned(agent="luis"), 1), ("1", offer("ana"), 1), *WAITING)
    decision = happen(domain, before, when("1", body, 9))
    assert decision == [*(("1", event) for event in first), ("2", offer("ana", 2))]
    assert domain.decide(before, when("1", body, 9)) == []


def test_a_missed_retry_frees_who_did_not_answer() -> None:
    """R11: when the retry asks the next colleague, the one before is asked about another call that waits."""
    asked = [("1", unassigned(), 1), ("1", offer("ana"), 1)]
    before = world(*at_work("ana"), *at_work("eva"), *asked, *WAITING)
    missed = e.DeadlineBreached(deadline="retry-1", rule="R11", due=at(300))
    assert happen(domain, before, when("1", missed, 301)) == [("1", offer("eva", 2)), ("2", offer("ana", 2))]


def test_who_is_asked_no_longer_may_be_asked_about_nothing() -> None:
    """Not who took the call, nor who is busy, nor about a declined call again; after a command none is."""
    events = [*at_work("ana"), ("1", unassigned(), 1), ("1", offer("ana"), 1), *WAITING]
    assert decided(world(*events), "1", attempt("ana", "accepted")) == [e.CallAssigned(owner="ana", by="ana")]
    assert len(decided(world(*events, ("agent:ana", f.AgentBusy(), 4)), "1", attempt("ana", "declined"))) == 2
    assert len(decided(world(*events), "1", c.AssignCall(call="1", owner="eva", by="boss"))) == 1
    asked = world(*events)
    for call, following in (("1", "2"), ("2", "3"), ("3", None)):
        decision = happen(domain, asked, when(call, attempt("ana", "declined"), 9))
        assert decision[2:] == ([(following, offer("ana", 2))] if following else [])


def test_nobody_busy_or_asked_already_is_asked() -> None:
    """R16: an offer reaches neither an agent on a call nor one who is being asked about another call."""
    before = world(*at_work("ana"), *at_work("eva"), ("agent:eva", f.AgentBusy(), 1))
    assert decided(before, "1", need())[1] == offer("ana")
    assert decided(before, "2", need())[1] == offer(None)
    assert happen(domain, before, when("agent:ana", f.AgentAvailable(), 9)) == [
        ("agent:ana", f.AgentAvailable())
    ]
    assert happen(domain, before, when("agent:eva", f.AgentAvailable(), 9))[1:] == [("2", offer("eva", 2))]


def test_an_agent_who_leaves_is_asked_no_longer() -> None:
    """An open offer goes on to the next colleague when the agent signs out or goes away, or to nobody yet."""
    before = world(*at_work("ana"), *at_work("eva", 1), ("1", unassigned()), ("1", offer("ana")))
    assert happen(domain, before, when("agent:ana", f.AgentUnavailable(reason="lunch"), 9))[1:] == [
        ("1", offer("eva", 2))
    ]
    assert happen(domain, before, when("agent:eva", f.AgentSignedOut(), 9))[1:] == [("1", offer(None, 3))]
    assert domain.closed(before.aggregates["agent:eva"])
    assert refused(before, "agent:eva", f.AgentAvailable()) == "agent-unknown"
    assert refused(before, "agent:nobody", f.AgentBusy()) == "agent-unknown"


def test_an_agent_who_changes_desks_is_asked_about_what_waits_there() -> None:
    """Signing in again moves an available agent to other desks, and to the calls that wait at them."""
    before = world(*at_work("ana"), ("1", unassigned(desk="office")), ("1", offer(None, desk="office")))
    moved = f.AgentSignedIn(name="ana", desks=("office",))
    assert happen(domain, before, when("agent:ana", moved)) == [
        ("agent:ana", moved),
        ("1", offer("ana", 2, "office")),
    ]
    assert before.index.ids("available", "office") == ["ana"]
    assert before.index.ids("available", "front") == []


def test_only_the_owner_reaching_the_client_allows_closing() -> None:
    """R13: no answer is no contact, another's contact is a violation, closing before is refused."""
    owned = world(("1", unassigned()), ("1", offer(None)), ("1", e.CallAssigned(owner="ana")))
    close = c.CloseCall(call="1", by="ana")
    missed = f.ContactMade(owner="ana", channel="phone", outcome="no_answer")
    assert decided(owned, "1", missed) == [e.ContactFailed(owner="ana", attempt=1)]
    assert refused(owned, "1", close) == "R13"
    (violation,) = decided(owned, "1", f.ContactMade(owner="eva", channel="phone", outcome="reached"))
    assert isinstance(violation, e.RuleViolated)
    assert (violation.rule, violation.fact) == ("R13", "contact.made")
    assert decided(owned, "1", f.ContactMade(owner="eva", channel="phone", outcome="reached")) == []
    assert refused(owned, "1", close) == "R13"
    assert decided(owned, "1", c.AssignCall(call="1", owner="eva", by="boss")) == [
        e.CallAssigned(owner="eva", by="boss")
    ]
    assert decided(owned, "1", f.ContactMade(owner="eva", channel="email", outcome="reached")) == [
        e.CallContacted(owner="eva", channel="email")
    ]
    assert refused(owned, "1", c.AssignCall(call="1", owner="ana", by="boss")) == "assignment-contacted"
    assert decided(owned, "1", close) == [e.CallClosed(by="ana")]
    assert refused(owned, "1", close) == "assignment-closed"
    assert domain.closed(owned.aggregates["1"])


def test_a_command_about_a_call_that_needs_no_owner_is_refused() -> None:
    """R12: what was never unassigned cannot be assigned, nor twice to the same owner."""
    assert refused(world(), "1", c.AssignCall(call="1", owner="ana", by="boss")) == "assignment-unknown"
    owned = world(("1", unassigned()), ("1", offer(None)), ("1", e.CallAssigned(owner="ana")))
    assert refused(owned, "1", c.AssignCall(call="1", owner="ana", by="boss")) == "assignment-same"


def test_a_caller_who_asks_for_somebody_is_screened() -> None:
    """R09: no direct transfer unless the row permits it, once known; a blind one meanwhile is a violation."""
    asked = world()
    person, blind = f.CallerAskedFor(person="the director"), f.CallTransferred(to="director", mode="blind")
    assert decided(asked, "1", blind) == []
    assert decided(asked, "1", person) == [e.TransferScreened(person="the director", direct=False)]
    assert decided(asked, "1", person) == []
    assert decided(asked, "1", f.CallTransferred(to="director", mode="consult")) == []
    (violation,) = decided(asked, "1", blind)
    assert isinstance(violation, e.RuleViolated)
    assert (violation.rule, violation.fact) == ("R09", "call.transferred")
    classified = e.CallerClassified(standing="known", kind="bank", protocol=1)
    assert decided(asked, "1", classified) == [e.TransferScreened(person="the director", direct=True)]
    assert decided(asked, "1", classified) == []
    assert decided(asked, "1", blind, 200) == []
    assert decided(asked, "1", need("trade"))[0] == e.TransferScreened(person="the director", direct=False)
    assert decided(given(domain), "1", person) == []


def test_what_is_asked_about_assignments_and_agents() -> None:
    """The queries show who is at work, who is asked, and the calls by urgency, filtered as they say."""
    before = world(
        *at_work("ana"), *at_work("eva", 1, ("office",)), ("1", unassigned()), ("1", offer("ana")),
        ("2", unassigned(1)), ("2", offer(None)), ("2", e.CallAssigned(owner="eva")),
        ("agent:gone", f.AgentSignedIn(name="gone")), ("agent:gone", f.AgentSignedOut()),
    )  # fmt: skip
    calls = queries.assignments(before, c.AssignmentsQuery())["assignments"]
    assert [(call["call"], call["state"]) for call in calls] == [("2", "assigned"), ("1", "offered")]
    owned = queries.assignments(before, c.AssignmentsQuery(owner="eva"))["assignments"]
    assert [call["call"] for call in owned] == ["2"]
    assert queries.assignments(before, c.AssignmentsQuery(state="closed")) == {"assignments": []}
    at_desks = queries.agents(before, c.AgentsQuery())["agents"]
    assert [(agent["agent"], agent["asked_about"]) for agent in at_desks] == [("ana", "1"), ("eva", None)]
    assert [a["agent"] for a in queries.agents(before, c.AgentsQuery(desk="office"))["agents"]] == ["eva"]


def test_reading_back_a_closed_call_leaves_open_offers_alone() -> None:
    """A closed call that is folded again event by event does not take the offer that its agent has by now."""
    history = [unassigned(), offer("ana"), e.CallAssigned(owner="ana")]
    history += [e.CallContacted(owner="ana", channel="phone"), e.CallClosed(by="ana")]
    before = world(*at_work("ana"), ("2", unassigned()), ("2", offer("ana")))
    index = pickle.dumps(before.index)
    for event in history:
        before.evolve(domain.evolve, "1", event, at(5))
    assert before.index == pickle.loads(index)
