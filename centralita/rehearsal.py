"""A dry run: what a centre's past facts would have led to under another protocol, decided again in memory."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from centralita.stack import ALL
from contracts import registry
from contracts.base import Data, Refused
from contracts.deciding import Input, World
from contracts.events import CentreOpened, ProtocolPublished
from contracts.facts import ClockAdvanced
from contracts.protocol import Protocol
from eventlog.codec import Message

Outcome = Counter[tuple[str, str, str]]
"""What was recorded about one thing: service, event and data, each with how often."""


@dataclass(slots=True)
class Comparison:
    """The calls, tickets and others looked at, and what each of those that come out differently loses and gains."""

    looked_at: int = 0
    changed: dict[str, tuple[Outcome, Outcome]] = field(default_factory=dict)


def compare(messages: Sequence[Message], candidate: Protocol, since: datetime) -> Comparison:
    """Decide the log's facts from `since` on twice: as protocols were published, and under the candidate.

    Facts and what commands recorded are given; everything else is decided anew, both times in the same order, so
    that only the protocol can make a difference. What is sealed takes part with what is plain of it.
    """
    before, after = (_lived(messages, protocol, since) for protocol in (None, candidate))
    comparison = Comparison()
    for about in sorted(before.keys() | after.keys()):
        was, would = before.get(about, Counter()), after.get(about, Counter())
        comparison.looked_at += 1
        if was != would:
            comparison.changed[about] = (was - would, would - was)
    return comparison


def _lived(messages: Sequence[Message], candidate: Protocol | None, since: datetime) -> dict[str, Outcome]:
    rehearsal = _Rehearsal(candidate, since)
    for message in messages:
        rehearsal.take(message)
    return rehearsal.outcomes


class _Rehearsal:
    """The four domains over a log in memory, everything in one order."""

    def __init__(self, candidate: Protocol | None, since: datetime) -> None:
        self.worlds = {name: World[Any, Any](service.domain.Index()) for name, service in ALL.items()}
        self.candidate, self.since = candidate, since
        self.outcomes: dict[str, Outcome] = {}
        self.now: datetime | None = None
        self._waiting: deque[tuple[str, str, Data, datetime]] = deque()

    def take(self, message: Message) -> None:
        """Let a fact, a command's event, or an event of the centre itself happen again; pass over the rest."""
        given = message.name in _FACTS or (message.cause_source and message.place == (1, 1))
        centre = message.source.endswith(f"/{registry.CENTRE}")
        if (
            message.time is None
            or message.name in ("fact.rejected", "fact.deferred")
            or not (given or centre)
        ):
            return
        try:
            body = registry.decode(message.name, message.version, message.data)
        except registry.Unreadable:
            return  # sealed, or a term
        if centre:
            self._refer(body)
            return
        self._reach(body.to if isinstance(body, ClockAdvanced) else message.time)
        service = message.source.rpartition("/")[2]
        if message.name in _FACTS:
            topic = registry.topic_of(message.name) or ""
            self._decide(service, Input("fact", message.aggregate, body, message.time, topic, message.id))
        else:
            self._record(service, message.aggregate, body, message.time)
        self._spread()

    def _refer(self, event: Data) -> None:
        for world in self.worlds.values():
            match event:
                case CentreOpened(clock=clock):
                    world.virtual = clock == "virtual"
                case ProtocolPublished(protocol=protocol):
                    world.versions[protocol.version] = protocol
                    if not (self.candidate and world.protocol is self.candidate):
                        world.protocol = protocol

    def _reach(self, time: datetime) -> None:
        """Fire what is due by then; from `since` on the candidate holds."""
        self.now = max(time, self.now or time)
        for name, service in ALL.items():
            while service.timer and (timer := service.timer(self.worlds[name])) and timer[0] <= self.now:
                self._decide(name, timer[1])
                self._spread()
        if self.candidate and self.now >= self.since:
            for world in self.worlds.values():
                world.protocol = world.versions[self.candidate.version] = self.candidate

    def _decide(self, service: str, input: Input) -> None:
        try:
            decision = ALL[service].domain.decide(self.worlds[service], input)
        except Refused:
            return
        for about, event in decision:
            self._record(service, about, event, input.at)

    def _record(self, service: str, about: str, event: Data, at: datetime) -> None:
        self.worlds[service].evolve(ALL[service].domain.evolve, about, event, at)
        self._waiting.append((service, about, event, at))
        if self.now and self.now >= self.since:
            name, _, data = registry.encode(_unversioned(event))
            self.outcomes.setdefault(about, Counter())[service, name, data.decode()] += 1

    def _spread(self) -> None:
        """Let the others heed what was recorded, until nothing follows."""
        while self._waiting:
            origin, about, event, at = self._waiting.popleft()
            for name, service in ALL.items():
                if name != origin and isinstance(event, service.heeds):
                    self._decide(name, Input("event", about, event, at, origin))


_FACTS = frozenset(name for facts in registry.FACTS.values() for name in facts)


def _unversioned(event: Data) -> Data:
    """The event without the version that was followed, which is the difference by itself."""
    if isinstance(getattr(event, "protocol", None), int):
        return event.model_copy(update={"protocol": 1})
    return event


def told(outcome: Outcome) -> Iterator[tuple[int, str, str, str]]:
    """How often, service, event, data: in the order of services."""
    order = list(ALL)
    for (service, name, data), count in sorted(
        outcome.items(), key=lambda each: (order.index(each[0][0]), each[0][1:])
    ):
        yield count, service, name, data


def by_event(changed: Iterable[tuple[Outcome, Outcome]]) -> dict[str, tuple[int, int]]:
    """For each event, how many fewer and how many more there would have been."""
    fewer, more = Counter[str](), Counter[str]()
    for lost, gained in changed:
        for (_, name, _), count in lost.items():
            fewer[name] += count
        for (_, name, _), count in gained.items():
            more[name] += count
    return {name: (fewer[name], more[name]) for name in sorted(fewer.keys() | more.keys())}
