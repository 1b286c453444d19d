"""The heart of a service: inputs in, numbered events out, state from its own events alone. No I/O, no clock.

`Core.handle` decides; `Core.fold` replays. Cut a history after any event, fold what is left, go on reading
where the last event says, and the same events come out: that is all there is to exactly-once.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

from eventlog.chain import linked
from eventlog.codec import Malformed, Message, Types
from eventlog.errors import Corrupt, Crowded, Taken
from eventlog.faults import Broken, Fault
from eventlog.secrecy import OPEN, Secrecy

TERM = "term"
LARGEST = 400 * 1024
"""Bytes of data that an event may have: with its headers it must fit where a message of 512 KiB does."""
HELD = "held"
MOST_HELD, MOST_HELD_OF_ONE = 10_000, 100
"""How many facts may wait for what they follow, in all and about one thing; more are refused at once."""
W = TypeVar("W")


class Arrival(NamedTuple):
    """Something to decide on: `message` as it was read, and the aggregate of this service that it is about.

    Facts come from the inbox, events from other services' part of the log; `message.seq` is their position
    there. `malformed` is set where the message could not be read at all, `again` is the service's own event that
    asks for another's event to be decided on once more.
    """

    kind: Literal["fact", "event", "command", "timer"]
    aggregate: str
    message: Message
    malformed: Malformed | None = None
    again: Message | None = None

    @property
    def identity(self) -> tuple[str, str, str, int]:
        """What tells one input from another."""
        return self.kind, self.message.source, self.message.id, self.message.seq


class Held(NamedTuple):
    """A fact that came before what it follows: it is decided when that has come, or refused after `until`.

    `why` is the event that says so, by the id `id`; `key` is the fact's source and id. `fact` is None where it cannot
    be read any more.
    """

    until: datetime
    id: str
    aggregate: str
    fact: Message | None
    why: Any
    key: str

    @property
    def arrival(self) -> Arrival | None:
        """The fact as an input."""
        return Arrival("fact", self.aggregate, self.fact) if self.fact else None


class Decider(Types, Protocol[W]):
    """What a service gives the loop. `decide` raises where an input may not be accepted."""

    name: str
    heeds: frozenset[str]
    """Names of the other services' events that it decides on; the rest is passed over unread."""
    asks_again: str
    """The name of the service's own event that asks for another service's event to be decided on once more."""
    upstream: tuple[str, ...]
    """Services whose time it must have heard before its own clock moves; none: it reads the time itself."""

    def begin(self) -> W:
        """The world before the first event."""
        ...

    def clock(self, world: W) -> datetime | None:
        """The centre's virtual clock, None where the world's holds; only asked where nobody is upstream."""
        ...

    def dated(self, world: W, message: Message) -> Message:
        """The message with the time at which it occurred, where it does not say so itself."""
        ...

    def decide(self, world: W, arrival: Arrival) -> Sequence[tuple[str, Any]]:
        """Events with the aggregates they belong to; pure."""
        ...

    def refuse(self, world: W, arrival: Arrival, reason: Exception) -> Sequence[tuple[str, Any]]:
        """What is recorded of a fact (or of another's event) that could not be accepted, in one event."""
        ...

    def early(self, reason: Exception) -> bool:
        """Whether a fact is refused only because something that it follows has not come yet."""
        ...

    def defer(self, world: W, arrival: Arrival, reason: Exception) -> tuple[str, Any]:
        """What is recorded of a fact that waits."""
        ...

    def held(self, message: Message, event: Any) -> Held | None:
        """The fact that waits, if that is what an own event says."""
        ...

    def expire(self, world: W, held: Held) -> Sequence[tuple[str, Any]]:
        """What is recorded of a fact that has waited in vain, in one event."""
        ...

    def lawful(self, arrival: Arrival, reason: Exception) -> bool:
        """Whether that is a refusal of the input, and no fault of ours."""
        ...

    def blocked(self, world: W, arrival: Arrival) -> Fault | None:
        """Why an input is to be set aside without being tried."""
        ...

    def set_aside(self, world: W, arrival: Arrival, fault: Fault, log: int) -> Sequence[tuple[str, Any]]:
        """What is recorded, in one event, of an input that could not be handled; `log` is how far the log was read."""
        ...

    def original(self, message: Message) -> int:
        """The position of the event that one of the service's own asks to be decided on once more; 0 for none."""
        ...

    def known(self, world: W, arrival: Arrival) -> bool:
        """Whether a fact is set aside, and this is not the one that it is sent again by."""
        ...

    def repeated(self, world: W, arrival: Arrival) -> Sequence[tuple[str, Any]]:
        """What is recorded, in at most one event, of a fact that was decided on already; mostly nothing."""
        ...

    def evolve(self, world: W, aggregate: str, event: Any, at: datetime) -> None:
        """Let one of the service's own events happen."""
        ...

    def stopped(self, world: W) -> Mapping[str, str]:
        """The aggregates in memory that have stopped, and why."""
        ...

    def stop(self, world: W, aggregate: str, reason: str) -> None:
        """The aggregate's own events cannot be read any further: it leaves memory, and nothing is decided on it."""
        ...

    def refer(self, world: W, message: Message) -> None:
        """Take in a message of the centre itself (protocol, clock): it is no state of the service."""
        ...

    def due(self, world: W) -> tuple[datetime, Arrival] | None:
        """The earliest timer: when it may fire, and what it says."""
        ...

    def follows(self, world: W, aggregate: str, event: Any, cause: Message | None) -> int:
        """The version of the rules by which an event is decided, perhaps because of another service's event."""
        ...

    def begins(self, arrival: Arrival) -> bool:
        """Whether something new may begin with this fact or command."""
        ...

    def over(self, world: W, aggregate: str) -> bool:
        """Whether the aggregate may leave memory."""
        ...

    def forget(self, world: W, aggregate: str) -> None:
        """Let it leave memory; it can be read back by folding its events again."""
        ...


@dataclass(slots=True)
class Track:
    """What the core itself must know of an aggregate: its version, which facts led to events of it, which wait.

    `held` by the id of the event that says so; None where there is none, as is usual.
    """

    version: int = 0
    causes: set[str] = field(default_factory=set)
    held: dict[str, Held] | None = None


class Core(Generic[W]):
    """A decider with its world, and where it stands.

    `inbox` and `log` are the positions read, `recorded` those that the last own event carries (recovery reads
    on from there), `own` the position of that event (or of a later term) and `own_id` its id. `chain` is the link
    of the last event, `beside` that of the last message of the centre itself. `nowhere` are aggregates that were
    looked for in the log and have no event yet, `waiting` the facts held, by time.
    """

    def __init__(
        self,
        decider: Decider[W],
        source: str,
        closed_kept: int = 10_000,
        commands_kept: int = 100_000,
        secrecy: Secrecy = OPEN,
        most_open: int = 0,
    ) -> None:
        self.decider = decider
        self.most_open = most_open
        self.secrecy = secrecy
        self.source = source
        self.world = decider.begin()
        self.tracks: dict[str, Track] = {}
        self.commands: OrderedDict[str, Message] = OrderedDict()
        self.inbox = 0
        self.log = 0
        self.own = 0
        self.own_id = ""
        self.chain = self.beside = ""
        self.recorded = (0, 0)
        self.refused: list[tuple[Arrival, Exception]] = []
        self.accepted: list[int] = []
        self.nowhere: OrderedDict[str, None] = OrderedDict()
        self.waiting: list[tuple[datetime, str, str]] = []
        self._closed: OrderedDict[str, None] = OrderedDict()
        self._closed_kept, self._commands_kept = closed_kept, commands_kept
        self._cut: list[Message] = []

    # replay

    def fold(self, message: Message) -> None:
        """Take in one of the service's own events; Corrupt where it cannot follow the one before it."""
        if message.seq <= self.own:
            return
        if message.aggregate == TERM:
            self.own, self.own_id = message.seq, message.id
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
        track = self.tracks.setdefault(message.aggregate, Track())
        if message.sequence != track.version + 1:
            raise Corrupt(
                f"event {message.seq} is version {message.sequence} of {message.aggregate}, "
                f"expected {track.version + 1}"
            )
        self._evolve(track, message)
        self._record(message)

    def _evolve(self, track: Track, message: Message, event: Any = None) -> None:
        if event is None:
            event = self._replay(message)
        else:
            self.decider.evolve(self.world, message.aggregate, event, _time(message))
        track.version = message.sequence
        self.nowhere.pop(message.aggregate, None)
        if message.cause_source and message.place[0] == 1:
            track.causes.add(f"{message.cause_source} {message.cause}")
        self._hold(track, message, event)
        if not track.held and self.decider.over(self.world, message.aggregate):
            self._closed[message.aggregate] = None
            self._closed.move_to_end(message.aggregate)
        else:
            self._closed.pop(message.aggregate, None)

    def _hold(self, track: Track, message: Message, event: Any) -> None:
        """Have a fact wait, or no longer: it was decided, or refused and may be sent again."""
        if held := self.decider.held(message, event):
            track.held = {**(track.held or {}), held.id: held}
            heapq.heappush(self.waiting, (held.until, held.id, held.aggregate))
        elif track.held:
            for held in list(track.held.values()):
                if message.cause_source and _is_of(held, message):
                    del track.held[held.id]
                elif not message.cause_source and message.cause == held.id:
                    del track.held[held.id]
                    track.causes.discard(held.key)

    def _replay(self, message: Message) -> Any:
        """Let a recorded event happen, and return it; what this release cannot read stops what it is about."""
        at = _time(message)
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

    def _record(self, message: Message) -> None:
        self.inbox, self.log = max(self.inbox, message.inbox), max(self.log, message.log)
        self.recorded = message.inbox, message.log
        self.own, self.own_id = message.seq, message.id
        if message.actor and message.cause_source:
            self.commands[f"{message.cause_source} {message.cause}"] = message
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
        track = Track()
        for message in whole:
            self.tracks[aggregate] = track
            self._evolve(track, message)

    def refer(self, message: Message) -> None:
        """Take in a message of the centre's own part of the log."""
        self.beside = message.chain
        self.decider.refer(self.world, message)

    @property
    def cut(self) -> Message | None:
        """The last event of a decision whose rest is missing; `complete` it before anything else."""
        return self._cut[-1] if self._cut else None

    def complete(self, arrival: Arrival) -> list[Message]:
        """Decide again what was cut short, on the state before it, and return what is missing of it."""
        part, self._cut, head = self._cut, [], self.chain
        self.inbox, self.log = part[0].inbox, part[0].log
        try:
            whole = self._decide(arrival)
        except Fault as fault:
            raise Corrupt(
                f"the decision cut short at {part[-1].seq} cannot be made again: {fault}"
            ) from fault
        if [_identity(m) for m in whole[: len(part)]] != [_identity(m) for m in part]:
            raise Corrupt(f"the decision cut short at {part[-1].seq} comes out differently: {part[-1].name}")
        self.stored(whole[: len(part)], [m.seq for m in part])
        self.chain = head  # the terms behind the part are in it
        rest = [self._linked(m) for m in whole[len(part) :]]
        return [*rest, *self.resume()]

    def resume(self) -> list[Message]:
        """Decide on the facts that could be decided behind the last event, and were not yet."""
        aggregates = {aggregate for _, _, aggregate in self.waiting}
        return self._released(aggregates) if aggregates else []

    def cause_of(self, cut: Message) -> Arrival | None:
        """The held fact that a decision cut short is about; None if it is about something read."""
        if not cut.cause_source:
            return None
        of = [it for track in self.tracks.values() if track.held for it in track.held.values()]
        return next((it.arrival for it in of if _is_of(it, cut)), None)

    # decisions

    def handle(self, arrival: Arrival, fault: Fault | None = None) -> list[Message]:
        """Decide on an input and let what comes out happen; the events are numbered and ready to be stored.

        A fact or command known by source and id leads to nothing. A refused command raises its refusal; of a
        refused fact the refusal is recorded, and noted in `refused` so that the original can be kept first; so it is
        of one that waits, and if that is accepted after all its position is noted in `accepted`.
        Raises Fault, and nothing has changed, where the input cannot be handled: given back with that `fault`
        it is set aside.
        """
        message = arrival.message
        if arrival.kind == "fact":
            self.inbox = message.seq
        elif arrival.kind == "event":
            self.log = (arrival.again or message).seq
        key = f"{message.source} {message.id}"
        if arrival.kind == "command" and (known := self.commands.get(key)):
            if known.id != _event_id(self._salt(arrival), 1):
                raise Taken(f"the id {message.id} is that of another command, which led to a {known.name}")
            return []
        if arrival.kind == "fact" and arrival.malformed is None:
            track = self.tracks.get(arrival.aggregate)
            if track is not None and key in track.causes:
                return self._repeated(arrival) if message.resends else []
            if self.decider.known(self.world, arrival):
                return []
        messages = self._handled(arrival, fault)
        return self._with_released(messages) if self.waiting else messages

    def _handled(self, arrival: Arrival, fault: Fault | None) -> list[Message]:
        if arrival.kind == "timer" and (held := self._held(arrival.aggregate, arrival.message.id)):
            blocked = self.decider.blocked(self.world, held.arrival) if held.arrival else None
            return (
                self._set_aside(held.arrival, blocked) if held.arrival and blocked else self._decide(arrival)
            )
        if fault := fault or self.decider.blocked(self.world, arrival):
            return self._set_aside(arrival, fault)
        return self._decide(arrival, self._crowded(arrival))

    def _repeated(self, arrival: Arrival) -> list[Message]:
        if arrival.message.time is None:
            arrival = arrival._replace(message=self.decider.dated(self.world, arrival.message))
        decision = self._encoded(self.decider.repeated(self.world, arrival))
        return self._numbered(arrival, decision, f"{self._salt(arrival)} {arrival.message.seq} repeated", "")

    def due(self) -> tuple[datetime, Arrival] | None:
        """The earliest timer: one of the decider's, or a fact that has waited long enough."""
        timer = self.decider.due(self.world)
        while self.waiting:
            until, id, aggregate = self.waiting[0]
            if self._held(aggregate, id):
                if timer and timer[0] <= until:
                    return timer
                return until, Arrival(
                    "timer", aggregate, Message(aggregate, HELD, b"", id, self.source, time=until)
                )
            heapq.heappop(self.waiting)
        return timer

    def _held(self, aggregate: str, id: str) -> Held | None:
        track = self.tracks.get(aggregate)
        return track.held.get(id) if track and track.held else None

    def _released_by(self, arrival: Arrival) -> Arrival:
        """The input; of a fact that waited, with the event that says so as the cause: it waits no more."""
        track = self.tracks.get(arrival.aggregate)
        for held in (track.held or {}).values() if track and arrival.kind == "fact" else ():
            if held.fact and (held.fact.source, held.fact.id) == (arrival.message.source, arrival.message.id):
                return arrival._replace(message=arrival.message._replace(id=held.id))
        return arrival

    def _with_released(self, messages: list[Message]) -> list[Message]:
        """The decision, with those on the facts that waited for it."""
        return messages + self._released({message.aggregate for message in messages})

    def _released(self, aggregates: set[str]) -> list[Message]:
        """Decide on what was held for these, the earliest that fits first, as long as anything does."""
        messages: list[Message] = []
        tried = set[str]()  # each once: whatever becomes of one, it cannot hold up the rest
        while True:
            tracks = [track for it in aggregates if (track := self.tracks.get(it)) and track.held]
            held = [
                it for track in tracks for it in (track.held or {}).values() if it.fact and it.id not in tried
            ]
            fits = next((it for it in sorted(held, key=_in_order) if self._fits(it)), None)
            if fits is None or fits.arrival is None:
                return messages
            tried.add(fits.id)
            refused = len(self.refused)
            try:
                decided = self._decide(fits.arrival)
            except Fault as fault:
                decided = self._set_aside(fits.arrival, fault)
            if len(self.refused) == refused:
                self.accepted.append(fits.arrival.message.seq)
            aggregates |= {message.aggregate for message in decided}
            messages += decided

    def _fits(self, held: Held) -> bool:
        """Whether a fact waits for nothing any more; it may be refused all the same."""
        assert held.arrival
        if self.decider.blocked(self.world, held.arrival):
            return False
        try:
            self.decider.decide(self.world, held.arrival)
        except Exception as reason:  # noqa: BLE001  whatever it is, it is not that it came early
            return not self.decider.early(reason)
        return True

    def _set_aside(self, arrival: Arrival, fault: Fault) -> list[Message]:
        """Record that an input could not be handled; a fact's original is to be kept, as that of a refused one."""
        if arrival.message.time is None:
            arrival = arrival._replace(message=self.decider.dated(self.world, arrival.message))
        decision = self._encoded(self.decider.set_aside(self.world, arrival, fault, self.log))
        if arrival.kind == "fact":
            self.refused.append((arrival, fault))
        salt = f"{self._salt(arrival)} {arrival.message.seq or self.log} aside"
        return self._numbered(self._released_by(arrival), decision, salt, "")

    @property
    def open(self) -> int:
        """How many aggregates are in memory because they are not over."""
        return len(self.tracks) - len(self._closed)

    def _crowded(self, arrival: Arrival) -> Crowded | None:
        """Why something new may not begin; what others have recorded is never refused, nor a decision cut short."""
        if not self.most_open or self.open < self.most_open or arrival.kind not in ("fact", "command"):
            return None
        if (arrival.kind == "fact" and arrival.aggregate in self.tracks) or not self.decider.begins(arrival):
            return None
        if arrival.message.resends:  # somebody wants it to begin
            return None
        return Crowded(f"{self.open} are open, of at most {self.most_open}: nothing new can begin")

    def _decide(self, arrival: Arrival, refusal: Exception | None = None) -> list[Message]:
        if arrival.message.time is None:
            arrival = arrival._replace(message=self.decider.dated(self.world, arrival.message))
        cause = arrival.message
        salt = self._salt(arrival)
        cause_source = cause.source if arrival.kind in ("fact", "command") else ""
        try:
            if arrival.malformed is not None or refusal is not None:
                raise arrival.malformed or refusal or AssertionError
            if arrival.kind == "timer" and (held := self._held(arrival.aggregate, cause.id)):
                decision = self._encoded(self.decider.expire(self.world, held))
            else:
                decision = self._encoded(self.decider.decide(self.world, arrival))
        except Exception as reason:
            if arrival.kind == "command":
                raise
            if not self.decider.lawful(arrival, reason):
                raise Fault(reason) from reason
            self.refused.append((arrival, reason))
            if waits := self._waits(arrival, reason):
                decision, salt = waits, f"{salt} {HELD} {cause.seq}"
            else:
                decision = self._encoded(self.decider.refuse(self.world, arrival, reason))
                salt, cause_source = f"{salt} {cause.seq}", ""
                arrival = self._released_by(arrival)
        if arrival.kind in ("command", "timer") and len(decision) > 1:
            raise AssertionError(f"{cause.name}: a {arrival.kind} may lead to one event only")
        if arrival.kind == "timer" and not decision:  # it would be due for ever
            raise Fault(AssertionError(f"{cause.id}: a timer leads to an event"))
        return self._numbered(arrival, decision, salt, cause_source)

    def _numbered(
        self, arrival: Arrival, decision: Sequence[_Encoded], salt: str, cause_source: str
    ) -> list[Message]:
        cause = arrival.message
        if arrival.again:
            cause = arrival.again._replace(time=cause.time, protocol=cause.protocol)
        try:
            return [
                self._number(cause, event, salt, cause_source, (place, len(decision)))
                for place, event in enumerate(decision, start=1)
            ]
        except Exception as error:
            raise Broken(f"{arrival.kind} {arrival.message.name} of {arrival.aggregate}") from error

    def _waits(self, arrival: Arrival, reason: Exception) -> list[_Encoded]:
        """That a refused fact waits for what it follows; nothing where it does not, or too many do."""
        if arrival.kind != "fact" or arrival.message.resends or not self.decider.early(reason):
            return []
        if len(self.waiting) >= MOST_HELD:
            return []
        track = self.tracks.get(arrival.aggregate)
        if track and track.held and len(track.held) >= MOST_HELD_OF_ONE:
            return []
        try:
            return self._encoded([self.decider.defer(self.world, arrival, reason)])
        except Malformed:  # too large to be recorded
            return []

    def _encoded(self, decision: Sequence[tuple[str, Any]]) -> list[_Encoded]:
        encoded = []
        for aggregate, event in decision:
            name, version, data = self.decider.encode(event)
            sealed = self.secrecy.seal(aggregate, event, data)
            encoded.append(_Encoded(aggregate, event, name, version, sealed))
        largest = max((len(event.data) for event in encoded), default=0)
        if largest > LARGEST:
            raise Malformed("data", f"at most {LARGEST} bytes when recorded", str(largest))
        return encoded

    def _salt(self, arrival: Arrival) -> str:
        """What the ids of an input's events are made of; a command's verb is part of it, a fact's type is not."""
        cause = arrival.message
        verb = f" {cause.name}" if arrival.kind == "command" else ""
        again = f" {arrival.again.id}" if arrival.again else ""
        return f"{self.source} {arrival.kind} {cause.source} {cause.id}{verb}{again}"

    def _number(
        self, cause: Message, encoded: _Encoded, salt: str, cause_source: str, place: tuple[int, int]
    ) -> Message:
        aggregate, event, name, version, data = encoded
        track = self.tracks.setdefault(aggregate, Track())
        message = Message(
            aggregate=aggregate,
            name=name,
            data=data,
            id=_event_id(salt, place[0]),
            source=self.source,
            version=version,
            sequence=track.version + 1,
            time=_time(cause),
            cause=cause.id,
            cause_source=cause_source,
            place=place,
            inbox=self.inbox,
            log=self.log,
            protocol=self.decider.follows(self.world, aggregate, event, None if cause_source else cause),
            actor=cause.actor if cause_source else "",
            trace=cause.trace,
        )
        self._evolve(track, message, event)
        message = self._linked(message)
        if message.actor:
            self.commands[f"{cause_source} {cause.id}"] = message
        return message

    def _linked(self, message: Message) -> Message:
        message = linked(self.chain, message, self.beside)
        self.chain = message.chain
        return message

    def stored(self, messages: Sequence[Message], sequences: Sequence[int]) -> None:
        """The server has these events, at these sequences."""
        for message, seq in zip(messages, sequences, strict=True):
            self._record(message._replace(seq=seq))
        self._evict(messages)

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


class _Encoded(NamedTuple):
    """An event of a decision, and how it is stored."""

    aggregate: str
    event: Any
    name: str
    version: int
    data: bytes


def _is_of(held: Held, message: Message) -> bool:
    fact = held.fact
    return fact is not None and (fact.source, fact.id) == (message.cause_source, message.cause)


def _in_order(held: Held) -> tuple[datetime, int]:
    assert held.fact
    return _time(held.fact), held.fact.seq


def _identity(message: Message) -> tuple[Any, ...]:
    return message.id, message.aggregate, message.name, message.sequence, message.place


def _event_id(salt: str, place: int) -> str:
    return blake2b(f"{salt} {place}".encode(), digest_size=12).hexdigest()


def _time(message: Message) -> datetime:
    if message.time is None:
        raise Corrupt(f"{message.name} {message.id} has no time")
    return message.time
