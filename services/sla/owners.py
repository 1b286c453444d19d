"""The clocks that routing drives: finding an owner, reaching the client, supervisors, wrap-up; and of blocks."""

from __future__ import annotations

from datetime import timedelta

from contracts import events as e
from contracts.base import Data
from services.sla.draft import Draft
from services.sla.policy import BLOCK, CONTACT, CONTACT_RETRY, OFFER, RETRY, SUPERVISOR, WRAP_UP, Limit

ASSIGNMENT = "assignment"
"""Where these clocks of a call are kept: beside the call, under assignment:<call>."""


def on_offer_made(draft: Draft, event: e.OfferMade) -> None:
    """R11: the colleague answers in time, or the next is asked; asked nobody, somebody is looked for again."""
    draft = _assignment(draft)
    limits = draft.protocol.limits
    kind, seconds = (OFFER, limits.offer_s) if event.to and limits.offer_s else (RETRY, limits.retry_s)
    name = f"{kind}-{event.attempt}"
    if draft.promises.named(name):
        return
    for each in (OFFER, RETRY):
        draft.drop(each, reason="superseded")
    if seconds:
        draft.set(Limit(kind, "R11", seconds), draft.at, name)


def on_assigned(draft: Draft, event: Data) -> None:
    """R11 is kept; R13: the owner is to reach the client, and another owner by the same time.

    Once that has passed, whoever has it next has as long as the first had.
    """
    draft = _assignment(draft)
    for each in (OFFER, RETRY):
        _kept(draft, each)
    seconds, last = draft.protocol.limits.contact_s, draft.promises.last(CONTACT)
    if seconds and (last is None or last.state == "breached"):
        draft.set(Limit(CONTACT, "R13", seconds), draft.at)


def on_unassigned(draft: Draft, event: Data) -> None:
    """R13: the owner has given the call back, and is not to try again; the contact stays due."""
    _assignment(draft).drop(CONTACT_RETRY, reason="unassigned")


def on_contact_failed(draft: Draft, event: e.ContactFailed) -> None:
    """R13: the owner tries again before long."""
    draft = _assignment(draft)
    seconds, name = draft.protocol.limits.contact_retry_s, f"{CONTACT_RETRY}-{event.attempt}"
    if draft.promises.named(name):
        return
    _kept(draft, CONTACT_RETRY)
    if seconds:
        draft.set(Limit(CONTACT_RETRY, "R13", seconds), draft.at, name)


def on_contacted(draft: Draft, event: Data) -> None:
    """R13 was kept or not."""
    draft = _assignment(draft)
    draft.settle(CONTACT)
    _kept(draft, CONTACT_RETRY)


def on_closed(draft: Draft, event: Data) -> None:
    """Nothing more is to be done about the call."""
    draft = _assignment(draft)
    for each in (OFFER, RETRY, CONTACT, CONTACT_RETRY):
        draft.drop(each, reason="closed")


def on_supervisor_called(draft: Draft, event: Data) -> None:
    """R46: a supervisor comes in time, or another one is called."""
    draft = _assignment(draft)
    seconds, last = draft.protocol.limits.supervisor_s, draft.promises.last(SUPERVISOR)
    if not seconds or (last and last.alive and last.since == draft.at):
        return
    draft.drop(SUPERVISOR, reason="superseded")
    draft.set(Limit(SUPERVISOR, "R46", seconds), draft.at)


def on_escalation_ended(draft: Draft, event: e.EscalationEnded) -> None:
    """R46: a supervisor has come, or none is needed any more."""
    draft = _assignment(draft)
    if event.supervisor:
        _kept(draft, SUPERVISOR)
    else:
        draft.drop(SUPERVISOR, reason="ended")


def on_agent_released(draft: Draft, event: e.AgentReleased) -> None:
    """R24: until then the agent is not offered anything."""
    seconds, last = draft.protocol.limits.wrap_up_s, draft.promises.last(WRAP_UP)
    if not event.wrap_up or not seconds or (last and last.since == draft.at):
        return
    draft.drop(WRAP_UP, reason="superseded")
    since = event.until - timedelta(seconds=seconds) if event.until else draft.at
    draft.set(Limit(WRAP_UP, "R24", seconds, warning=True), since)


def on_block_approved(draft: Draft, event: e.BlockApproved) -> None:
    """R48: until then the number stays blocked."""
    last = draft.promises.last(BLOCK)
    if event.until is None or (last and last.since == draft.at):
        return
    draft.drop(BLOCK, reason="superseded")
    seconds = max((event.until - draft.at).total_seconds(), 0.000001)
    draft.set(Limit(BLOCK, "R48", seconds, warning=True), draft.at)


def on_block_lifted(draft: Draft, event: Data) -> None:
    """R48: a supervisor was faster."""
    draft.drop(BLOCK, reason="lifted")


def _assignment(draft: Draft) -> Draft:
    """The same decision on assignment:<call>, under the version that the call follows."""
    return draft.beside(ASSIGNMENT)


def _kept(draft: Draft, kind: str) -> None:
    """The latest deadline of a kind was kept, if it is not over for another reason."""
    last = draft.promises.last(kind)
    if last and last.state != "cancelled":
        draft.end(last)
