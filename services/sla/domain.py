"""Promises: what was due about a call, and how each deadline ended, once, judged by when things happened."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Name
from contracts.deciding import Decision, Input
from contracts.protocol import Protocol
from services.sla import policy
from services.sla.policy import ANSWER, CONTACT, GRACE, HANDLING, RETRY
from services.sla.state import (
    ABANDONED,
    ENDED,
    Deadline,
    Index,
    Promises,
    Stage,
    World,
    closed,
    deadlines,
    evolve,
)

__all__ = [
    "HEEDS",
    "Deadline",
    "Due",
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
    """The body of a timer: which deadline of the call has become due."""

    deadline: Name


@dataclass(slots=True)
class Draft:
    """A decision in the making: the promises as they are after each event so far."""

    promises: Promises
    at: datetime
    protocol: Protocol
    events: list[Data] = field(default_factory=list)

    def add(self, event: Data) -> None:
        """Let this happen too."""
        self.events.append(event)
        self.promises = evolve(self.promises, event, self.at)

    def set(self, name: str, limit: policy.Limit, since: datetime) -> None:
        """Make a promise under this name, or name-2, name-3 … if it was used before."""
        free, number = name, 1
        while self.promises.named(free):
            free, number = f"{name}-{number + 1}", number + 1
        self.add(policy.promise(limit, free, since, self.protocol))

    def settle(self, rule: str, reason: str | None = None) -> None:
        """What has happened ends the latest deadline under the rule: kept, or for this reason not wanted.

        If that came too late the promise was broken all the same; a verdict that came too soon is corrected.
        """
        it = self.promises.last(rule)
        if it is None:
            return
        late = policy.is_past(it.due, it.inclusive, self.at)
        kept = reason is None and not it.warning
        if it.state == "running":
            if late:
                self.add(_broken(it))
            elif kept:
                self.add(e.DeadlineMet(deadline=it.name, rule=rule, at=self.at))
            else:
                self.add(e.DeadlineCancelled(deadline=it.name, rule=rule, reason=reason or ENDED))
        elif it.state in ("breached", "warned") and not late:
            verdict: Literal["met", "cancelled"] = "met" if kept else "cancelled"
            self.add(e.DeadlineCorrected(deadline=it.name, rule=rule, verdict=verdict, at=self.at))

    def drop(self, rule: str, reason: str) -> None:
        """The latest deadline under the rule, if it runs, is not wanted any more."""
        last = self.promises.last(rule)
        if last and last.state == "running":
            self.settle(rule, reason)

    def end(self, stage: Stage, rule: str) -> None:
        """Make sure that it is remembered that the stage is over, if anything was ever due in it."""
        if stage not in self.promises.over and self.promises.last(rule):
            self.add(e.StageEnded(stage=stage))


def _broken(it: Deadline) -> e.DeadlineBreached | e.DeadlineWarned:
    kind = e.DeadlineWarned if it.warning else e.DeadlineBreached
    return kind(deadline=it.name, rule=it.rule, due=it.due)


def on_offered(draft: Draft, event: Data) -> None:
    """R25: the call rings."""
    limit = policy.answer_limit(draft.protocol)
    if limit and not draft.promises.last(ANSWER):
        draft.set("answer", limit, draft.at)


def on_queued(draft: Draft, event: Data) -> None:
    """R25: while it waits in a queue it rings at nobody."""
    draft.settle(ANSWER, reason="queued")


def on_dequeued(draft: Draft, event: Data) -> None:
    """R25: out of the queue it rings anew, unless it was answered there or the caller has gone."""
    limit = policy.answer_limit(draft.protocol)
    last = draft.promises.last(ANSWER)
    if not limit or "ringing" in draft.promises.over:
        return
    if last is None or last.state != "running":
        draft.set("answer", limit, draft.at)


def on_answered(draft: Draft, event: Data) -> None:
    """R25 was kept or not; R22: from here on the call takes time, of which there is a warning at first."""
    if "ringing" in draft.promises.over:
        return
    draft.settle(ANSWER)
    limit = policy.first_handling_limit(draft.protocol)
    if limit:
        draft.set("handling", limit, draft.at)
    draft.end("ringing", ANSWER)


def on_abandoned(draft: Draft, event: Data) -> None:
    """The caller has gone: nothing rings any more."""
    _over(draft, ABANDONED)


def on_ended(draft: Draft, event: Data) -> None:
    """R22 was kept or not; what else was due about the call itself no longer is."""
    _over(draft, ENDED)


def _over(draft: Draft, reason: str) -> None:
    if "ringing" not in draft.promises.over:
        draft.settle(ANSWER, reason)
        draft.end("ringing", ANSWER)
    if "handling" not in draft.promises.over:
        draft.settle(HANDLING)
        draft.end("handling", HANDLING)


def on_complexity_assessed(draft: Draft, fact: f.ComplexityAssessed) -> None:
    """R22: the limit of this complexity counts, from the answer; a breach before stands."""
    limit = policy.handling_limit(draft.protocol, fact.complexity)
    first, last = draft.promises.first(HANDLING), draft.promises.last(HANDLING)
    if not limit or not first or not last or "handling" in draft.promises.over:
        return
    if not last.warning and last.limit_s == limit.seconds:
        return
    draft.settle(HANDLING, reason="superseded")
    draft.set("handling", limit, first.since)
    made = draft.promises.last(HANDLING)
    if made and policy.is_past(made.due, made.inclusive, draft.at):
        draft.add(_broken(made))


def on_offer_made(draft: Draft, event: e.OfferMade) -> None:
    """R11: somebody takes the call, or the next is asked in time."""
    limit = policy.retry_limit(draft.protocol)
    name = f"retry-{event.attempt}"
    if limit and not draft.promises.named(name):
        draft.drop(RETRY, reason="superseded")
        draft.set(name, limit, draft.at)


def on_assigned(draft: Draft, event: Data) -> None:
    """R11 is kept; R13: the owner is to reach the client, and another owner by the same time."""
    draft.settle(RETRY)
    limit = policy.contact_limit(draft.protocol)
    if limit and not draft.promises.last(CONTACT):
        draft.set("contact", limit, draft.at)


def on_contacted(draft: Draft, event: Data) -> None:
    """R13 was kept or not."""
    draft.settle(CONTACT)


def on_closed(draft: Draft, event: Data) -> None:
    """Nothing more is to be done about the call."""
    draft.drop(RETRY, reason="closed")
    draft.drop(CONTACT, reason="closed")


def on_due(draft: Draft, timer: Due) -> None:
    """Nobody was heard in time."""
    it = draft.promises.named(timer.deadline)
    if it and it.state == "running":
        draft.add(_broken(it))


REACTIONS: dict[type[Data], Callable[[Draft, Any], None]] = {
    f.CallOffered: on_offered,
    f.CallQueued: on_queued,
    f.CallDequeued: on_dequeued,
    f.CallAnswered: on_answered,
    f.CallAbandoned: on_abandoned,
    f.CallEnded: on_ended,
    f.ComplexityAssessed: on_complexity_assessed,
    e.OfferMade: on_offer_made,
    e.CallAssigned: on_assigned,
    e.CallContacted: on_contacted,
    e.CallClosed: on_closed,
    Due: on_due,
}
HEEDS = tuple(kind for kind in REACTIONS if kind is not Due)
"""The other services' events that are decided on."""


def decide(world: World, input: Input) -> Decision:
    """Which deadlines an event of another service sets and ends, or which verdict a timer brings."""
    react = REACTIONS.get(type(input.body))
    if react is None:
        return []
    draft = Draft(world.aggregates.get(input.id, Promises()), input.at, world.protocol)
    react(draft, input.body)
    return [(input.id, event) for event in draft.events]


def next_timer(world: World) -> tuple[datetime, Input] | None:
    """The timer that is due first, and when the service's clock may fire it; None if nothing runs."""
    timers = world.index.timers
    while timers:
        due, call, name = timers[0]
        promises = world.aggregates.get(call)
        it = promises.named(name) if promises else None
        if it and it.state == "running":
            return due + GRACE, Input("timer", call, Due(deadline=name), due, "sla", f"{call}.{name}")
        heapq.heappop(timers)
    return None
