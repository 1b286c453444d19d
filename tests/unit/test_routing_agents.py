"""Agents: nobody on a call or at rest is asked anything, and who can do it best is asked first."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.deciding import World
from contracts.protocol import Limits, Protocol, Row
from services.routing import domain, queries
from tests.unit.given import at, given, happen, when
from tests.unit.routing import refused

PROTOCOL = Protocol(
    name="test",
    routing=(
        Row(desk="sales", categories=("sales",), products=("boiler",), tier=2, skill="boilers"),
        Row(desk="sales", categories=("sales", "information"), fallback=("back",)),
        Row(desk="back"),
    ),
    limits=Limits(wrap_up_s=30, retry_s=300),
)


def signed_in(agent: str, seconds: float = 0, *desks: str, **more: Any) -> list[Any]:
    """An agent at the desk sales, if no other is named, and available."""
    fact = f.AgentSignedIn(name=agent, desks=desks or ("sales",), **more)
    return [(f"agent:{agent}", fact, seconds), (f"agent:{agent}", f.AgentAvailable(), seconds)]


def centre(*events: Any, protocol: Protocol = PROTOCOL) -> World[Any, Any]:
    """The world after these events."""
    return given(domain, protocol, events)


def need(category: f.Category = "information", **more: Any) -> e.NeedEstablished:
    """What intake says of a request."""
    return e.NeedEstablished(category=category, protocol=1, **more)


def asked(world: World[Any, Any], id: str, body: Any, seconds: float = 100) -> list[str | None]:
    """Who is asked in what is decided, letting it happen."""
    decision = happen(domain, world, when(id, body, seconds))
    return [event.to for _, event in decision if isinstance(event, e.OfferMade)]


def names(world: World[Any, Any], id: str, body: Any, seconds: float = 100) -> list[tuple[str, str]]:
    """What is decided, by aggregate and the event's class, letting it happen."""
    return [(to, type(it).__name__) for to, it in happen(domain, world, when(id, body, seconds))]


def test_who_is_on_a_call_is_offered_nothing() -> None:
    """R16: from the answer to the end no offer reaches the agent, on hold or not."""
    world = centre(*signed_in("ana"))
    assert happen(domain, world, when("1", f.CallAnswered(agent="ana"), 1)) == [
        ("agent:ana", e.AgentEngaged(call="1"))
    ]
    assert happen(domain, world, when("1", f.CallHeld(reason="look-up"), 2)) == []
    assert asked(world, "2", need(), 3) == [None]
    assert asked(world, "agent:ana", f.AgentAvailable(), 4) == []
    assert refused(world, "2", c.OfferCall(call="2", to="ana", by="boss")) == "R16"


def test_the_call_moves_from_agent_to_agent() -> None:
    """R16: whoever resumes or is put through to has the call, and who had it is released."""
    world = centre(*signed_in("ana"), *signed_in("eva"), ("agent:ana", e.AgentEngaged(call="1"), 1))
    released = ("agent:ana", "AgentReleased")
    assert names(world, "1", f.CallResumed(agent="ana"), 2) == []
    assert names(world, "1", f.CallResumed(), 2) == []
    assert names(world, "1", f.CallResumed(agent="eva"), 3) == [released, ("agent:eva", "AgentEngaged")]
    to_ana = f.CallTransferred(to="ana", mode="consult", agent="ana")
    assert names(world, "1", to_ana, 4) == [("agent:eva", "AgentReleased"), ("agent:ana", "AgentEngaged")]
    assert names(world, "1", f.CallTransferred(to="the works", mode="consult"), 5) == [released]
    assert names(world, "1", f.CallEnded(), 6) == []


def test_a_supervisor_joins_or_takes_over() -> None:
    """R16: beside the agent both are on the call, in the agent's place only the supervisor is."""
    both = [*signed_in("ana"), *signed_in("boss"), ("agent:ana", e.AgentEngaged(call="1"), 1)]
    barge, takeover = (f.SupervisorJoined(supervisor="boss", mode=it) for it in ("barge", "takeover"))
    assert names(centre(*both), "1", barge) == [("agent:boss", "AgentEngaged")]
    assert names(centre(*both), "1", takeover) == [
        ("agent:ana", "AgentReleased"), ("agent:boss", "AgentEngaged")
    ]  # fmt: skip


def test_who_is_unknown_or_gone_is_not_engaged() -> None:
    """Nothing is recorded of somebody who is not signed in, nor where it matters to nobody."""
    gone = centre(*signed_in("ana"), ("agent:ana", f.AgentSignedOut(), 1))
    assert names(gone, "1", f.CallAnswered(agent="ana")) == []
    assert names(gone, "1", f.CallAnswered(agent="nobody")) == []
    assert names(given(domain, events=signed_in("ana")), "1", f.CallAnswered(agent="ana")) == []


def test_a_rest_follows_a_call() -> None:
    """R24: wrap-up follows the end of a call; the one before it is over is offered nothing, even if available."""
    world = centre(*signed_in("ana"), ("agent:ana", e.AgentEngaged(call="1"), 10))
    (released,) = happen(domain, world, when("1", f.CallEnded(), 100))
    assert released == ("agent:ana", e.AgentReleased(call="1", wrap_up=True, until=at(130), protocol=1))
    assert asked(world, "2", need(), 110) == [None]
    assert asked(world, "agent:ana", f.AgentAvailable(), 115) == []
    warned = e.DeadlineWarned(deadline="wrap-up", rule="R24", due=at(130))
    assert happen(domain, world, when("agent:ana", warned, 130)) == [
        ("agent:ana", e.AgentRested()),
        ("2", e.OfferMade(to="ana", desk="sales", attempt=2, protocol=1)),
    ]
    assert happen(domain, world, when("agent:ana", warned, 130)) == []


@pytest.mark.parametrize(("seconds", "to"), [(129.999, None), (130, "ana"), (130.001, "ana")])
def test_an_offer_exactly_at_the_end_of_wrap_up_is_allowed(seconds: float, to: str | None) -> None:
    """R24: a millisecond before nobody is asked; at the very end the agent is, though nothing was recorded yet."""
    released = e.AgentReleased(call="1", wrap_up=True, until=at(130), protocol=1)
    world = centre(*signed_in("ana"), ("agent:ana", released, 100))
    assert asked(world, "2", need(), seconds) == [to]


@pytest.mark.parametrize(("seconds", "refusal"), [(129.999, "R24"), (130, None)])
def test_a_colleague_is_put_an_offer_when_rested(seconds: float, refusal: str | None) -> None:
    """R24: the command is refused in wrap-up, and not at its very end."""
    released = e.AgentReleased(call="1", wrap_up=True, until=at(130), protocol=1)
    world = centre(("2", unassigned()), ("2", e.OfferMade(desk="sales", attempt=1)), *signed_in("ana"))
    world.evolve(domain.evolve, "agent:ana", released, at(100))
    command = when("2", c.OfferCall(call="2", to="ana", by="boss"), seconds, "command")
    if refusal is None:
        assert domain.decide(world, command) == [
            ("2", e.OfferMade(to="ana", desk="sales", attempt=2, protocol=1))
        ]
    else:
        with pytest.raises(domain.Refused) as it:
            domain.decide(world, command)
        assert it.value.rule == refusal


def unassigned(**more: Any) -> e.CallUnassigned:
    """A call for the desk sales."""
    return e.CallUnassigned(**{"desk": "sales", "priority": 5, "protocol": 1, **more})


def test_who_wraps_up_by_their_own_word_waits_too() -> None:
    """R24: agent.wrapping takes nobody further; being available, or the end of wrap-up, does."""
    world = centre(*signed_in("ana"), ("agent:ana", f.AgentWrapping(), 1))
    assert asked(world, "1", need(), 2) == [None]
    assert refused(world, "1", c.OfferCall(call="1", to="ana", by="boss")) == "R24"
    assert asked(world, "agent:ana", f.AgentAvailable(), 3) == ["ana"]
    released = e.AgentReleased(call="9", wrap_up=True, until=at(130), protocol=1)
    resting = centre(*signed_in("ana"), ("agent:ana", released, 100), ("agent:ana", f.AgentWrapping(), 101))
    happen(domain, resting, when("1", need(), 102))
    warned = e.DeadlineWarned(deadline="wrap-up-2", rule="R24", due=at(130))
    assert asked(resting, "agent:ana", warned, 130) == ["ana"]


def test_without_a_limit_the_next_call_comes_at_once() -> None:
    """R24 is in force where the protocol says how long: else whoever ends a call is asked about the next."""
    protocol = PROTOCOL.model_copy(update={"limits": Limits()})
    world = centre(*signed_in("ana"), ("agent:ana", e.AgentEngaged(call="1"), 1), protocol=protocol)
    happen(domain, world, when("2", need(), 2))
    assert asked(world, "1", f.CallEnded(), 3) == ["ana"]


def test_a_question_to_somebody_on_a_call_waits() -> None:
    """R16: "busy" on a call and in wrap-up; the questions arrive in order as soon as they disturb no more."""
    world = centre(*signed_in("ana"), ("agent:ana", e.AgentEngaged(call="1"), 1))
    one, two = (c.ConsultAgent(agent="ana", question=it, by="eva") for it in ("where?", "when?"))
    deferred = e.ConsultDeferred(by="eva", question="where?")
    assert happen(domain, world, when("agent:ana", one, 2, "command")) == [("agent:ana", deferred)]
    happen(domain, world, when("1", f.CallEnded(), 100))
    assert names(world, "agent:ana", two, 129) == [("agent:ana", "ConsultDeferred")]
    warned = e.DeadlineWarned(deadline="wrap-up", rule="R24", due=at(130))
    assert happen(domain, world, when("agent:ana", warned, 130)) == [
        ("agent:ana", e.AgentRested()),
        ("agent:ana", e.ConsultDelivered(by="eva", question="where?")),
        ("agent:ana", e.ConsultDelivered(by="eva", question="when?")),
    ]
    delivered = [("agent:ana", e.ConsultDelivered(by="eva", question="where?"))]
    assert happen(domain, world, when("agent:ana", one, 131, "command")) == delivered
    assert (
        refused(world, "agent:nobody", c.ConsultAgent(agent="nobody", question="?", by="eva"))
        == "agent-unknown"
    )


def test_a_question_waits_also_for_who_is_away() -> None:
    """R16: whoever is away or otherwise busy gets it on coming back."""
    world = centre(*signed_in("ana"), ("agent:ana", f.AgentUnavailable(reason="lunch"), 1))
    question = c.ConsultAgent(agent="ana", question="where?", by="eva")
    assert names(world, "agent:ana", question, 2) == [("agent:ana", "ConsultDeferred")]
    back = names(world, "agent:ana", f.AgentAvailable(), 3)
    assert back == [("agent:ana", "AgentAvailable"), ("agent:ana", "ConsultDelivered")]


def test_the_lowest_tier_that_suffices_is_asked_first() -> None:
    """R53: basic sales go to agents, and to a specialist only when none is free; specialised ones never to agents."""
    world = centre(
        *signed_in("expert", 0, tier=2, skills=("boilers",)), *signed_in("ana", 1), *signed_in("eva", 2)
    )
    assert asked(world, "1", need("sales")) == ["ana"]
    assert asked(world, "2", need("sales")) == ["eva"]
    assert asked(world, "3", need("sales", product="boiler")) == ["expert"]
    assert asked(world, "4", need("sales", product="boiler")) == [None]
    assert asked(world, "4", need("sales", product="pump"), 200) == [None]


def test_a_specialist_without_the_skill_does_not_do() -> None:
    """R53: the row's skill is needed as well as its tier."""
    world = centre(
        *signed_in("other", 0, tier=3, skills=("pumps",)), *signed_in("low", 0, skills=("boilers",))
    )
    assert asked(world, "1", need("sales", product="boiler")) == [None]
    learnt = f.AgentSignedIn(name="low", desks=("sales",), skills=("boilers",), tier=2)
    assert asked(world, "agent:low", learnt) == ["low"]


def test_the_callers_language_is_spoken_if_anybody_at_work_does() -> None:
    """R53: a call waits for who speaks the language as long as they are at work, and no longer."""
    world = centre(*signed_in("ana", languages=("es",)), *signed_in("rui", languages=("pt",)))
    assert asked(world, "1", need(language="pt")) == ["rui"]
    assert asked(world, "2", need(language="pt")) == [None]
    assert asked(world, "3", need(language="en")) == ["ana"]
    happen(domain, world, when("3", f.AssignmentAttempted(by="ana", outcome="accepted"), 101))
    assert asked(world, "agent:rui", f.AgentSignedOut(), 102) == ["ana"]


def test_calls_that_waited_for_a_language_are_for_others_when_nobody_speaks_it() -> None:
    """R53: the last who speaks it leaves, and whoever is free is asked in their place."""
    world = centre(*signed_in("ana"), *signed_in("rui", languages=("pt",)), ("agent:rui", f.AgentBusy(), 1))
    assert asked(world, "1", need(language="pt")) == [None]
    assert asked(world, "agent:rui", f.AgentUnavailable(reason="lunch"), 102) == ["ana"]


def test_the_ladder_leads_from_the_desk_to_others_and_to_supervisors() -> None:
    """R53: the desk's own, then those of the fallback desks, then a supervisor, then nobody yet."""
    boss = signed_in("boss", 0, "board", role="supervisor")
    world = centre(*boss, *signed_in("back", 0, "back"), *signed_in("ana", 9))
    assert [asked(world, str(call), need())[0] for call in range(1, 5)] == ["ana", "back", "boss", None]
    declined = f.AssignmentAttempted(by="ana", outcome="declined")
    assert asked(world, "1", declined) == [None, "ana"]


def test_who_comes_free_at_a_fallback_desk_takes_what_waits() -> None:
    """R53: calls of other desks that fall back on theirs too, the most urgent first."""
    world = centre(("1", unassigned(fallback=("back",)), 1), ("2", unassigned(priority=2), 2))
    for call in "12":
        world.evolve(domain.evolve, call, e.OfferMade(desk="sales", attempt=1), at(3))
    happen(domain, world, when("agent:bea", f.AgentSignedIn(name="bea", desks=("back",)), 4))
    assert happen(domain, world, when("agent:bea", f.AgentAvailable(), 5))[1][0] == "1"
    boss = f.AgentSignedIn(name="boss", role="supervisor")
    happen(domain, world, when("agent:boss", boss, 6))
    assert happen(domain, world, when("agent:boss", f.AgentAvailable(), 7))[1][0] == "2"


def test_nobody_owns_more_than_they_can() -> None:
    """Who owns as many as their capacity is asked again only when a client was reached."""
    world = centre(
        *signed_in("ana", capacity=1), ("1", unassigned(), 1), ("1", e.CallAssigned(owner="ana"), 1)
    )
    assert asked(world, "2", need()) == [None]
    assert refused(world, "2", c.OfferCall(call="2", to="ana", by="boss")) == "agent-taken"
    reached = f.ContactMade(owner="ana", channel="phone", outcome="reached")
    assert asked(world, "1", reached) == ["ana"]


def test_what_agents_learn_and_propose_is_recorded() -> None:
    """R23: trainings, proposals and doubts, also of who is not at work."""
    world = centre()
    for fact in (f.TrainingCompleted(course="pumps"), f.ProposalMade(text="ask"), f.DoubtRaised(text="why")):
        assert happen(domain, world, when("agent:ana", fact)) == [("agent:ana", fact)]
    assert domain.closed(world.aggregates["agent:ana"])
    assert queries.agents(world, c.AgentsQuery()) == {"agents": []}


def test_a_command_to_ask_somebody_is_refused_where_they_cannot_be() -> None:
    """R16: only who is signed in, available and not asked elsewhere can be put an offer; one command, one event."""
    away = [*signed_in("away"), ("agent:away", f.AgentUnavailable(reason="lunch"), 1)]
    asked_about = [("1", unassigned()), ("1", e.OfferMade(to="ana", desk="sales", attempt=1))]
    world = centre(*signed_in("ana"), *signed_in("eva"), *away, *asked_about, ("2", unassigned()))
    refusals = {"nobody": "agent-unknown", "away": "agent-unavailable", "ana": "agent-taken"}
    for agent, rule in refusals.items():
        assert refused(world, "2", c.OfferCall(call="2", to=agent, by="boss")) == rule
    assert refused(world, "1", c.OfferCall(call="1", to="ana", by="boss")) == "offer-same"
    assert refused(world, "3", c.OfferCall(call="3", to="ana", by="boss")) == "assignment-unknown"
    assert names(world, "1", c.OfferCall(call="1", to="eva", by="boss")) == [("1", "OfferMade")]
