"""Routing: who is at work, who is asked to take a call, and who owns it."""

from __future__ import annotations

from dataclasses import replace
from heapq import merge
from typing import TypeAlias

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.deciding import Decision, Input
from contracts.protocol import Row
from contracts.registry import aggregate_of, name_of, valid_id
from services.routing.policy import next_of, priority_of, retry_name, row_for
from services.routing.state import (
    Agent,
    Aggregate,
    Assignment,
    Index,
    Routing,
    agents,
    assignments,
    bare,
    closed,
    evolve,
)

__all__ = [
    "HEEDS",
    "Agent",
    "Aggregate",
    "Assignment",
    "Index",
    "agents",
    "assignments",
    "call_of",
    "closed",
    "decide",
    "evolve",
]

HEEDS = (
    e.NeedEstablished,
    e.CallerClassified,
    e.DeadlineBreached,
    f.CallerAskedFor,
    f.CallTransferred,
    f.AssignmentAttempted,
    f.ContactMade,
)
"""The events of other services that something follows from here."""
AgentFact: TypeAlias = f.AgentAvailable | f.AgentBusy | f.AgentUnavailable | f.AgentSignedOut


def call_of(command: Data) -> str:
    """The call that a command is about; Refused where that can be none."""
    assert isinstance(command, c.AssignCall | c.InstructCall | c.CloseCall)
    if not valid_id(command.call):
        raise Refused("assignment-unknown", "that can be no call's id", field="call")
    return command.call


def decide(world: Routing, input: Input) -> Decision:
    """What follows from an agent's fact, an event of intake or sla, or a command; Refused if it may not."""
    body = input.body
    match body:
        case f.AgentSignedIn():
            return on_signed_in(world, input.id, body)
        case f.AgentAvailable() | f.AgentBusy() | f.AgentUnavailable() | f.AgentSignedOut():
            return on_agent(world, input.id, body)
    call = _call(world, input.id)
    match body:
        case e.NeedEstablished():
            events = on_need_established(world, call, body)
        case e.CallerClassified() if call.state is None:
            events = _rescreened(call, row_for(world.protocol, body.kind, None))
        case f.CallerAskedFor() if world.protocol.routing and body.person != call.person:
            events = [e.TransferScreened(person=body.person, direct=call.direct)]
        case f.CallTransferred(mode="blind") if call.person and not call.direct:
            events = _violated(call, "R09", input, f"blind transfer for a caller who asked for {call.person}")
        case f.AssignmentAttempted():
            events = on_assignment_attempted(world, call, body)
        case e.DeadlineBreached():
            events = on_deadline_breached(world, call, body)
        case f.ContactMade(outcome="reached"):
            events = on_contact_made(call, body, input)
        case c.AssignCall() | c.InstructCall() | c.CloseCall():
            return [(input.id, on_command(call, body))]
        case _:
            events = []
    return [*((input.id, event) for event in events), *_freed(world, input.id, call, events)]


def on_signed_in(world: Routing, id: str, fact: f.AgentSignedIn) -> Decision:
    """Whoever is available already and moves to other desks is asked about the first call waiting there."""
    agent = world.aggregates.get(id)
    available = isinstance(agent, Agent) and agent.state == "available"
    return [(id, fact), *(_first_waiting(world, id, fact.desks) if available else [])]


def on_agent(world: Routing, id: str, fact: AgentFact) -> Decision:
    """R16: whoever becomes free is asked about the first call waiting; whoever leaves is asked no longer."""
    agent = world.aggregates.get(id)
    if not isinstance(agent, Agent) or agent.state == "signed_out":
        raise Refused("agent-unknown", "the agent has not signed in", expected="agent.signed_in first")
    events: Decision = [(id, fact)]
    if isinstance(fact, f.AgentAvailable):
        events += _first_waiting(world, id, agent.desks)
    elif not isinstance(fact, f.AgentBusy) and (asked := world.index.asked_about(bare(id))):
        events.append((asked, _offer(world, _call(world, asked), renew=False)))
    return events


def on_need_established(world: Routing, call: Assignment, need: e.NeedEstablished) -> list[Data]:
    """R10: the table says which desk must find an owner; R05: found anew only if the table says otherwise."""
    row = row_for(world.protocol, need.kind, need.category)
    if row is None or call.state in ("contacted", "closed"):
        return []
    events = _rescreened(call, row)
    priority = priority_of(world.protocol, row, need.special_treatment)
    # an owner at the right desk keeps the call, however urgent it has become
    settled = row.desk == call.desk and (priority == call.priority or call.state == "assigned")
    if not row.owner_needed or (call.state and settled):
        return events
    unassigned = e.CallUnassigned(
        desk=row.desk,
        priority=priority,
        kind=need.kind,
        agent=need.agent,
        direct=row.direct_transfer,
        protocol=need.protocol,
    )
    if row.desk == call.desk and call.offered_to:
        offer = e.OfferMade(to=call.offered_to, desk=row.desk, attempt=call.attempt + 1)
    else:
        offer = _offer(world, replace(call, desk=row.desk, tried=()), renew=True)
    return [*events, unassigned, offer]


def on_assignment_attempted(world: Routing, call: Assignment, attempt: f.AssignmentAttempted) -> list[Data]:
    """R11: go on until a colleague takes the call or says what to do, which whoever answered it then does."""
    if call.state not in ("unassigned", "offered"):
        return []
    match attempt.outcome:
        case "accepted":
            return [e.CallAssigned(owner=attempt.by, by=attempt.by, instruction=attempt.instruction)]
        case "instructed":
            owner = call.answered_by or attempt.by
            return [e.CallAssigned(owner=owner, by=attempt.by, instruction=attempt.instruction)]
    if attempt.by != call.offered_to and attempt.by in call.tried:
        return []
    declined = e.OfferDeclined(by=attempt.by, outcome=attempt.outcome)
    if call.offered_to not in (None, attempt.by):
        return [declined]
    return [declined, _offer(world, replace(call, tried=(*call.tried, attempt.by)), renew=False)]


def on_deadline_breached(world: Routing, call: Assignment, breach: e.DeadlineBreached) -> list[Data]:
    """R11: no answer in time: the next colleague, and when all were asked, the first again."""
    if call.state not in ("unassigned", "offered") or breach.deadline != retry_name(call.attempt):
        return []
    return [_offer(world, call, renew=True)]


def on_contact_made(call: Assignment, contact: f.ContactMade, input: Input) -> list[Data]:
    """R13: the owner reaches the client; if somebody else did, the owner still has to."""
    if call.state not in ("unassigned", "offered", "assigned"):
        return []
    if contact.owner == call.owner:
        return [e.CallContacted(owner=contact.owner, channel=contact.channel)]
    return _violated(call, "R13", input, f"contact by {contact.owner}, the owner is {call.owner or 'nobody'}")


def on_command(call: Assignment, command: c.AssignCall | c.InstructCall | c.CloseCall) -> Data:
    """R12: give the call an owner; R11: say what to do; R13: close it once the client was reached.

    A command has one event: a colleague who is asked no longer is not asked about another call, which waits
    for its retry.
    """
    if call.state is None:
        raise Refused("assignment-unknown", "no owner is needed for this call", field="call")
    if call.state == "closed":
        raise Refused("assignment-closed", "the call is closed", field="call")
    if isinstance(command, c.CloseCall):
        if call.state != "contacted":
            raise Refused("R13", "the client has not been reached by the owner", expected="call.contacted")
        return e.CallClosed(by=command.by)
    if call.state == "contacted":
        raise Refused("assignment-contacted", "the owner has reached the client already", field="call")
    if isinstance(command, c.AssignCall):
        if command.owner == call.owner:
            raise Refused("assignment-same", f"{command.owner} owns the call already", field="owner")
        return e.CallAssigned(owner=command.owner, by=command.by)
    if command.instruction == call.instruction:
        raise Refused("assignment-same", "that is the instruction already", field="instruction")
    owner = call.owner or call.answered_by or command.by
    return e.CallAssigned(owner=owner, by=command.by, instruction=command.instruction)


def _call(world: Routing, id: str) -> Assignment:
    call = world.aggregates.get(id)
    return call if isinstance(call, Assignment) else Assignment()


def _offer(world: Routing, call: Assignment, *, renew: bool) -> e.OfferMade:
    """To the next available agent of the desk; nobody is asked about two calls at once."""
    offers = world.index.offers
    free = [
        agent
        for _, agent in world.index.available.get(call.desk, [])
        if agent not in offers or agent == call.offered_to
    ]
    to = next_of(free, call.tried, call.offered_to, renew=renew)
    return e.OfferMade(to=to, desk=call.desk, attempt=call.attempt + 1)


def _freed(world: Routing, id: str, call: Assignment, events: list[Data]) -> Decision:
    """Who is asked about this call no longer, and did not take it, is asked about the first that waits."""
    match events[-1:]:
        case [e.OfferMade(to=to) | e.CallAssigned(owner=to)] if call.offered_to and call.offered_to != to:
            key = aggregate_of("agent", call.offered_to)
            agent = world.aggregates.get(key)
            if isinstance(agent, Agent) and agent.state == "available":
                return _first_waiting(world, key, agent.desks, left=id)
    return []


def _first_waiting(world: Routing, id: str, desks: tuple[str, ...], left: str | None = None) -> Decision:
    """The most urgent call waiting at the desks; those that the agent was asked about already come last.

    Who has just `left` a call is not asked about those again: they wait for their retry.
    """
    agent = bare(id)
    if world.index.asked_about(agent) not in (None, left):
        return []
    asked_about: str | None = None
    for _, _, call in merge(*(world.index.waiting.get(desk, []) for desk in desks)):
        if agent not in _call(world, call).tried:
            asked_about = call
            break
        if left is None:
            asked_about = asked_about or call
    if asked_about is None:
        return []
    waiting = _call(world, asked_about)
    return [(asked_about, e.OfferMade(to=agent, desk=waiting.desk, attempt=waiting.attempt + 1))]


def _rescreened(call: Assignment, row: Row | None) -> list[Data]:
    """R09: the person asked for, again, if the row that has become known says otherwise."""
    direct = row is not None and row.direct_transfer
    if call.person is None or direct == call.direct:
        return []
    return [e.TransferScreened(person=call.person, direct=direct)]


def _violated(call: Assignment, rule: str, input: Input, detail: str) -> list[Data]:
    if (rule, input.at) in call.violations:
        return []
    return [e.RuleViolated(rule=rule, fact=name_of(input.body), by=input.actor or None, detail=detail)]
