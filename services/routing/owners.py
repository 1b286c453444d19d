"""Owners: a call finds one, who reaches the client, or gives it back."""

from __future__ import annotations

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Refused
from services.routing.aggregates import Assignment
from services.routing.draft import Draft
from services.routing.needs import unassign
from services.routing.offers import ask_next
from services.routing.policy import CONTACT, OFFER, attempt_of, is_named


def on_attempted(draft: Draft, id: str, attempt: f.AssignmentAttempted) -> None:
    """R11: go on until a colleague takes the call or says what to do, which whoever answered it then does."""
    call = draft.call(id)
    if not call.open:
        return
    match attempt.outcome:
        case "accepted" | "instructed":
            answered_by = call.answered_by if attempt.outcome == "instructed" else None
            owner = answered_by or attempt.by
            draft.add(id, e.CallAssigned(owner=owner, by=attempt.by, instruction=attempt.instruction))
        case "declined" | "no_answer":
            if attempt.by != call.offered_to and attempt.by in call.tried:
                return
            draft.add(id, e.OfferDeclined(by=attempt.by, outcome=attempt.outcome))
            if call.offered_to in (None, attempt.by):
                ask_next(draft, id, renew=False)


def on_breached(draft: Draft, id: str, breach: e.DeadlineBreached) -> None:
    """R11: no answer in time: the next colleague, and when all were asked, the first again. R13: a silent owner."""
    call = draft.call(id)
    attempt = attempt_of(breach.deadline)
    if attempt and call.open and attempt[1] == call.attempt:
        _missed(draft, id, call, attempt[0])
    elif call.state != "assigned":
        return
    elif is_named(breach.deadline, CONTACT) and call.silent:
        give_back(draft, id)
    elif is_named(breach.deadline, f"{CONTACT}-retry-{call.failures}"):
        draft.violate(id, "R13", "the owner has not tried again in time", call.owner)


def _missed(draft: Draft, id: str, call: Assignment, what: str) -> None:
    if what != OFFER:
        ask_next(draft, id, renew=True)
    elif call.offered_to:
        draft.add(id, e.OfferExpired(to=call.offered_to, attempt=call.attempt))
        # where nothing would retry, the round begins again at once
        ask_next(draft, id, renew=draft.protocol(id).limits.retry_s is None, last=call.offered_to)


def on_contact_made(draft: Draft, id: str, contact: f.ContactMade) -> None:
    """R13: the owner reaches the client or tries again; if somebody else did, the owner still has to."""
    call = draft.call(id)
    ours = call.state == "assigned" and contact.owner == call.owner
    if contact.outcome == "no_answer":
        if ours:
            draft.add(id, e.ContactFailed(owner=contact.owner, attempt=call.failures + 1))
    elif ours:
        draft.add(id, e.CallContacted(owner=contact.owner, channel=contact.channel))
    elif call.open or call.state == "assigned":
        draft.violate(
            id, "R13", f"contact by {contact.owner}, the owner is {call.owner or 'nobody'}", contact.owner
        )


def on_callback_promised(draft: Draft, id: str, event: e.CallbackPromised) -> None:
    """R74: who has promised to call back owns the call, unless somebody does."""
    call = draft.call(id)
    if event.agent and (call.state is None or call.open):
        draft.add(id, e.CallAssigned(owner=event.agent, by=event.agent))


def leave(draft: Draft, owner: str) -> None:
    """R13: who leaves gives back the calls whose clients were not reached."""
    for id in list(draft.index.ids("owned", owner)):
        give_back(draft, id)


def give_back(draft: Draft, id: str) -> None:
    """R13: the call needs another owner; who had it is asked last, and the contact stays due."""
    if draft.call(id).desk:
        unassign(draft, id)
        ask_next(draft, id, renew=True)


def assign(draft: Draft, id: str, command: c.AssignCall) -> None:
    """R12: give the call an owner.

    A command has one event: a colleague who is asked no longer is not asked about another call, which waits
    for its retry.
    """
    if _not_reached(draft, id).owner == command.owner:
        raise Refused("assignment-same", f"{command.owner} owns the call already", field="owner")
    draft.add(id, e.CallAssigned(owner=command.owner, by=command.by))


def instruct(draft: Draft, id: str, command: c.InstructCall) -> None:
    """R11: say what to do; who owns or answered the call does it."""
    call = _not_reached(draft, id)
    if command.instruction == call.instruction:
        raise Refused("assignment-same", "that is the instruction already", field="instruction")
    owner = call.owner or call.answered_by or command.by
    draft.add(id, e.CallAssigned(owner=owner, by=command.by, instruction=command.instruction))


def close(draft: Draft, id: str, command: c.CloseCall) -> None:
    """R13: close it once the owner has reached the client."""
    if _assigned(draft, id).state != "contacted":
        raise Refused("R13", "the client has not been reached by the owner", expected="call.contacted")
    draft.add(id, e.CallClosed(by=command.by))


def _assigned(draft: Draft, id: str) -> Assignment:
    call = draft.call(id)
    if call.state is None:
        raise Refused("assignment-unknown", "no owner is needed for this call", field="call")
    if call.state == "closed":
        raise Refused("assignment-closed", "the call is closed", field="call")
    return call


def _not_reached(draft: Draft, id: str) -> Assignment:
    call = _assigned(draft, id)
    if call.state == "contacted":
        raise Refused("assignment-contacted", "the owner has reached the client already", field="call")
    return call
