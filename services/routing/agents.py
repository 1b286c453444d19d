"""Agents: who comes and goes, who is on a call, who rests, and who may be disturbed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeAlias

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from services.routing import access, escalations, offers, owners
from services.routing.aggregates import agent_id, bare
from services.routing.draft import Draft
from services.routing.policy import keeps_agents_free

AgentFact: TypeAlias = (
    f.AgentAvailable | f.AgentBusy | f.AgentWrapping | f.AgentUnavailable | f.AgentSignedOut
)


def on_signed_in(draft: Draft, id: str, fact: f.AgentSignedIn) -> None:
    """Somebody begins to work, or moves to other desks."""
    draft.add(id, fact)
    deliver(draft, bare(id))
    access.on_signed_in(draft, bare(id))


def on_agent(draft: Draft, id: str, fact: AgentFact) -> None:
    """Who leaves is asked no longer, owns nothing that is not done, and is not waited for as a supervisor. R13, R46."""
    agent = bare(id)
    if draft.agent(agent) is None:
        raise Refused(
            "agent-unknown", "the agent has not signed in", expected="agent.signed_in first", early=True
        )
    draft.add(id, fact)
    deliver(draft, agent)
    if isinstance(fact, f.AgentUnavailable | f.AgentSignedOut):
        escalations.leave(draft, agent)
        offers.leave(draft, agent)
        owners.leave(draft, agent)


def on_learnt(draft: Draft, id: str, fact: Data) -> None:
    """R23: trainings, proposals and doubts are recorded."""
    draft.add(id, fact)


def on_rested(draft: Draft, id: str, event: e.DeadlineWarned) -> None:
    """R24: wrap-up is over."""
    agent = draft.agent(bare(id))
    if agent and agent.rests_until and agent.rests_until <= event.due:
        draft.add(id, e.AgentRested())
        deliver(draft, bare(id))


def engage(draft: Draft, agent: str | None, call: str) -> None:
    """R16: the agent is on this call, and is not waited for elsewhere."""
    if agent is None or not keeps_agents_free(draft.protocol(call)):
        return
    known = draft.agent(agent)
    if known and call not in known.calls:
        draft.add(agent_id(agent), e.AgentEngaged(call=call))
        elsewhere = draft.index.called_to(agent)
        if elsewhere and elsewhere != call:
            escalations.leave(draft, agent)


def release(draft: Draft, call: str, keep: str | None = None, over: datetime | None = None) -> None:
    """R24: the call is over for all who were on it but one; the last call of somebody is followed by wrap-up.

    `over` is since when, if not from now on.
    """
    for name in list(draft.index.ids("on_call", call)):
        agent = draft.agent(name)
        if agent is None or name == keep:
            continue
        protocol = draft.protocol(call)
        seconds = protocol.limits.wrap_up_s if agent.calls == (call,) else None
        released = e.AgentReleased(
            call=call,
            wrap_up=seconds is not None,
            until=(over or draft.at) + timedelta(seconds=seconds) if seconds else None,
            protocol=protocol.version,
        )
        draft.add(agent_id(name), released)
        deliver(draft, name)


def on_resumed(draft: Draft, id: str, fact: f.CallResumed) -> None:
    """R16: whoever resumes has the call, and not who held it."""
    if fact.agent and fact.agent not in draft.index.ids("on_call", id):
        release(draft, id)
        engage(draft, fact.agent, id)


def on_transferred(draft: Draft, id: str, fact: f.CallTransferred) -> None:
    """R16: the call is with whom it was put through to."""
    release(draft, id, keep=fact.agent)
    engage(draft, fact.agent, id)


def on_joined(draft: Draft, id: str, fact: f.SupervisorJoined) -> None:
    """R16: the supervisor is on the call too, or in the agent's place."""
    if fact.mode == "takeover":
        release(draft, id, keep=fact.supervisor)
    engage(draft, fact.supervisor, id)


def on_corrected(draft: Draft, id: str, event: e.CallCorrected) -> None:
    """R16, R24: who is on the call, or was until it was over, after a fact that came late."""
    over = event.state in ("ended", "abandoned")
    if over or event.agent:
        release(draft, id, keep=None if over else event.agent, over=event.over)
    if not over:
        engage(draft, event.agent, id)


def consult(draft: Draft, id: str, command: c.ConsultAgent) -> None:
    """R16: who is on a call, held or not, or in wrap-up is "busy", and the question waits."""
    agent = draft.agent(command.agent)
    if agent is None:
        raise Refused("agent-unknown", "the agent has not signed in", field="agent")
    kind = e.ConsultDeferred if agent.occupied(draft.at) else e.ConsultDelivered
    draft.add(id, kind(by=command.by, question=command.question))


def deliver(draft: Draft, name: str) -> None:
    """R16: the questions that waited reach whoever can be disturbed again."""
    agent = draft.agent(name)
    if agent and not agent.occupied(draft.at):
        for by, question in agent.questions:
            draft.add(agent_id(name), e.ConsultDelivered(by=by, question=question))
