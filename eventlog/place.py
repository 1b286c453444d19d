"""Where a service of a centre reads and writes, how often, and how what stands there becomes an input."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from eventlog import errors
from eventlog.codec import MOST_HEADERS, Malformed, Message, check_size, check_texts
from eventlog.decider import Arrival
from eventlog.stream import Raw


@dataclass(frozen=True, slots=True)
class Place:
    """Where one service of one centre reads and writes: stream names and subjects, spelled by the caller.

    `inbox_aggregate` gives the aggregate of the service that an inbox subject is about, or raises Malformed;
    `touched` those that a message may lead to events of beside the one that it is about.
    """

    centre: str
    service: str
    log_stream: str
    inbox_stream: str
    log: str
    own: str
    reference: str
    beats: str
    kept: str
    inbox: tuple[str, ...]
    inbox_aggregate: Callable[[str], str]
    source: str
    touched: Callable[[Message], Sequence[str]] = lambda message: ()

    def needed(self, arrivals: Iterable[Arrival]) -> list[str]:
        """The aggregates that must be in memory to decide on these."""
        needed = list[str]()
        for arrival in arrivals:
            needed.append(arrival.aggregate)
            if (
                arrival.kind == "event"
            ):  # a fact is about one thing, and its subject says so by a shorter name
                needed += self.touched(arrival.message)
        return [id for id in needed if id]

    def subject(self, aggregate: str) -> str:
        """Where an own event of the aggregate goes."""
        return f"{self.own}.{aggregate}"

    def fact(self, raw: Raw) -> Arrival:
        """What stands in the inbox, as far as it can be read."""
        aggregate = ""
        try:
            aggregate = self.inbox_aggregate(raw.subject)
            if len(raw.block) > MOST_HEADERS:
                check_size(raw.headers)
            message = raw.message()
            check_texts(message)
            return Arrival("fact", aggregate, message)
        except Malformed as malformed:
            aggregate = aggregate or f"{self.kept.rsplit('.', 1)[-1]}:{raw.seq}"
            blank = Message(aggregate, "", raw.data, f"inbox:{raw.seq}", "", seq=raw.seq, stored=raw.stored)
            return Arrival("fact", aggregate, blank, malformed)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how much: seconds, and numbers of inputs, messages or closed aggregates in memory.

    `again`: the waits before an input that could not be handled is tried again; `hold_up`: how long all of them
    together may hold up the rest within ten seconds.
    """

    beat: float = 0.05
    silence: float = 2.0
    first_silence: float = 0.3
    inputs: int = 1000
    backlog: int = 4000
    trim: float = 5.0
    checkpoint: int = 20_000
    retry: float = 0.2
    again: tuple[float, ...] = (0.02, 0.08, 0.3)
    hold_up: float = 0.8
    closed_kept: int = 10_000


def read(raw: Raw) -> Message:
    """A message of the log; Corrupt where it cannot be read."""
    try:
        return raw.message()
    except Malformed as malformed:
        raise errors.Corrupt(f"the log at {raw.seq} cannot be read: {malformed}") from None


def event(raw: Raw) -> Arrival:
    """Another service's event, to be decided on."""
    message = read(raw)
    return Arrival("event", message.aggregate, message)
