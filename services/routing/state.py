"""What routing knows: agents and assignments, how they change, and what they are found by."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, TypeVar

from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from contracts.commands import AgentsQuery, AssignmentsQuery
from contracts.deciding import World
from contracts.registry import aggregate_of

Key = TypeVar("Key", str, tuple[datetime, str], tuple[int, datetime, str])
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody at work; `since` is when the present state began."""

    since: datetime
    name: str = ""
    role: str = "agent"
    desks: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    tier: int = 1
    state: Literal["available", "busy", "unavailable", "signed_out"] = "unavailable"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """A call on its way to an owner; without a state it needs none as far as is known.

    `tried` were asked in this round; `person` was asked for by the caller, and `direct` says whether the call
    may go to them directly; `violations` are the rules broken, and when.
    """

    state: Literal["unassigned", "offered", "assigned", "contacted", "closed"] | None = None
    desk: str = ""
    priority: int = 9
    kind: str | None = None
    since: datetime = _NEVER
    attempt: int = 0
    offered_to: str | None = None
    tried: tuple[str, ...] = ()
    owner: str | None = None
    answered_by: str | None = None
    instruction: str | None = None
    person: str | None = None
    direct: bool = False
    violations: tuple[tuple[str, datetime], ...] = ()


Aggregate: TypeAlias = Agent | Assignment
_AGENT = aggregate_of("agent", "")


def bare(id: str) -> str:
    """An agent as offers and owners name them: the aggregate's id without its kind."""
    return id.removeprefix(_AGENT)


@dataclass(slots=True)
class Index:
    """What is found without its id.

    By desk, the agents available, longest idle first, and the calls that nobody is asked about, most urgent
    first; in `offers`, the call that an agent is asked about (two only while a closed call is read back).
    """

    available: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)
    waiting: dict[str, list[tuple[int, datetime, str]]] = field(default_factory=dict)
    offers: dict[str, list[str]] = field(default_factory=dict)

    def note(self, id: str, before: Aggregate | None, after: Aggregate) -> None:
        """Take out what the aggregate was, put in what it is."""
        match before:
            case Agent(state="available"):
                for desk in before.desks:
                    _take_out(self.available, desk, (before.since, bare(id)))
            case Assignment(state="unassigned"):
                _take_out(self.waiting, before.desk, (before.priority, before.since, id))
            case Assignment(offered_to=str() as agent):
                _take_out(self.offers, agent, id)
        match after:
            case Agent(state="available"):
                for desk in after.desks:
                    _put_in(self.available, desk, (after.since, bare(id)))
            case Assignment(state="unassigned"):
                _put_in(self.waiting, after.desk, (after.priority, after.since, id))
            case Assignment(offered_to=str() as agent):
                _put_in(self.offers, agent, id)

    def asked_about(self, agent: str) -> str | None:
        """The call that the agent is asked about."""
        return next(iter(self.offers.get(agent, ())), None)


def _put_in(table: dict[str, list[Key]], under: str, key: Key) -> None:
    ordered = table.setdefault(under, [])
    place = bisect_left(ordered, key)
    if ordered[place : place + 1] != [key]:
        ordered.insert(place, key)


def _take_out(table: dict[str, list[Key]], under: str, key: Key) -> None:
    ordered = table.get(under, [])
    place = bisect_left(ordered, key)
    if ordered[place : place + 1] == [key]:
        del ordered[place]
        if not ordered:
            del table[under]


Routing: TypeAlias = World[Aggregate, Index]


def evolve(aggregate: Aggregate | None, event: Data, at: datetime) -> Aggregate:
    """The aggregate after one of routing's own events."""
    if isinstance(event, f.AgentSignedIn) or isinstance(aggregate, Agent):
        return _agent(aggregate if isinstance(aggregate, Agent) else Agent(at), event, at)
    call = aggregate or Assignment()
    match event:
        case e.CallUnassigned():
            return replace(
                call,
                state="unassigned",
                desk=event.desk,
                priority=event.priority,
                kind=event.kind,
                since=call.since if call.state else at,
                offered_to=None,
                tried=(),
                owner=None,
                answered_by=event.agent or call.answered_by,
                instruction=None,
                direct=event.direct,
            )
        case e.OfferMade(to=None):
            return replace(call, state="unassigned", attempt=event.attempt, offered_to=None)
        case e.OfferMade(to=str() as to):
            # whoever is asked a second time begins a new round
            tried = (to,) if to in call.tried else (*call.tried, to)
            return replace(call, state="offered", attempt=event.attempt, offered_to=to, tried=tried)
        case e.OfferDeclined():
            tried = call.tried if event.by in call.tried else (*call.tried, event.by)
            if event.by != call.offered_to:
                return replace(call, tried=tried)
            return replace(call, state="unassigned", offered_to=None, tried=tried)
        case e.CallAssigned():
            stands = event.instruction or call.instruction
            return replace(call, state="assigned", offered_to=None, owner=event.owner, instruction=stands)
        case e.CallContacted():
            return replace(call, state="contacted")
        case e.CallClosed():
            return replace(call, state="closed")
        case e.TransferScreened():
            return replace(call, person=event.person, direct=event.direct)
        case e.RuleViolated():
            return replace(call, violations=(*call.violations, (event.rule, at)))
    return call


def _agent(agent: Agent, event: Data, at: datetime) -> Agent:
    match event:
        case f.AgentSignedIn():
            if agent.state == "signed_out":
                agent = Agent(at)
            return replace(
                agent,
                name=event.name,
                role=event.role,
                desks=event.desks,
                skills=event.skills,
                languages=event.languages,
                tier=event.tier,
            )
        case f.AgentAvailable() if agent.state != "available":
            return replace(agent, state="available", reason=None, since=at)
        case f.AgentBusy():
            return replace(agent, state="busy", reason=None, since=at)
        case f.AgentUnavailable():
            return replace(agent, state="unavailable", reason=event.reason, since=at)
        case f.AgentSignedOut():
            return replace(agent, state="signed_out", reason=None, since=at)
    return agent


def closed(aggregate: Aggregate) -> bool:
    """Whether nothing is pending: the agent has gone, the call needs no owner or needs one no longer."""
    return aggregate.state in (None, "closed", "signed_out")


def assignments(world: Routing, query: AssignmentsQuery) -> dict[str, Any]:
    """The calls that need or have an owner, most urgent first; closed ones as long as they are in memory."""
    found = [
        (call.priority, call.since, key, call)
        for key, call in world.aggregates.items()
        if isinstance(call, Assignment)
        and call.state is not None
        and query.state in (None, call.state)
        and query.owner in (None, call.owner)
    ]
    return {
        "assignments": [
            {
                "call": key,
                "state": call.state,
                "desk": call.desk,
                "priority": call.priority,
                "kind": call.kind,
                "since": call.since.isoformat(),
                "attempt": call.attempt,
                "offered_to": call.offered_to,
                "owner": call.owner,
                "instruction": call.instruction,
            }
            for _, _, key, call in sorted(found, key=lambda each: each[:3])
        ]
    }


def agents(world: Routing, query: AgentsQuery) -> dict[str, Any]:
    """The agents who are signed in, by id, and the call each is being asked about."""
    at_work = {
        bare(key): agent
        for key, agent in world.aggregates.items()
        if isinstance(agent, Agent)
        and agent.state != "signed_out"
        and (query.desk is None or query.desk in agent.desks)
    }
    return {
        "agents": [
            {
                "agent": name,
                "name": agent.name,
                "role": agent.role,
                "desks": list(agent.desks),
                "skills": list(agent.skills),
                "languages": list(agent.languages),
                "tier": agent.tier,
                "state": agent.state,
                "reason": agent.reason,
                "since": agent.since.isoformat(),
                "asked_about": world.index.asked_about(name),
            }
            for name, agent in sorted(at_work.items(), key=lambda each: each[0])
        ]
    }
