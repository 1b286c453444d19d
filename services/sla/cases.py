"""Promises about tickets and messages, in open time: made, paused, resumed, kept; next steps and callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from contracts.protocol import Promise, Protocol
from services.sla import calls, policy
from services.sla.draft import Draft
from services.sla.policy import CALLBACK, NEXT_STEP, Limit
from services.sla.state import Deadline

MATTER = "matter"
"""Where callbacks are kept: beside the call, under matter:<call>."""


def on_message_received(draft: Draft, fact: f.MessageReceived) -> None:
    """R61: a message is handled and answered in time."""
    if not draft.promises.deadlines:
        _make(draft, _about(draft.protocol, "message", fact.category, fact.channel))


def on_message_answered(draft: Draft, fact: Data) -> None:
    """R61 was kept or not."""
    for it in _latest(draft):
        draft.end(it)


def on_ticket_registered(draft: Draft, event: e.TicketRegistered) -> None:
    """R62 and whatever else the protocol promises of such a case; R71: the call has its ticket."""
    if not draft.promises.deadlines:
        _make(draft, _about(draft.protocol, "ticket", event.category, event.channel))
    if event.call:
        calls.on_ticket_registered(draft.about(event.call), event)


def on_resolved(draft: Draft, event: Data) -> None:
    """What was promised until the resolution, or an answer, was kept or not."""
    _keep(draft, lambda promise: promise.met_by != "reply_formalised")


def on_reply_formalised(draft: Draft, event: Data) -> None:
    """R62: the complaint has its reply in due form, kept or not."""
    _keep(draft, lambda promise: promise.met_by != "resolved")


def on_closed(draft: Draft, event: Data) -> None:
    """Nothing is due about a case that is closed, or goes on in another one."""
    reason = "merged" if isinstance(event, e.TicketMerged) else "closed"
    for it in _latest(draft):
        if it.alive:
            draft.end(it, reason)
        elif it.escalates:
            draft.add(e.StageEnded(stage="escalation", deadline=it.name))


def on_reopened(draft: Draft, event: Data) -> None:
    """Everything is promised anew; what came of it before stands."""
    over = {promise.name for promise, it in _promised(draft) if not it.alive}
    _make(draft, [promise for promise, _ in _promised(draft) if promise.name in over])


def on_state_changed(draft: Draft, event: e.TicketStateChanged) -> None:
    """While the client is to answer the time stands still."""
    for promise, it in _promised(draft):
        if event.state == "awaiting_feedback":
            if promise.pauses and it.state == "running":
                _pause(draft, promise, it)
        elif it.state == "paused":
            _resume(draft, promise, it)


def _pause(draft: Draft, promise: Promise, it: Deadline) -> None:
    if policy.is_past(it.due, it.inclusive, draft.at):
        draft.end(it)
        return
    protocol = draft.world.under(it.protocol)
    left = policy.left(policy.calendar_of(protocol, promise), protocol.timezone, draft.at, it.due)
    draft.add(e.DeadlinePaused(deadline=it.name, rule=it.rule, reason="awaiting_feedback", left_s=left))


def _resume(draft: Draft, promise: Promise, it: Deadline) -> None:
    protocol, left = draft.world.under(it.protocol), it.left_s or 0
    due = policy.after(policy.calendar_of(protocol, promise), protocol.timezone, draft.at, left)
    resumed = e.DeadlineResumed(
        deadline=it.name,
        rule=it.rule,
        due=due,
        warn=policy.warning_of(protocol, promise, draft.at, left) if it.warn else None,
        escalate=policy.escalation_of(protocol, promise, due) or None,
    )
    draft.add(resumed)


def on_callback_promised(draft: Draft, event: e.CallbackPromised) -> None:
    """R74: the client is called back soon; one callback at a time."""
    draft = _with_ticket(draft)
    seconds, last = draft.protocol.limits.callback_s, draft.promises.last(CALLBACK)
    if seconds and not (last and (last.alive or last.since == draft.at)):
        draft.set(Limit(CALLBACK, event.rule, seconds), draft.at)


def on_callback_made(draft: Draft, event: Data) -> None:
    """R74 was kept or not."""
    _with_ticket(draft).settle(CALLBACK)


def on_request_prioritised(draft: Draft, event: e.RequestPrioritised) -> None:
    """R39: the next step that the caller was told of has its time; a dispatch until the end of the shift."""
    if draft.promises.last(NEXT_STEP):
        return
    protocol = draft.protocol
    promise = next((it for it in protocol.promises if it.about == "next_step"), None)
    seconds = protocol.limits.next_step_s.get(event.next_step) if event.next_step != "dispatch" else None
    if seconds:
        draft.set(Limit(NEXT_STEP, "R39", seconds), draft.at)
    elif promise and (event.next_step == "dispatch") == bool(promise.end_of):
        made = policy.promised(promise, NEXT_STEP, draft.at, protocol)
        draft.add(made.model_copy(update={"rule": "R39"}))


def on_contact_made(draft: Draft, fact: f.ContactMade) -> None:
    """R39: the caller has heard of the next step."""
    last = draft.promises.last(NEXT_STEP)
    if fact.outcome == "reached" and last and last.since <= draft.at:
        draft.end(last)


def _about(protocol: Protocol, what: str, category: str, channel: str) -> list[Promise]:
    return [
        it
        for it in protocol.promises
        if it.about == what
        and (not it.categories or category in it.categories)
        and (not it.channels or channel in it.channels)
    ]


def _make(draft: Draft, promises: list[Promise]) -> None:
    made = [policy.promised(it, draft.free(it.name), draft.at, draft.protocol) for it in promises]
    for event in sorted(made, key=lambda event: event.due):
        draft.add(event)


def _promised(draft: Draft) -> Iterator[tuple[Promise, Deadline]]:
    """Each promise that was made, with its latest deadline."""
    for promise in draft.protocol.promises:
        if it := draft.promises.last(promise.name):
            yield promise, it


def _latest(draft: Draft) -> list[Deadline]:
    return [it for _, it in _promised(draft)]


def _keep(draft: Draft, by: Callable[[Promise], bool]) -> None:
    for promise, it in list(_promised(draft)):
        if by(promise):
            draft.end(it)


def _with_ticket(draft: Draft) -> Draft:
    """Callbacks are kept beside the call: under matter:<call>, or with the case if tickets says so there."""
    return draft if draft.id.startswith("ticket:") else draft.beside(MATTER)
