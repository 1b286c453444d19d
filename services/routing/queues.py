"""Queues: which calls wait, and when the agents are told that a queue has built up."""

from __future__ import annotations

from contracts import events as e
from contracts import facts as f
from contracts.protocol import Protocol
from services.routing.draft import Draft
from services.routing.index import ANYWHERE
from services.routing.policy import named


def on_queued(draft: Draft, id: str, fact: f.CallQueued) -> None:
    """R14: as soon as so many wait the agents are told, once until it was fewer again."""
    most = draft.world.protocol.queue_alert
    if most is None or draft.index.under("queued", id):
        return
    name = fact.queue or "main"
    place = named("queue", name)
    draft.add(place, e.QueueJoined(queue=name, call=id))
    queue = draft.queue(place)
    if len(queue.waiting) >= most and queue.alerted is None:
        told = _concerned(draft, draft.world.protocol, name)
        draft.add(place, e.QueueAlerted(queue=name, waiting=len(queue.waiting), agents=told))


def leave(draft: Draft, id: str) -> None:
    """The call, if it waits in a queue, does so no more."""
    for place in list(draft.index.ids("queued", id)):
        draft.add(place, e.QueueLeft(queue=draft.queue(place).name, call=id))


def _concerned(draft: Draft, protocol: Protocol, queue: str) -> tuple[str, ...]:
    """The agents at work at the desks that the table gives the queue to; all where it names none."""
    desks = [desk for row in protocol.routing if queue in row.queues for desk in (row.desk, *row.fallback)]
    told = {name for desk in desks or [ANYWHERE] for name in draft.index.ids("at_work", desk)}
    return tuple(sorted(told))
