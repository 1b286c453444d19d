"""The heart of a service: inputs in, numbered events out. No I/O, no clock.

`handle` decides, `fold` replays. Cut a history after any event, fold what is left, go on reading where the last
event says, and the same events come out: that is all there is to exactly-once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from eventlog.chain import linked
from eventlog.codec import Malformed, Message, time_of
from eventlog.decider import Arrival, Decider, Held
from eventlog.errors import Corrupt, Crowded, Taken
from eventlog.faults import Broken, Fault
from eventlog.memory import UNKNOWN, Memory
from eventlog.numbering import Encoded, encoded, event_id, salt_of
from eventlog.secrecy import OPEN, Secrecy
from eventlog.waiting import HELD

W = TypeVar("W")


class Core(Memory[W]):
    """A memory that decides.

    `refused` are the facts refused, set aside or held since somebody last looked, with the reason; `accepted` the
    positions of those that had waited and were accepted. Something new begins only while fewer than `most_open`
    (0: any number) are open.
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
        super().__init__(decider, closed_kept, commands_kept, secrecy)
        self.source, self.most_open = source, most_open
        self.refused: list[tuple[Arrival, Exception]] = []
        self.accepted: list[int] = []

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
            if known.id != event_id(salt_of(self.source, arrival), 1):
                raise Taken(f"the id {message.id} is that of another command, which led to a {known.name}")
            return []
        if arrival.kind == "fact" and arrival.malformed is None:
            track = self.tracks.get(arrival.aggregate)
            if track is not None and key in track.causes:
                return self._repeated(arrival) if message.resends else []
            if self.decider.known(self.world, arrival):
                return []
        messages = self._handled(arrival, fault)
        if not self.waiting:
            return messages
        return messages + self._released({message.aggregate for message in messages})

    def _handled(self, arrival: Arrival, fault: Fault | None) -> list[Message]:
        if held := self._expired(arrival):
            waited = held.arrival
            blocked = self.decider.blocked(self.world, waited) if waited else None
            return self._set_aside(waited, blocked) if waited and blocked else self._decide(arrival)
        if fault := fault or self.decider.blocked(self.world, arrival):
            return self._set_aside(arrival, fault)
        return self._decide(arrival, self._crowded(arrival))

    def _repeated(self, arrival: Arrival) -> list[Message]:
        if arrival.message.time is None:
            arrival = arrival._replace(message=self.decider.dated(self.world, arrival.message))
        decision = self._encoded(self.decider.repeated(self.world, arrival))
        salt = f"{salt_of(self.source, arrival)} {arrival.message.seq} repeated"
        return self._numbered(arrival, decision, salt, "")

    def _expired(self, arrival: Arrival) -> Held | None:
        """The fact that has waited long enough, if that is what a timer says."""
        return self.waiting.find(arrival.aggregate, arrival.message.id) if arrival.kind == "timer" else None

    def due(self) -> tuple[datetime, Arrival] | None:
        """The earliest timer: one of the decider's, or a fact that has waited long enough."""
        timer, end = self.decider.due(self.world), self.waiting.due(self.source)
        if end and not (timer and timer[0] <= end[0]):
            return end
        if timer and (track := self.tracks.get(timer[1].aggregate)) and track.trace:
            when, arrival = timer
            return when, arrival._replace(message=arrival.message._replace(trace=track.trace))
        return timer

    def _decide(self, arrival: Arrival, refusal: Exception | None = None) -> list[Message]:
        if arrival.message.time is None:
            arrival = arrival._replace(message=self.decider.dated(self.world, arrival.message))
        cause = arrival.message
        salt = salt_of(self.source, arrival)
        cause_source = cause.source if arrival.kind in ("fact", "command") else ""
        try:
            if arrival.malformed is not None or refusal is not None:
                raise arrival.malformed or refusal or AssertionError
            if held := self._expired(arrival):
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
                arrival = self.waiting.released_by(arrival)
        if arrival.kind in ("command", "timer") and len(decision) > 1:
            raise AssertionError(f"{cause.name}: a {arrival.kind} may lead to one event only")
        if arrival.kind == "timer" and not decision:  # it would be due for ever
            raise Fault(AssertionError(f"{cause.id}: a timer leads to an event"))
        return self._numbered(arrival, decision, salt, cause_source)

    def _crowded(self, arrival: Arrival) -> Crowded | None:
        """Why something new may not begin; what others have recorded is never refused, nor a decision cut short."""
        if not self.most_open or self.open < self.most_open or arrival.kind not in ("fact", "command"):
            return None
        if (arrival.kind == "fact" and arrival.aggregate in self.tracks) or not self.decider.begins(arrival):
            return None
        if arrival.message.resends:  # somebody wants it to begin
            return None
        return Crowded(f"{self.open} are open, of at most {self.most_open}: nothing new can begin")

    def _set_aside(self, arrival: Arrival, fault: Fault) -> list[Message]:
        """Record that an input could not be handled; a fact's original is to be kept, as that of a refused one."""
        if arrival.message.time is None:
            arrival = arrival._replace(message=self.decider.dated(self.world, arrival.message))
        decision = self._encoded(self.decider.set_aside(self.world, arrival, fault, self.log))
        if arrival.kind == "fact":
            self.refused.append((arrival, fault))
        salt = f"{salt_of(self.source, arrival)} {arrival.message.seq or self.log} aside"
        return self._numbered(self.waiting.released_by(arrival), decision, salt, "")

    # facts that wait

    def resume(self) -> list[Message]:
        """Decide on the facts that could be decided behind the last event, and were not yet."""
        return self._released(set(self.waiting.about))

    def _released(self, aggregates: set[str]) -> list[Message]:
        """Decide on what was held for these, the earliest that fits first, as long as anything does."""
        messages: list[Message] = []
        tried = set[str]()  # each once: whatever becomes of one, it cannot hold up the rest
        while True:
            held = (it for it in self.waiting.in_order(aggregates) if it.id not in tried)
            fits = next((it for it in held if self._fits(it)), None)
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

    def _waits(self, arrival: Arrival, reason: Exception) -> list[Encoded]:
        """That a refused fact waits for what it follows; nothing where it does not, or too many do."""
        if arrival.kind != "fact" or arrival.message.resends or not self.decider.early(reason):
            return []
        if self.waiting.full(arrival.aggregate):
            return []
        try:
            return self._encoded([self.decider.defer(self.world, arrival, reason)])
        except Malformed:  # too large to be recorded
            return []

    # numbering

    def _encoded(self, decision: Sequence[tuple[str, Any]]) -> list[Encoded]:
        return encoded(self.decider, self.secrecy, decision)

    def _numbered(
        self, arrival: Arrival, decision: Sequence[Encoded], salt: str, cause_source: str
    ) -> list[Message]:
        cause = arrival.message
        if arrival.again:
            again = arrival.again
            trace = again.trace or cause.trace
            cause = again._replace(time=cause.time, protocol=cause.protocol, trace=trace)
        try:
            return [
                self._number(cause, event, salt, cause_source, (place, len(decision)))
                for place, event in enumerate(decision, start=1)
            ]
        except Exception as error:
            raise Broken(f"{arrival.kind} {arrival.message.name} of {arrival.aggregate}") from error

    def _number(
        self, cause: Message, encoded: Encoded, salt: str, cause_source: str, place: tuple[int, int]
    ) -> Message:
        aggregate, event, name, version, data = encoded
        track = self.tracks.get(aggregate, UNKNOWN)
        message = Message(
            aggregate=aggregate,
            name=name,
            data=data,
            id=event_id(salt, place[0]),
            source=self.source,
            version=version,
            sequence=track.version + 1,
            time=time_of(cause),
            cause=cause.id,
            cause_source=cause_source,
            place=place,
            inbox=self.inbox,
            log=self.log,
            protocol=self.decider.follows(self.world, aggregate, event, None if cause_source else cause),
            actor=cause.actor if cause_source else "",
            trace=cause.trace,
        )
        self._evolve(message, event)
        message = self._linked(message)
        if message.actor:
            self.commands[f"{cause_source} {cause.id}"] = message
        return message

    def _linked(self, message: Message) -> Message:
        message = linked(self.chain, message, self.beside)
        self.chain = message.chain
        return message

    # a decision cut short

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


def _identity(message: Message) -> tuple[Any, ...]:
    return message.id, message.aggregate, message.name, message.sequence, message.place
