"""What routing knows, and how it changes by routing's own events."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from contracts.deciding import World
from services.routing.aggregates import Agent, Aggregate, Assignment, Queue, Shares
from services.routing.index import Index

Routing: TypeAlias = World[Aggregate, Index]
AgentEvent: TypeAlias = (
    f.AgentSignedIn | f.AgentAvailable | f.AgentBusy | f.AgentWrapping | f.AgentUnavailable | f.AgentSignedOut
    | f.TrainingCompleted | f.ProposalMade | f.DoubtRaised | e.AgentEngaged | e.AgentReleased | e.AgentRested
    | e.ConsultDeferred | e.ConsultDelivered
)  # fmt: skip


def evolve(aggregate: Aggregate | None, event: Data, at: datetime) -> Aggregate:
    """The aggregate after one of routing's own events."""
    match event:
        case e.QueueJoined() | e.QueueLeft() | e.QueueAlerted():
            return _queue(aggregate if isinstance(aggregate, Queue) else Queue(), event, at)
        case e.SharesChanged() | e.ShareTaken():
            return _shares(aggregate if isinstance(aggregate, Shares) else Shares(), event, at)
    if isinstance(event, AgentEvent):
        return _agent(aggregate if isinstance(aggregate, Agent) else Agent(at), event, at)
    return _call(aggregate if isinstance(aggregate, Assignment) else Assignment(), event, at)


def _call(call: Assignment, event: Data, at: datetime) -> Assignment:
    match event:
        case e.CallUnassigned():
            return _unassigned(call, event, at)
        case e.CallPrioritised():
            return call._replace(priority=event.priority)
        case e.OfferMade(to=None):
            return call._replace(state="unassigned", attempt=event.attempt, offered_to=None)
        case e.OfferMade(to=str() as to):
            # whoever is asked a second time begins a new round
            tried = (to,) if to in call.tried else (*call.tried, to)
            return call._replace(state="offered", attempt=event.attempt, offered_to=to, tried=tried)
        case e.OfferDeclined(by=by) | e.OfferExpired(to=by):
            tried = call.tried if by in call.tried else (*call.tried, by)
            if by != call.offered_to:
                return call._replace(tried=tried)
            return call._replace(state="unassigned", offered_to=None, tried=tried)
        case e.CallAssigned():
            stands = event.instruction or call.instruction
            silent = call.silent or event.owner != call.owner
            return call._replace(
                state="assigned",
                offered_to=None,
                owner=event.owner,
                silent=silent,
                instruction=stands,
            )
        case e.ContactFailed():
            return call._replace(failures=event.attempt, silent=False)
        case e.CallContacted():
            return call._replace(state="contacted")
        case e.CallClosed():
            return call._replace(state="closed")
        case e.TransferScreened():
            return call._replace(person=event.person, direct=event.direct)
        case e.RuleViolated():
            return call._replace(violations=(*call.violations, (event.rule, at)))
        case e.SupervisorCalled():
            since = call.escalated or at
            follows = call.protocol or event.protocol
            return call._replace(escalated=since, summoned=event.to, summons=event.attempt, protocol=follows)
        case e.EscalationEnded():
            return call._replace(escalated=None, summoned=None)
        case e.AccessHandedOver():
            return call._replace(access=None if event.to else event.desk)
    return call


def _unassigned(call: Assignment, event: e.CallUnassigned, at: datetime) -> Assignment:
    stays = event.desk == call.desk
    return call._replace(
        state="unassigned",
        desk=event.desk,
        priority=event.priority,
        kind=event.kind,
        skill=event.skill,
        tier=event.tier,
        language=event.language,
        fallback=event.fallback,
        shared_from=event.shared_from,
        protocol=event.protocol,
        since=call.since if call.state else at,
        offered_to=None,
        # who had it, and gives it back, is asked last
        tried=(call.owner,) if stays and call.owner else (),
        owner=None,
        answered_by=event.agent or call.answered_by,
        instruction=call.instruction if stays else None,
        direct=event.direct,
    )


def _agent(agent: Agent, event: AgentEvent, at: datetime) -> Agent:
    match event:
        case f.AgentSignedIn():
            if agent.state == "signed_out":
                agent = Agent(at, state="unavailable", questions=agent.questions)
            return agent._replace(
                name=event.name,
                role=event.role,
                desks=event.desks,
                skills=event.skills,
                languages=event.languages,
                tier=event.tier,
                capacity=event.capacity,
            )
        case f.AgentAvailable() if agent.state != "available":
            return agent._replace(state="available", reason=None, since=at)
        case f.AgentBusy():
            return agent._replace(state="busy", reason=None, since=at)
        case f.AgentWrapping():
            return agent._replace(state="wrapping", reason=None, since=at)
        case f.AgentUnavailable():
            return agent._replace(state="unavailable", reason=event.reason, since=at)
        case f.AgentSignedOut():
            return agent._replace(state="signed_out", reason=None, since=at, calls=(), rests_until=None)
        case e.AgentEngaged():
            return agent._replace(calls=(*agent.calls, event.call), rests_until=None)
        case e.AgentReleased():
            calls = tuple(call for call in agent.calls if call != event.call)
            return agent._replace(calls=calls, rests_until=event.until, since=at)
        case e.AgentRested():
            state = "available" if agent.state == "wrapping" else agent.state
            return agent._replace(state=state, rests_until=None, since=at)
        case e.ConsultDeferred():
            return agent._replace(questions=(*agent.questions, (event.by, event.question)))
        case e.ConsultDelivered():
            return agent._replace(questions=_without(agent.questions, (event.by, event.question)))
    return agent


def _without(questions: tuple[tuple[str, str], ...], one: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    place = questions.index(one) if one in questions else len(questions)
    return questions[:place] + questions[place + 1 :]


def _queue(queue: Queue, event: e.QueueJoined | e.QueueLeft | e.QueueAlerted, at: datetime) -> Queue:
    match event:
        case e.QueueJoined():
            return queue._replace(name=event.queue, waiting=(*queue.waiting, (event.call, at)))
        case e.QueueLeft():
            waiting = tuple(it for it in queue.waiting if it[0] != event.call)
            alerted = queue.alerted if queue.alerted and len(waiting) >= queue.alerted else None
            return queue._replace(waiting=waiting, alerted=alerted)
    return queue._replace(alerted=event.waiting)


def _shares(shares: Shares, event: e.SharesChanged | e.ShareTaken, at: datetime) -> Shares:
    parts = tuple(sorted(event.shares.items()))
    if isinstance(event, e.SharesChanged):
        others = tuple(plan for plan in shares.plans if plan[0] != event.since)
        return shares._replace(desk=event.desk, plans=tuple(sorted((*others, (event.since, parts)))))
    made = shares.plan(at)
    plan = (made[0], parts) if made else (None, parts)
    counts = shares.taken_under(plan)
    counts[event.desk] = counts.get(event.desk, 0) + 1
    others_taken = tuple(it for it in shares.taken if it[0] != plan)
    return shares._replace(
        desk=event.shared_from, taken=(*others_taken, (plan, tuple(sorted(counts.items()))))
    )


def closed(aggregate: Aggregate) -> bool:
    """Whether nothing is pending: the agent has gone, the call needs no owner or needs one no longer."""
    match aggregate:
        case Agent():
            return aggregate.state == "signed_out"
        case Assignment():
            idle = aggregate.escalated is None and aggregate.access is None
            return idle and aggregate.state in (None, "closed")
    return False
