"""Nothing is stuck: routing and sla together, on a virtual clock, whatever happens in whatever order."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.deciding import Decision, Input
from contracts.protocol import ConductLadder, Limits, Protocol, Row
from services.routing import domain as routing
from services.sla import domain as sla
from tests.unit.given import START, given

PROTOCOL = Protocol(
    name="test",
    routing=(
        Row(categories=("sales",), products=("boiler",), desk="sales", tier=2, skill="boilers"),
        Row(categories=("sales",), desk="sales", fallback=("back",)),
        Row(desk="back", priority=3),
    ),
    shares={"back": {"back": 60, "outsourced": 40}},
    conduct=ConductLadder(),
    limits=Limits(offer_s=20, retry_s=60, contact_s=900, contact_retry_s=300, wrap_up_s=15, supervisor_s=45),
)
GRACE = 1
BOUND = timedelta(seconds=60 + GRACE)
"""The longest of the limits on an answer, a retry and a supervisor, and what the clock must have passed it by."""
RESTED = timedelta(seconds=15 + GRACE)
CALLS, AGENTS, DESKS = ("1", "2", "3", "4"), ("ana", "eva", "leo", "boss"), ("sales", "back", "outsourced")
calls, people = st.sampled_from(CALLS), st.sampled_from(AGENTS)
Pair = tuple[str, str]


class Centre:
    """Two services that hear of each other's events in the order of one log, and a clock that fires what is due."""

    def __init__(self) -> None:
        self.now = START
        self.services: dict[str, tuple[Any, Any]] = {
            "routing": (routing, given(routing, PROTOCOL)),
            "sla": (sla, given(sla, PROTOCOL)),
        }
        self.last: dict[tuple[str, type[Data]], datetime] = {}
        self.asked: dict[str, datetime] = {}
        self.history: list[tuple[str, str, Data, datetime]] = []

    @property
    def world(self) -> Any:
        """What routing knows."""
        return self.services["routing"][1]

    def take(self, service: str, kind: Any, id: str, body: Data, at: datetime | None = None) -> None:
        """An input of one service, and all that follows from it; what is refused changes nothing."""
        domain, world = self.services[service]
        try:
            decision: Decision = domain.decide(world, Input(kind, id, body, at or self.now))
        except Refused:
            return
        log = deque(self.record(service, decision, at or self.now))
        while log:
            source, about, event, when = log.popleft()
            for name, (other, known) in self.services.items():
                if name != source and type(event) in other.HEEDS:
                    follows = other.decide(known, Input("event", about, event, when, source))
                    log.extend(self.record(name, follows, when))

    def record(self, service: str, decision: Decision, at: datetime) -> list[tuple[str, str, Data, datetime]]:
        domain, world = self.services[service]
        for id, event in decision:
            world.evolve(domain.evolve, id, event, at)
            self.last[id, type(event)] = at
            match event:  # to be asked is not to idle, and ends with an answer or with none
                case (
                    e.OfferMade(to=str() as agent)
                    | e.SupervisorCalled(to=str() as agent)
                    | e.OfferExpired(to=agent)
                    | e.OfferDeclined(by=agent)
                ):
                    self.asked[id] = self.asked[agent] = self.now
        recorded = [(service, id, event, at) for id, event in decision]
        self.history += recorded
        return recorded

    def heard(self, id: str, body: Data) -> None:
        """An event of intake, which both hear."""
        for service, (domain, _) in self.services.items():
            if type(body) in domain.HEEDS:
                self.take(service, "event", id, body)

    def advance(self, seconds: float) -> None:
        """Time passes, and what becomes due happens in its order."""
        until = self.now + timedelta(seconds=seconds)
        world = self.services["sla"][1]
        while (timer := sla.next_timer(world)) and timer[0] <= until:
            self.now = max(self.now, timer[0])
            self.take("sla", "timer", timer[1].id, timer[1].body, timer[1].at)
        self.now = until


class NothingIsStuck(RuleBasedStateMachine):
    """Agents come, work and go, calls need owners and supervisors, offers are taken, declined or not heard."""

    def __init__(self) -> None:
        super().__init__()
        self.centre = Centre()
        self.pairs: dict[Pair, datetime] = {}

    @rule(
        agent=people,
        desks=st.sets(st.sampled_from(DESKS), min_size=1).map(lambda some: tuple(sorted(some))),
        skilled=st.booleans(),
        languages=st.sampled_from(((), ("es",), ("es", "pt"))),
        tier=st.integers(1, 3),
        capacity=st.sampled_from((None, None, 1)),
    )
    def sign_in(self, agent: str, desks: tuple[str, ...], skilled: bool, **more: Any) -> None:
        fact = f.AgentSignedIn(
            name=agent,
            role="supervisor" if agent == "boss" else "agent",
            desks=desks,
            skills=("boilers",) if skilled else (),
            **more,
        )
        self.centre.take("routing", "fact", f"agent:{agent}", fact)
        self.centre.take("routing", "fact", f"agent:{agent}", f.AgentAvailable())

    @rule(
        agent=people,
        fact=st.sampled_from(
            (
                f.AgentAvailable(),
                f.AgentAvailable(),
                f.AgentBusy(),
                f.AgentWrapping(),
                f.AgentUnavailable(reason="lunch"),
                f.AgentSignedOut(),
            )
        ),
    )
    def change(self, agent: str, fact: Data) -> None:
        self.centre.take("routing", "fact", f"agent:{agent}", fact)

    @rule(
        call=calls,
        category=st.sampled_from(("sales", "invoice")),
        product=st.sampled_from((None, "boiler")),
        language=st.sampled_from((None, "es", "pt", "en")),
    )
    def need(self, call: str, **more: Any) -> None:
        self.centre.heard(call, e.NeedEstablished(protocol=1, **more))

    @rule(call=calls, agent=people)
    def answer(self, call: str, agent: str) -> None:
        self.centre.heard(call, f.CallAnswered(agent=agent))

    @rule(call=calls)
    def end(self, call: str) -> None:
        self.centre.heard(call, f.CallEnded())

    @rule(call=calls, to=people)
    def transfer(self, call: str, to: str) -> None:
        self.centre.heard(call, f.CallTransferred(to=to, mode="consult", agent=to))

    @rule(call=calls, outcome=st.sampled_from(("accepted", "declined", "no_answer")))
    def attempt(self, call: str, outcome: Any) -> None:
        it = self.centre.world.aggregates.get(call)
        if it and it.offered_to:
            self.centre.heard(call, f.AssignmentAttempted(by=it.offered_to, outcome=outcome))

    @rule(call=calls, outcome=st.sampled_from(("reached", "no_answer")))
    def contact(self, call: str, outcome: Any) -> None:
        it = self.centre.world.aggregates.get(call)
        if it and it.owner:
            self.centre.heard(call, f.ContactMade(owner=it.owner, channel="phone", outcome=outcome))

    @rule(call=calls, to=people)
    def command(self, call: str, to: str) -> None:
        self.centre.take("routing", "command", call, c.AssignCall(call=call, owner=to, by="boss"))

    @rule(call=calls, to=people)
    def offer(self, call: str, to: str) -> None:
        self.centre.take("routing", "command", call, c.OfferCall(call=call, to=to, by="boss"))

    @rule(call=calls)
    def escalate(self, call: str) -> None:
        self.centre.advance(0.001)  # never in the same instant as an escalation of this call ended
        self.centre.heard(call, e.SupervisorNeeded(rule="R46", protocol=1))

    @rule(call=calls)
    def join(self, call: str) -> None:
        self.centre.heard(call, f.SupervisorJoined(supervisor="boss"))

    @rule(seconds=st.sampled_from((0.5, 5, 14, 15, 16, 20, 21, 44, 60, 61, 62, 300)))
    def wait(self, seconds: float) -> None:
        self.centre.advance(seconds)

    def assignments(self) -> dict[str, Any]:
        known = self.centre.world.aggregates
        return {call: known[call] for call in CALLS if call in known}

    def free(self) -> dict[str, Any]:
        """Who could be asked: available, on no call, rested, asked and called nowhere, and able to own one more."""
        calls = self.assignments().values()
        taken = {it.offered_to for it in calls} | {it.summoned for it in calls}
        owned = [it.owner for it in calls if it.state == "assigned"]
        agents = {name: self.centre.world.aggregates.get(f"agent:{name}") for name in AGENTS}
        return {
            name: it
            for name, it in agents.items()
            if it
            and it.state == "available"
            and not it.calls
            and not (it.rests_until and self.centre.now < it.rests_until)
            and name not in taken
            and (it.capacity is None or owned.count(name) < it.capacity)
        }

    def can_take(self, agent: Any, call: Any) -> bool:
        """A supervisor any; others by desk, skill, tier and, as long as somebody at work could, language."""
        at_work = [it for name in AGENTS if (it := self.centre.world.aggregates.get(f"agent:{name}"))]

        def fits(it: Any) -> bool:
            able = it.tier >= call.tier and (call.skill is None or call.skill in it.skills)
            return able and bool({call.desk, *call.fallback} & set(it.desks))

        speaks = any(
            fits(it) and call.language in it.languages and it.state != "signed_out" and it.reason is None
            for it in at_work
        )
        spoken = not speaks or call.language in agent.languages
        return agent.role == "supervisor" or (fits(agent) and spoken)

    @invariant()
    def no_call_waits_for_long(self) -> None:
        """Within the bound every call without an owner is offered again, and every escalation called for again."""
        for id, call in self.assignments().items():
            if call.state in ("unassigned", "offered"):
                assert self.centre.now - self.centre.last[id, e.OfferMade] <= BOUND
            if call.escalated:
                assert self.centre.now - self.centre.last[id, e.SupervisorCalled] <= BOUND

    @invariant()
    def no_agent_idles_for_long(self) -> None:
        """Nobody is free for longer than the bound beside a call that they can take and nobody is asked about."""
        free, waiting = self.free(), self.assignments().items()
        pairs = {
            (name, id)
            for name, agent in free.items()
            for id, call in waiting
            if (call.state == "unassigned" and self.can_take(agent, call))
            or (call.escalated and not call.summoned and agent.role == "supervisor")
        }
        now, asked = self.centre.now, self.centre.asked
        self.pairs = {pair: self.pairs.get(pair, now) for pair in pairs}
        for pair, since in self.pairs.items():  # between two looks they may have been asked in vain
            self.pairs[pair] = max(since, *(asked.get(each, since) for each in pair))
        assert all(self.centre.now - since <= BOUND for since in self.pairs.values()), self.pairs

    @invariant()
    def nobody_rests_for_long(self) -> None:
        """Wrap-up ends."""
        for name in AGENTS:
            agent = self.centre.world.aggregates.get(f"agent:{name}")
            if agent and agent.rests_until and agent.state != "signed_out":
                assert self.centre.now - agent.rests_until <= timedelta(seconds=GRACE)

    def teardown(self) -> None:
        """With one who can do everything, and takes what they are offered, every call has an owner in the end."""
        self.sign_in("eva", DESKS, True, languages=("es", "pt", "en"), tier=9, capacity=None)
        for call in CALLS:
            self.centre.heard(call, f.CallEnded())
        for _ in range(3 * len(CALLS)):
            for id, call in self.assignments().items():
                if call.offered_to:
                    by = f.AssignmentAttempted(by=call.offered_to, outcome="accepted")
                    self.centre.heard(id, by)
                if call.state == "assigned":
                    reached = f.ContactMade(owner=call.owner, channel="phone", outcome="reached")
                    self.centre.heard(id, reached)
            self.centre.advance(BOUND.total_seconds())
        assert all(call.state not in ("unassigned", "offered") for call in self.assignments().values())
        assert not any(call.escalated for call in self.assignments().values())
        again = given(routing, PROTOCOL)
        for service, id, event, at in self.centre.history:
            if service == "routing":
                again.evolve(routing.evolve, id, event, at)
        assert again.aggregates == self.centre.world.aggregates
        assert again.index == self.centre.world.index


TestNothingIsStuck = NothingIsStuck.TestCase
TestNothingIsStuck.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
