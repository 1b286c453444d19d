"""Promises: what was due, and how each deadline ended, once, judged by when things happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Name
from contracts.deciding import Decision, Input
from services.sla import calls, cases, owners
from services.sla.deadlines import deadlines
from services.sla.draft import Draft, broken
from services.sla.policy import GRACE
from services.sla.resting import Aggregates
from services.sla.state import Deadline, Figure, Index, Promises, Timer, World, closed, evolve
from services.sla.timers import moment

__all__ = [
    "BESIDE",
    "HEEDS",
    "Aggregates",
    "Deadline",
    "Due",
    "Figure",
    "Index",
    "Promises",
    "World",
    "closed",
    "deadlines",
    "decide",
    "evolve",
    "next_timer",
]


class Due(Data):
    """The body of a timer: what of which deadline has become due."""

    deadline: Name
    what: Name = "due"


def on_due(draft: Draft, timer: Due) -> None:
    """Nobody was heard in time, or somebody is to be told."""
    it = draft.promises.named(timer.deadline)
    if it is None or Timer(draft.at, it.name, timer.what) not in draft.promises.timers():
        return
    if timer.what == "due":
        draft.add(broken(it))
    elif timer.what == "warn":
        draft.add(e.DeadlineWarned(deadline=it.name, rule=it.rule, due=draft.at))
    elif timer.what == "next":
        calls.next_mark(draft)
    else:
        draft.add(e.DeadlineEscalated(deadline=it.name, rule=it.rule, level=(it.level or 0) + 1))


REACTIONS: dict[type[Data], Callable[[Draft, Any], None]] = {
    f.CallOffered: calls.on_offered,
    e.CallRefused: calls.on_refused,
    f.CallQueued: calls.on_queued,
    f.CallDequeued: calls.on_dequeued,
    f.CallAnswered: calls.on_answered,
    f.CallAbandoned: calls.on_abandoned,
    f.CallEnded: calls.on_ended,
    e.CallCorrected: calls.on_corrected,
    f.CallHeld: calls.on_held,
    f.HoldRefreshed: calls.on_refreshed,
    f.CallResumed: calls.on_resumed,
    f.ComplexityAssessed: calls.on_complexity_assessed,
    f.RequestStated: calls.on_request_stated,
    e.RequestPrioritised: cases.on_request_prioritised,
    f.ContactMade: cases.on_contact_made,
    e.BlockApproved: owners.on_block_approved,
    e.BlockLifted: owners.on_block_lifted,
    e.OfferMade: owners.on_offer_made,
    e.CallUnassigned: owners.on_unassigned,
    e.CallAssigned: owners.on_assigned,
    e.ContactFailed: owners.on_contact_failed,
    e.CallContacted: owners.on_contacted,
    e.CallClosed: owners.on_closed,
    e.SupervisorCalled: owners.on_supervisor_called,
    e.EscalationEnded: owners.on_escalation_ended,
    e.AgentReleased: owners.on_agent_released,
    f.MessageReceived: cases.on_message_received,
    f.MessageAnswered: cases.on_message_answered,
    e.TicketRegistered: cases.on_ticket_registered,
    e.TicketStateChanged: cases.on_state_changed,
    e.TicketResolved: cases.on_resolved,
    e.ComplaintReplyFormalised: cases.on_reply_formalised,
    e.TicketClosed: cases.on_closed,
    e.TicketMerged: cases.on_closed,
    e.TicketReopened: cases.on_reopened,
    e.CallbackPromised: cases.on_callback_promised,
    e.CallbackMade: cases.on_callback_made,
    Due: on_due,
}
HEEDS = tuple(kind for kind in REACTIONS if kind is not Due)
"""The other services' events that are decided on."""


BESIDE: dict[type[Data], str] = {
    e.OfferMade: owners.ASSIGNMENT,
    e.CallUnassigned: owners.ASSIGNMENT,
    e.CallAssigned: owners.ASSIGNMENT,
    e.ContactFailed: owners.ASSIGNMENT,
    e.CallContacted: owners.ASSIGNMENT,
    e.CallClosed: owners.ASSIGNMENT,
    e.SupervisorCalled: owners.ASSIGNMENT,
    e.EscalationEnded: owners.ASSIGNMENT,
    e.CallbackPromised: cases.MATTER,
    e.CallbackMade: cases.MATTER,
}
"""Those whose clocks are kept beside the call, so that no two services drive those of one aggregate."""


def decide(world: World, input: Input) -> Decision:
    """Which deadlines an event of another service sets and ends, or which verdict a timer brings."""
    react = REACTIONS.get(type(input.body))
    if react is None:
        return []
    draft = Draft.on(world, input)
    react(draft, input.body)
    return draft.decision


def next_timer(world: World) -> tuple[datetime, Input] | None:
    """The timer that is due first, and when the service's clock may fire it; None if nothing runs."""
    index, letters = world.index, world.letters
    quiet = not (letters.waiting or letters.dropped)
    while entry := index.timers.first():
        number, id = entry
        promises = world.aggregates.get(id)
        if quiet and (found := index.found) and found[0] is entry and found[1] is promises:
            return found[2]
        at = moment(number)
        timers = promises.timers() if isinstance(promises, Promises) else ()
        for _, name, what in sorted(it for it in timers if it.at == at):
            key = f"{id}.{name}" if what == "due" else f"{id}.{name}.{what}"
            if not letters.timer_waits(id, key):  # it is noted again once nothing is outstanding
                timer = at + GRACE, Input("timer", id, Due(deadline=name, what=what), at, "sla", key)
                index.found = entry, promises, timer
                return timer
        index.timers.drop()
    return None
