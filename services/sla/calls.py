"""The clocks of a call: until the answer, while it lasts, and while the caller is on hold."""

from __future__ import annotations

from datetime import datetime

from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from services.sla import policy
from services.sla.draft import Draft, broken
from services.sla.policy import ANSWER, ANSWER_TARGET, HANDLING, HANDLING_TARGET, HOLD, PREMIUM, TICKET, Limit
from services.sla.state import ABANDONED, ENDED
from services.sla.watched import count


def on_offered(draft: Draft, event: f.CallOffered) -> None:
    """R25, R56: the call rings; from now on it follows this version of the protocol."""
    protocol = draft.protocol
    if draft.begun or not policy.watches(protocol):
        return
    if policy.remembers(protocol):
        premium = policy.is_premium(protocol, event.to, draft.at)
        draft.add(e.CallWatched(queue=event.queue, premium=premium, protocol=protocol.version))
    _ring(draft)


def on_queued(draft: Draft, event: Data) -> None:
    """R25: while it waits in a queue it rings at nobody."""
    for kind in (ANSWER, ANSWER_TARGET):
        draft.settle(kind, reason="queued")


def on_dequeued(draft: Draft, event: Data) -> None:
    """R25: out of the queue it rings anew, unless it was answered there or the caller has gone."""
    if draft.begun and "ringing" not in draft.promises.over:
        _ring(draft)


def _ring(draft: Draft) -> None:
    for limit in policy.ringing(draft.protocol, draft.promises.queue):
        last = draft.promises.last(limit.kind)
        if last is None or last.state != "running":
            draft.set(limit, draft.at)


def on_answered(draft: Draft, event: Data) -> None:
    """R25 was kept or not; R22, R56, R59, R71: from here on the call takes time."""
    if not draft.begun or "ringing" in draft.promises.over:
        return
    for kind in (ANSWER, ANSWER_TARGET):
        draft.settle(kind)
    promises = draft.promises
    known = (promises.premium, promises.complexity, promises.product)
    for limit in policy.talking(draft.protocol, promises.queue, *known):
        draft.set(limit, draft.at)
    draft.over("ringing", ANSWER)
    count(draft, "answer_rate", 1)


def on_corrected(draft: Draft, event: e.CallCorrected) -> None:
    """What follows from a fact that came behind the answer or the end, which it was before."""
    if not draft.begun or not event.answered:
        return
    if event.fact == "call.dequeued" and draft.at < event.answered:
        _rang(draft, event.answered)
    elif event.fact == "call.answered" and event.over:
        _talked(draft, event.answered, event.over)


def _rang(draft: Draft, answered: datetime) -> None:
    """R25: it rang anew, until it was answered."""
    for limit in policy.ringing(draft.protocol, draft.promises.queue):
        last = draft.promises.last(limit.kind)
        if last is None or last.since < draft.at:
            it = draft.set(limit, draft.at)
            draft.end(it, at=answered)


def _talked(draft: Draft, answered: datetime, over: datetime) -> None:
    """R25, R22, R56, R71: the call that seemed over unanswered was answered, and took its time."""
    promises = draft.promises
    for kind in (ANSWER, ANSWER_TARGET):
        draft.settle(kind)
    known = (promises.premium, promises.complexity, promises.product)
    for limit in policy.talking(draft.protocol, promises.queue, *known):
        it = draft.set(limit, answered)
        draft.end(it, None if limit.kind in (HANDLING, HANDLING_TARGET) else ENDED, over)
    count(draft, "answer_rate", 1, calls=0)
    if promises.premium:
        count(draft, "premium_aht", max((over - answered).total_seconds(), 0))


def on_abandoned(draft: Draft, event: Data) -> None:
    """The caller has gone: nothing rings any more."""
    _over(draft, ABANDONED)


def on_refused(draft: Draft, event: Data) -> None:
    """R48: a call from a blocked number is not let through: nothing is due about it, and no figure counts it."""
    for kind in (ANSWER, ANSWER_TARGET):
        draft.settle(kind, "refused")
    draft.over("handling", HANDLING)
    draft.over("ringing", ANSWER)


def on_ended(draft: Draft, event: Data) -> None:
    """R22 was kept or not; what else was due about the call itself no longer is."""
    _over(draft, ENDED)


def _over(draft: Draft, reason: str) -> None:
    promises = draft.promises
    rang, talked = "ringing" not in promises.over, "handling" not in promises.over
    if rang:
        draft.settle(ANSWER, reason)
        draft.settle(ANSWER_TARGET, reason)
        draft.over("ringing", ANSWER)
    if not talked:
        return
    draft.settle(HANDLING)
    draft.settle(HANDLING_TARGET)
    for kind in (PREMIUM, TICKET):
        draft.settle(kind, reason)
    _leave_hold(draft, reason)
    draft.over("handling", HANDLING)
    if not draft.begun:
        return
    if rang:
        count(draft, "answer_rate", 0)
    elif promises.premium and promises.answered:
        count(draft, "premium_aht", max((draft.at - promises.answered).total_seconds(), 0))


def on_complexity_assessed(draft: Draft, fact: f.ComplexityAssessed) -> None:
    """R22: the limit of this complexity counts, from the answer; a breach before stands."""
    seconds, promises = draft.protocol.limits.handling_s.get(fact.complexity), draft.promises
    if not seconds or not draft.begun:
        return
    if promises.last(HANDLING):
        _instead(draft, Limit(HANDLING, "R22", seconds))
    elif "ringing" not in promises.over and promises.complexity != fact.complexity:
        draft.add(e.ComplexityNoted(complexity=fact.complexity))


def on_request_stated(draft: Draft, fact: f.RequestStated) -> None:
    """R56: the target of the product counts, from the answer; a breach before stands."""
    if not draft.begun:
        return
    protocol, promises = draft.protocol, draft.promises
    limit = policy.handling_target(protocol, promises.queue, fact.product)
    if not promises.answered:
        differs = limit and limit != policy.handling_target(protocol, promises.queue, promises.product)
        if differs and fact.product and "ringing" not in promises.over:
            draft.add(e.ProductNoted(product=fact.product))
    elif limit and promises.last(HANDLING_TARGET):
        _instead(draft, limit)
    elif limit and "handling" not in draft.promises.over:
        draft.set(limit, promises.answered)


def _instead(draft: Draft, limit: Limit) -> None:
    first, last = draft.promises.first(limit.kind), draft.promises.last(limit.kind)
    over = last.ended if last and "handling" in draft.promises.over else None
    if not first or not last or ("handling" in draft.promises.over and not (over and draft.at < over)):
        return
    if not last.warning and last.limit_s == limit.seconds:
        return
    draft.settle(limit.kind, reason="superseded")
    it = draft.set(limit, first.since)
    if over:  # heard behind the end, which it was before
        draft.end(it, at=over)


def on_ticket_registered(draft: Draft, event: Data) -> None:
    """R71: the question has its ticket."""
    draft.settle(TICKET)


def on_held(draft: Draft, event: Data) -> None:
    """R19: somebody is to come back to the caller every so often."""
    last = draft.promises.last(HOLD)
    if draft.begun and "handling" not in draft.promises.over and (not last or last.state == "cancelled"):
        _mark(draft)


def on_refreshed(draft: Draft, event: Data) -> None:
    """R19: the caller was told that the matter is in hand; from now on the next mark counts."""
    _missed(draft)
    marks = [it for it in draft.promises.deadlines if it.is_of(HOLD)]
    earlier = [it for it in marks if it.since < draft.at]
    if earlier and earlier[-1].state == "cancelled":
        draft.end(earlier[-1])
    if not earlier or earlier[-1].state not in ("running", "breached") or draft.at > earlier[-1].due:
        return
    later = [it for it in marks if it.since >= draft.at]  # they need not follow in the order they were set
    if any(it.since == draft.at for it in later):
        return
    draft.end(earlier[-1])
    # heard late: what was set because nothing had been heard is not wanted, unless somebody kept it
    if all(it.state != "met" for it in later):
        for it in later:
            draft.end(it, reason="superseded")
        _mark(draft)


def on_resumed(draft: Draft, event: Data) -> None:
    """R19: the caller is on hold no longer, and no mark is owed."""
    _leave_hold(draft, "resumed")


def _leave_hold(draft: Draft, reason: str) -> None:
    _missed(draft)
    marks = [it for it in draft.promises.deadlines if it.is_of(HOLD)]
    if not marks or marks[-1].state == "cancelled":
        return
    for it in reversed(marks):
        if it.state == "met" or draft.at > it.due:
            break
        draft.end(it, reason)
        if it.since <= draft.at:
            break


def _mark(draft: Draft) -> None:
    limits = draft.protocol.limits
    if limits.hold_s:
        draft.set(Limit(HOLD, "R19", limits.hold_s, warn_s=limits.hold_warning_s), draft.at)


def _missed(draft: Draft) -> None:
    """Every mark that has passed was missed, and the next counts from it."""
    last = draft.promises.last(HOLD)
    if last and last.state == "running" and policy.is_past(last.due, last.inclusive, draft.at):
        draft.add(broken(last))
    while (missed := draft.promises.missed_mark) and policy.is_past(missed.due, missed.inclusive, draft.at):
        next_mark(draft)


def next_mark(draft: Draft) -> None:
    """R19: the mark after one that was missed."""
    limits, missed = draft.protocol.limits, draft.promises.missed_mark
    if missed and limits.hold_s:
        draft.set(Limit(HOLD, "R19", limits.hold_s, warn_s=limits.hold_warning_s), missed.due)
