"""The memory of a service: its world, made by its own events and by nothing else, and how far it reaches.

Cut a history after any event, fold what is left, and memory is what it was when that event was recorded.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

from eventlog.chain import linked
from eventlog.codec import Malformed, Message, time_of
from eventlog.decider import Decider
from eventlog.errors import Corrupt
from eventlog.faults import Fault
from eventlog.secrecy import OPEN, Secrecy
from eventlog.seen import Seen
from eventlog.waiting import Waiting

TERM = "term"
W = TypeVar("W")


class Track(NamedTuple):
    """What must be known of an aggregate beside its state: its version, and which facts led to events of it.

    `trace` is the trace context of the last of its events that has one: its timers go on in it. Those of which no
    more is to be known than the version share one.
    """

    version: int = 0
    causes: set[str] | frozenset[str] = frozenset()
    trace: str = ""

    def after(self, message: Message) -> Track:
        """With one more event."""
        causes, trace = self.causes, message.trace or self.trace
        if message.cause_source and message.place[0] == 1:
            causes = causes if isinstance(causes, set) else set()
            causes.add(f"{message.cause_source} {message.cause}")
        if causes or trace:
            return Track(message.sequence, causes, trace)
        return _plain(message.sequence)


UNKNOWN = Track()
_plain = lru_cache(Track)


class Memory(Generic[W]):
    """A decider's world, and where it stands.

    `inbox` and `log` are the positions read, `recorded` those that the last own event carries (recovery reads
    on from there), `own` the position of that event (or of a later term). `chain` is the link of the last event,
    `beside` that of the last message of the centre itself. `seen` are the aggregates that have
    events, in memory or not, `waiting` the facts held.
    """

    def __init__(
        self, decider: Decider[W], closed_kept: int, commands_kept: int, secrecy: Secrecy = OPEN
    ) -> None:
        self.decider = decider
        self.secrecy = secrecy
        self.world = decider.begin()
        self.tracks: dict[str, Track] = {}
        self.commands: OrderedDict[str, Message] = OrderedDict()
        self.inbox = 0
        self.log = 0
        self.own = 0
        self.chain = self.beside = ""
        self.recorded = (0, 0)
        self.seen = Seen()
        self.waiting = Waiting()
        self._closed: OrderedDict[str, None] = OrderedDict()
        self._closed_kept, self._commands_kept = closed_kept, commands_kept
        self._cut: list[Message] = []

    def fold(self, message: Message) -> None:
        """Take in one of the service's own events; Corrupt where it cannot follow the one before it."""
        if message.seq <= self.own:
            return
        if message.aggregate == TERM:
            self.own = message.seq
            self.chain = linked(self.chain, message).chain
            return
        first, last = message.place
        expected = self._cut[-1].place[0] + 1 if self._cut else 1
        if first != expected or (self._cut and self._cut[0].cause != message.cause):
            raise Corrupt(f"event {message.seq} is {first} of {last} of its decision, expected {expected}")
        if message.inbox < self.recorded[0] or message.log < self.recorded[1]:
            raise Corrupt(f"event {message.seq} was written from an earlier position than the one before it")
        self._cut.append(message)
        self.chain = message.chain
        if first < last:
            self.own = message.seq
            return
        whole, self._cut = self._cut, []
        for part in whole:
            self._apply(part)
        self._evict(whole)

    def _apply(self, message: Message) -> None:
        version = self.tracks.get(message.aggregate, UNKNOWN).version
        if message.sequence != version + 1:
            raise Corrupt(
                f"event {message.seq} is version {message.sequence} of {message.aggregate}, "
                f"expected {version + 1}"
            )
        self._evolve(message)
        self._record(message, message.seq)

    def _evolve(self, message: Message, event: Any = None) -> None:
        if event is None:
            event = self._replay(message)
        else:
            self.decider.evolve(self.world, message.aggregate, event, time_of(message))
        track = self.tracks[message.aggregate] = self.tracks.get(message.aggregate, UNKNOWN).after(message)
        if message.sequence == 1:
            self.seen.add(message.aggregate)
        self._hold(track, message, event)
        if message.aggregate not in self.waiting.about and self.decider.over(self.world, message.aggregate):
            self._closed[message.aggregate] = None
            self._closed.move_to_end(message.aggregate)
        else:
            self._closed.pop(message.aggregate, None)

    def _hold(self, track: Track, message: Message, event: Any) -> None:
        """Have a fact wait, or no longer: it was decided, or refused and may be sent again."""
        if held := self.decider.held(message, event):
            self.waiting.begin(held)
        elif self.waiting and (refused := self.waiting.settle(message)):
            self.tracks[message.aggregate] = track._replace(causes=set(track.causes) - {refused.key})

    def _replay(self, message: Message) -> Any:
        """Let a recorded event happen, and return it; what this release cannot read stops what it is about."""
        at = time_of(message)
        try:
            event = self.decider.decode(message.name, message.version, message.data)
            self.decider.evolve(self.world, message.aggregate, event, at)
            return event
        except Exception as reason:
            if isinstance(reason, Malformed) and not reason.unknown:
                raise
            event_read = f"{message.name} of version {message.version}, number {message.sequence}"
            self.decider.stop(self.world, message.aggregate, f"{event_read}: {Fault(reason).reason}")
            return None

    def _record(self, message: Message, seq: int) -> None:
        self.inbox, self.log = max(self.inbox, message.inbox), max(self.log, message.log)
        self.recorded = message.inbox, message.log
        self.own = seq
        if message.actor and message.cause_source:
            self.commands[f"{message.cause_source} {message.cause}"] = message._replace(seq=seq)
            while len(self.commands) > self._commands_kept:
                self.commands.popitem(last=False)

    def absent(self, message: Message) -> bool:
        """Whether the aggregate of an own event must be read back before the event can be folded."""
        known = message.aggregate in self.tracks or any(m.aggregate == message.aggregate for m in self._cut)
        return message.sequence > 1 and not known

    def restore(self, aggregate: str, history: Iterable[Message]) -> None:
        """Read an aggregate back from its events, those of a decision cut short left out."""
        until = self._cut[0].seq - 1 if self._cut else self.own
        whole = [message for message in history if message.seq <= until]
        self._leave(aggregate)
        for message in whole:
            self.secrecy.learn(message)
        for message in whole:
            self._evolve(message)

    def refer(self, message: Message) -> None:
        """Take in a message of the centre's own part of the log."""
        self.beside = message.chain
        self.decider.refer(self.world, message)

    @property
    def cut(self) -> Message | None:
        """The last event of a decision whose rest is missing; `complete` it before anything else."""
        return self._cut[-1] if self._cut else None

    def stored(self, messages: Sequence[Message], sequences: Sequence[int]) -> None:
        """The server has these events, at these sequences."""
        for message, seq in zip(messages, sequences, strict=True):
            self._record(message, seq)
        self._evict(messages)

    @property
    def open(self) -> int:
        """How many aggregates are in memory because they are not over."""
        return len(self.tracks) - len(self._closed)

    def _evict(self, stored: Sequence[Message]) -> None:
        for aggregate in {message.aggregate for message in stored}:
            if aggregate in self._closed and not self.secrecy.keeps(aggregate):
                del self._closed[aggregate]
                self._leave(aggregate)
        while len(self._closed) > self._closed_kept:
            self._leave(self._closed.popitem(last=False)[0])

    def _leave(self, aggregate: str) -> None:
        self.decider.forget(self.world, aggregate)
        self.tracks.pop(aggregate, None)
        self.waiting.forget(aggregate)
