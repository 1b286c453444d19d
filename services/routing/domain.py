"""Routing: who is at work, who is asked to take a call, and who owns it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.deciding import Decision, Input
from contracts.registry import aggregate_of, call_of, valid_id
from services.routing import access, agents, escalations, needs, offers, owners, policy, queues, shares
from services.routing.aggregates import Agent, Aggregate, Assignment, Queue, Shares
from services.routing.draft import Draft
from services.routing.index import Index
from services.routing.state import Routing, closed, evolve

__all__ = [
    "HEEDS",
    "Agent",
    "Aggregate",
    "Assignment",
    "Index",
    "Queue",
    "Shares",
    "closed",
    "decide",
    "evolve",
    "subject_of",
]


def on_answered(draft: Draft, id: str, fact: f.CallAnswered) -> None:
    """The call waits no more, and its agent is on it."""
    queues.leave(draft, id)
    agents.engage(draft, fact.agent, id)


def on_dequeued(draft: Draft, id: str, fact: f.CallDequeued) -> None:
    """The call waits no more."""
    queues.leave(draft, id)


def on_over(draft: Draft, id: str, fact: f.CallAbandoned | f.CallEnded) -> None:
    """Nobody is on the line any more: who was is free or rests, and no supervisor need come."""
    queues.leave(draft, id)
    agents.release(draft, id)
    escalations.end(draft, id)


def on_corrected(draft: Draft, id: str, event: e.CallCorrected) -> None:
    """A fact has come late: what followed from it stands only as far as nothing later says otherwise."""
    if event.state != "offered":
        queues.leave(draft, id)
    agents.on_corrected(draft, id, event)
    if event.over:
        escalations.end(draft, id)


def on_transferred(draft: Draft, id: str, fact: f.CallTransferred) -> None:
    """Whether it might be put through, and who has it now."""
    needs.on_transferred(draft, id, fact)
    agents.on_transferred(draft, id, fact)


def on_supervisor_joined(draft: Draft, id: str, fact: f.SupervisorJoined) -> None:
    """The escalation is over, and the supervisor on the call."""
    escalations.on_joined(draft, id, fact)
    agents.on_joined(draft, id, fact)


def on_breached(draft: Draft, id: str, breach: e.DeadlineBreached) -> None:
    """Nobody was heard in time."""
    if policy.is_named(breach.deadline, policy.SUPERVISOR):
        escalations.on_breached(draft, id)
    else:
        owners.on_breached(draft, id, breach)


def on_warned(draft: Draft, id: str, event: e.DeadlineWarned) -> None:
    """A time has passed that breaks nothing."""
    if policy.is_named(event.deadline, policy.WRAP_UP):
        agents.on_rested(draft, id, event)


FACTS: dict[type[Data], Callable[[Draft, str, Any], None]] = {
    f.AgentSignedIn: agents.on_signed_in,
    f.AgentAvailable: agents.on_agent,
    f.AgentBusy: agents.on_agent,
    f.AgentWrapping: agents.on_agent,
    f.AgentUnavailable: agents.on_agent,
    f.AgentSignedOut: agents.on_agent,
    f.TrainingCompleted: agents.on_learnt,
    f.ProposalMade: agents.on_learnt,
    f.DoubtRaised: agents.on_learnt,
}
REACTIONS: dict[type[Data], Callable[[Draft, str, Any], None]] = {
    e.NeedEstablished: needs.on_established,
    e.CallerClassified: needs.on_classified,
    e.RequestPrioritised: needs.on_prioritised,
    f.CallerAskedFor: needs.on_asked_for,
    f.CallTransferred: on_transferred,
    f.CallQueued: queues.on_queued,
    f.CallDequeued: on_dequeued,
    f.CallAnswered: on_answered,
    f.CallResumed: agents.on_resumed,
    f.CallAbandoned: on_over,
    f.CallEnded: on_over,
    e.CallCorrected: on_corrected,
    f.AssignmentAttempted: owners.on_attempted,
    f.ContactMade: owners.on_contact_made,
    e.CallbackPromised: owners.on_callback_promised,
    e.SupervisorNeeded: escalations.on_needed,
    f.SupervisorJoined: on_supervisor_joined,
    e.AccessRequested: access.on_requested,
    e.AccessSent: access.on_sent,
    e.DeadlineBreached: on_breached,
    e.DeadlineWarned: on_warned,
}
COMMANDS: dict[type[Data], Callable[[Draft, str, Any], None]] = {
    c.AssignCall: owners.assign,
    c.InstructCall: owners.instruct,
    c.CloseCall: owners.close,
    c.OfferCall: offers.offer,
    c.TransferCall: needs.transfer,
    c.ConsultAgent: agents.consult,
    c.ChangeShares: shares.change,
}
HEEDS = tuple(REACTIONS)
"""The events of other services that something follows from here."""


def subject_of(command: Data) -> str:
    """The aggregate that a command is about; Refused where a call that it names can be none."""
    match command:
        case c.ConsultAgent():
            return aggregate_of("agent", command.agent)
        case c.ChangeShares():
            return policy.named("shares", command.desk)
    call = str(getattr(command, "call", ""))
    if not valid_id(call):
        raise Refused("assignment-unknown", "that can be no call's id", field="call")
    return call


def decide(world: Routing, input: Input) -> Decision:
    """What follows from an agent's fact, an event of another service, or a command; Refused if it may not.

    A command leads to one event; after all else whoever has become free is asked about what waits.
    """
    kind = type(input.body)
    id = call_of(input.id)
    with Draft(world, input) as draft:
        if kind in COMMANDS:
            COMMANDS[kind](draft, id, input.body)
        elif react := FACTS.get(kind) or REACTIONS.get(kind):
            react(draft, id, input.body)
            offers.settle(draft)
        return draft.events
