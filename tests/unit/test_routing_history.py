"""Routing, whatever happens in whatever order: nothing is forgotten, nobody asked twice, and a replay is the same."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.deciding import Decision
from services.routing import domain
from tests.unit.given import at, given, when
from tests.unit.routing import TABLE, attempt, need, world

CALLS, AGENTS = ("1", "2", "3"), ("ana", "eva", "leo")
STEPS = {
    (None, "unassigned"), ("unassigned", "offered"), ("offered", "unassigned"), ("unassigned", "assigned"),
    ("offered", "assigned"), ("assigned", "contacted"), ("contacted", "closed"),
}  # fmt: skip
calls, people = st.sampled_from(CALLS), st.sampled_from(AGENTS)
desks = st.sets(st.sampled_from(("front", "office")), min_size=1).map(lambda some: tuple(sorted(some)))


class RoutingHistory(RuleBasedStateMachine):
    """Any sequence of agents' comings and goings, needs, attempts, retries, contacts and commands."""

    def __init__(self) -> None:
        super().__init__()
        self.world = world()
        self.history: list[tuple[str, Data, float]] = []
        self.now = 0.0

    def take(self, id: str, body: Data) -> None:
        """Decide an input, let it happen event by event, then decide it again: nothing new may follow."""
        self.now += 1
        stood_by = self.standing_by()
        taken = when(id, body, self.now)
        if not (decision := self.decide(taken)):
            return
        for aggregate, event in decision:
            before = self.world.aggregates.get(aggregate)
            self.world.evolve(domain.evolve, aggregate, event, at(self.now))
            self.history.append((aggregate, event, self.now))
            if isinstance(after := self.world.aggregates[aggregate], domain.Assignment):
                step = (getattr(before, "state", None), after.state)
                rerouted = isinstance(body, e.NeedEstablished) and step == ("assigned", "unassigned")
                left = isinstance(body, f.AgentUnavailable | f.AgentSignedOut) and step[0] == "assigned"
                assert step[0] == step[1] or step in STEPS or rerouted or left, step
            if isinstance(event, e.OfferMade) and event.to and not isinstance(body, e.NeedEstablished):
                assert self.world.aggregates[f"agent:{event.to}"].state == "available"
        if not isinstance(body, c.AssignCall | c.CloseCall):
            took = {event.owner for _, event in decision if isinstance(event, e.CallAssigned)}
            assert {agent for agent, _ in self.standing_by() - stood_by} <= took
        again = self.decide(taken)
        # a fact of its own topic always leaves a trace, as does a vain attempt; neither has a further consequence
        failed = [event for _, event in decision if isinstance(event, e.ContactFailed)]
        assert again in ([], [(id, body)] if id.startswith("agent:") else []) or failed

    def standing_by(self) -> set[tuple[str, str]]:
        """Agents who could be asked, each with the calls at their desks about which nobody is.

        A call does not count for those who were asked about it in this round.
        """
        known = self.world.aggregates.items()
        waiting = {
            id: it for id, it in known if isinstance(it, domain.Assignment) and it.state == "unassigned"
        }
        asked = {it.offered_to for _, it in known if isinstance(it, domain.Assignment)}
        free = {
            id.removeprefix("agent:"): it
            for id, it in known
            if isinstance(it, domain.Agent) and it.state == "available"
        }
        return {
            (agent, call)
            for agent in free.keys() - asked
            for call, it in waiting.items()
            if it.desk in free[agent].desks and agent not in it.tried
        }

    def decide(self, input: Any) -> Decision:
        try:
            return domain.decide(self.world, input)
        except Refused:
            return []

    @initialize(early=st.sets(people), stated=st.sets(calls))
    def begin(self, early: set[str], stated: set[str]) -> None:
        for agent in sorted(early):
            self.sign_in(agent, ("front",))
            self.change(agent, f.AgentAvailable())
        for call in sorted(stated):
            self.take(call, need())

    @rule(agent=people, desks=desks)
    def sign_in(self, agent: str, desks: tuple[str, ...]) -> None:
        self.take(f"agent:{agent}", f.AgentSignedIn(name=agent, desks=desks))

    @rule(
        agent=people,
        fact=st.sampled_from(
            (
                f.AgentAvailable(),
                f.AgentAvailable(),
                f.AgentBusy(),
                f.AgentUnavailable(reason="lunch"),
                f.AgentSignedOut(),
            )
        ),
    )
    def change(self, agent: str, fact: Data) -> None:
        self.take(f"agent:{agent}", fact)

    @rule(
        call=calls,
        kind=st.sampled_from((None, *TABLE.kinds)),
        category=st.sampled_from(("question", "complaint")),
        special=st.booleans(),
        agent=st.none() | people,
    )
    def state_need(
        self, call: str, kind: str | None, category: Any, special: bool, agent: str | None
    ) -> None:
        self.take(call, need(kind, category, special_treatment=special, agent=agent))

    @rule(call=calls, by=people, outcome=st.sampled_from(("accepted", "declined", "no_answer", "instructed")))
    def attempt(self, call: str, by: str, outcome: str) -> None:
        self.take(call, attempt(by, outcome))

    @rule(call=calls)
    def miss_retry(self, call: str) -> None:
        number = self.world.aggregates[call].attempt if call in self.world.aggregates else 1
        self.take(call, e.DeadlineBreached(deadline=f"retry-{number}", rule="R11", due=at(self.now)))

    @rule(call=calls, owner=people, outcome=st.sampled_from(("reached", "no_answer")))
    def contact(self, call: str, owner: str, outcome: Any) -> None:
        self.take(call, f.ContactMade(owner=owner, channel="phone", outcome=outcome))

    @rule(call=calls, by=people, to=people)
    def command(self, call: str, by: str, to: str) -> None:
        self.take(call, c.AssignCall(call=call, owner=to, by=by))
        self.take(call, c.CloseCall(call=call, by=by))

    @rule(call=calls, kind=st.sampled_from((None, *TABLE.kinds)), blind=st.booleans())
    def ask_for(self, call: str, kind: str | None, blind: bool) -> None:
        self.take(call, f.CallerAskedFor(person="the director"))
        self.take(call, e.CallerClassified(standing="unknown", kind=kind, protocol=1))
        self.take(call, f.CallTransferred(to="director", mode="blind" if blind else "consult"))

    @invariant()
    def nothing_is_forgotten(self) -> None:
        """Every call that has no owner waits or is offered, and a call with an owner is neither."""
        waiting = set(self.world.index.ids("waiting"))
        offered = {call for agent in AGENTS for call in self.world.index.ids("offers", agent)}
        for call in CALLS:
            kept = self.world.aggregates.get(call, domain.Assignment())
            assert (call in waiting) == (kept.state == "unassigned")
            assert (call in offered) == (kept.state == "offered")
            assert (kept.owner is not None) == (kept.state in ("assigned", "contacted", "closed"))

    @invariant()
    def nobody_is_asked_twice_at_once(self) -> None:
        """No agent has two open offers, nor one while away."""
        offered = [
            call.offered_to
            for call in self.world.aggregates.values()
            if isinstance(call, domain.Assignment) and call.state == "offered"
        ]
        assert len(offered) == len(set(offered))
        assert all(self.world.aggregates[f"agent:{to}"].state in ("available", "busy") for to in offered)

    def teardown(self) -> None:
        """The same events folded again give the same world, index and all."""
        again = given(domain, TABLE, self.history)
        assert again.aggregates == self.world.aggregates
        assert again.index == self.world.index


TestRoutingHistory = RoutingHistory.TestCase
TestRoutingHistory.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
