"""Facts that came before what they follow: which wait, for what, and until when."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from eventlog.codec import Message, time_of
from eventlog.decider import Arrival, Held

HELD = "held"
MOST, MOST_OF_ONE = 10_000, 100
"""How many facts may wait in all and about one thing; more are refused at once."""


@dataclass(slots=True)
class Waiting:
    """The facts held, by aggregate and by the id of the event that says so, and their ends in order.

    `ends` has those too that wait no more, until their turn comes.
    """

    about: dict[str, dict[str, Held]] = field(default_factory=dict)
    ends: list[tuple[datetime, str, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.about)

    def begin(self, held: Held) -> None:
        """Have a fact wait."""
        self.about.setdefault(held.aggregate, {})[held.id] = held
        heapq.heappush(self.ends, (held.until, held.id, held.aggregate))

    def settle(self, message: Message) -> Held | None:
        """Let a fact wait no longer, as an event is a decision on it; returns one that this refuses."""
        refused = None
        for held in self.of(message.aggregate):
            if message.cause_source and _is_of(held, message):
                self._end(held)
            elif not message.cause_source and message.cause == held.id:
                self._end(held)
                refused = held
        return refused

    def _end(self, held: Held) -> None:
        about = self.about[held.aggregate]
        del about[held.id]
        if not about:
            del self.about[held.aggregate]

    def forget(self, aggregate: str) -> None:
        """The aggregate leaves memory."""
        self.about.pop(aggregate, None)

    def of(self, aggregate: str) -> Iterable[Held]:
        """What waits about one thing."""
        held = self.about.get(aggregate)
        return list(held.values()) if held else ()

    def find(self, aggregate: str, id: str) -> Held | None:
        """What waits about one thing, as the event of that id says."""
        held = self.about.get(aggregate)
        return held.get(id) if held else None

    def cause_of(self, cut: Message) -> Arrival | None:
        """The fact that a decision cut short is about; None if it is about something read."""
        if not cut.cause_source:
            return None
        facts = (it for held in self.about.values() for it in held.values())
        return next((it.arrival for it in facts if _is_of(it, cut)), None)

    def full(self, aggregate: str) -> bool:
        """Whether no more may wait, at all or about one thing."""
        return len(self.ends) >= MOST or len(self.about.get(aggregate, ())) >= MOST_OF_ONE

    def released_by(self, arrival: Arrival) -> Arrival:
        """The input; of a fact that waits, with the event that says so as the cause: a refusal of it ends its wait."""
        message = arrival.message
        for held in self.of(arrival.aggregate) if arrival.kind == "fact" else ():
            if held.fact and (held.fact.source, held.fact.id) == (message.source, message.id):
                return arrival._replace(message=message._replace(id=held.id))
        return arrival

    def in_order(self, aggregates: Iterable[str]) -> Iterator[Held]:
        """What waits about these and can be read, the earliest by occurrence first."""
        found = [it for aggregate in aggregates for it in self.of(aggregate)]
        return iter(sorted((it for it in found if it.fact), key=_occurred))

    def due(self, source: str) -> tuple[datetime, Arrival] | None:
        """When the first of them has waited long enough, and the timer that says so."""
        while self.ends:
            until, id, aggregate = self.ends[0]
            if held := self.find(aggregate, id):
                timer = Message(aggregate, HELD, b"", id, source, time=until)
                if held.fact:
                    timer = timer._replace(trace=held.fact.trace)
                return until, Arrival("timer", aggregate, timer)
            heapq.heappop(self.ends)
        return None


def _is_of(held: Held, message: Message) -> bool:
    fact = held.fact
    return fact is not None and (fact.source, fact.id) == (message.cause_source, message.cause)


def _occurred(held: Held) -> tuple[datetime, int]:
    assert held.fact
    return time_of(held.fact), held.fact.seq
