"""A service's domain as the loop wants it: messages in, decoded and dated; events out, by their stable names."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from contracts import registry
from contracts.base import Data, Refused
from contracts.commands import DiscardLetter, OpenProblem, RegisterTicket, ResendLetter
from contracts.deciding import Decision, Index, Input, World
from contracts.events import CentreOpened, FactDeferred, FactRejected, KeyKept, ProtocolPublished
from contracts.facts import EARLIEST, CallOffered, CustomerRegistered, MessageReceived
from contracts.letters import EVENTS as LETTERS
from contracts.protocol import Protocol as CentreProtocol
from eventlog import errors
from eventlog.codec import Malformed, Message
from eventlog.decider import Arrival, Held
from eventlog.faults import Fault
from eventlog.view import Reading
from services import early, facts, letters, rejecting
from services.sealing import Sealing

BEGINNINGS = {registry.name_of_type(kind) for kind in (CallOffered, CustomerRegistered, MessageReceived)} | {
    verb for verb, kind in registry.COMMANDS["tickets"].items() if kind in (RegisterTicket, OpenProblem)
}
"""The facts and commands with which something new may begin that stays in memory until it is over."""


class Domain(Protocol):
    """What every `services.X.domain` offers; `next_timer` where the service has timers."""

    def evolve(self, aggregate: Any, event: Data, at: datetime, /) -> Any:
        """The aggregate after one of its events."""
        ...

    def decide(self, world: Any, input: Input, /) -> Decision:
        """Events for an input."""
        ...

    def closed(self, aggregate: Any, /) -> bool:
        """Whether nothing is pending for the aggregate."""
        ...

    def Index(self) -> Index[Any]:  # noqa: N802  a class of the domain, called for a new one
        """An empty index."""
        ...


Timer = Callable[[Any], tuple[datetime, Input] | None]
Answer = Callable[[Any, Any], dict[str, Any]]


def _call(message: Message) -> tuple[str, ...]:
    return (registry.call_of(message.aggregate),)


@dataclass(frozen=True, slots=True)
class Service:
    """All that makes one service different from another.

    `heeds` are the other services' events it decides on, `upstream` the services whose time it waits for,
    `subject_of` gives the aggregate that a command is about ("" where it begins one), `answers` are queries on
    the world, `touches` the aggregates beside its own that a message may lead to events of (absent: of what is
    kept beside a call, the call), `reading` its read model with the queries on that, `normalise` puts a fact's
    numbers in order, `seals`: what it records of strangers is sealed where a centre forgets them.
    """

    name: str
    domain: Domain
    heeds: tuple[type[Data], ...] = ()
    upstream: tuple[str, ...] = ()
    timer: Timer | None = None
    subject_of: Callable[[Data], str] = lambda command: ""
    answers: dict[str, Answer] = field(default_factory=dict)
    touches: Callable[[Message], tuple[str, ...]] = _call
    reading: Reading | None = None
    normalise: Callable[[Data, CentreProtocol], Data] | None = None
    seals: bool = False

    def about(self, command: Data) -> str:
        """The aggregate that a command is about, "" where it begins one; Malformed where that is none."""
        if not isinstance(command, ResendLetter | DiscardLetter):
            return self.subject_of(command)
        if command.about == registry.TERM:  # no aggregate: an event there would be taken for a new term
            raise Malformed("about", "a call, case or whatever else something is recorded of", command.about)
        return command.about

    @property
    def package(self) -> str:
        """The package that the domain is in."""
        return f"services.{self.name}"

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics of the inbox that this service reads."""
        return tuple(topic for topic, reader in registry.TOPICS.items() if reader == self.name)


def all_but(kinds: Iterable[type[Data]]) -> frozenset[str]:
    """The names of all facts and events but these."""
    return frozenset(registry.recorded_types()) - {registry.name_of_type(kind) for kind in kinds}


_FRAME = frozenset({FactRejected, FactDeferred, KeyKept, *LETTERS})
"""Events of every service, which change no aggregate of its domain."""


class Decider:
    """One service in one centre, for `eventlog.core.Core`."""

    asks_again = letters.ASKS_AGAIN

    def __init__(self, service: Service, centre: str) -> None:
        self.service, self.centre = service, centre
        self.name, self.upstream = service.name, service.upstream
        self.sealing = Sealing(service.seals, holds="call" in service.topics)
        self._foreseen: deque[tuple[Data, tuple[Any, Any]]] = deque()
        self.heeds = frozenset(registry.name_of_type(kind) for kind in service.heeds)
        if service.seals and not self.sealing.holds:
            self.heeds |= {registry.name_of_type(KeyKept)}

    def begin(self) -> World[Any, Any]:
        """An empty world."""
        self.sealing.begin()
        domain = self.service.domain
        return World(index=domain.Index(), aggregates=getattr(domain, "Aggregates", dict)())

    def encode(self, event: Data) -> tuple[str, int, bytes]:
        """Name, version and JSON."""
        return registry.encode(event)

    def decode(self, name: str, version: int, data: bytes) -> Data:
        """The event, as far as it can be read; Malformed where it is none of ours."""
        return facts.read(name, version, self.sealing.opened(name, data))

    def clock(self, world: World[Any, Any]) -> datetime | None:
        """The virtual clock of the centre, as facts have advanced it."""
        if not world.virtual:
            return None
        now: datetime = getattr(world.aggregates.get(registry.CLOCK), "now", EARLIEST)
        return now

    def dated(self, world: World[Any, Any], message: Message) -> Message:
        """A fact without a time occurred when it was stored; before intake, on a virtual clock, at its present."""
        return message._replace(time=message.stored if self.upstream else self.clock(world) or message.stored)

    def refer(self, world: World[Any, Any], message: Message) -> None:
        """Take in what the centre says of itself."""
        match self.decode(message.name, message.version, message.data):
            case CentreOpened(clock=clock):
                world.virtual = clock == "virtual"
            case ProtocolPublished(protocol=protocol):
                world.protocol = world.versions[protocol.version] = protocol
                self.sealing.refer(protocol)

    def decide(self, world: World[Any, Any], arrival: Arrival) -> Decision:
        """Read the message and decide on it; what comes of the aggregates is worked out before anything changes."""
        self._foreseen.clear()
        resent = letters.resent(world, arrival)
        decision = self.sealing.following(self._decision(world, arrival))
        assert arrival.message.time is not None
        self._foresee(world, decision, arrival.message.time)
        return [(arrival.aggregate, resent), *decision] if resent else decision

    def _foresee(self, world: World[Any, Any], decision: Decision, at: datetime) -> None:
        """Work out each step beforehand: one that fails has changed nothing then."""
        changed: dict[str, tuple[Any, Any]] = {}
        step = self.service.domain.evolve
        for aggregate, event in decision:
            if type(event) in _FRAME or aggregate in world.stopped:
                continue
            known = changed.get(aggregate) or (world.aggregates.get(aggregate), world.past.get(aggregate))
            after = changed[aggregate] = world.after(step, event, at, *known)
            self._foreseen.append((event, after))

    def _decision(self, world: World[Any, Any], arrival: Arrival) -> Decision:
        message = arrival.message
        assert message.time is not None
        if arrival.kind == "timer":
            timer = self.service.timer(world) if self.service.timer else None
            assert timer is not None
            return self.service.domain.decide(world, timer[1])
        origin = message.subject.split(".")[2] if message.subject else ""
        if arrival.kind == "command":
            body: Data = registry.COMMANDS[self.name][message.name].model_validate_json(message.data)
            if (decision := letters.on_command(world, body)) is not None:
                return decision
            letters.refuse_stopped(world, arrival.aggregate)
        elif arrival.kind == "fact":
            body = self._fact(world, message, origin)
        else:
            body = self.decode(message.name, message.version, message.data)
            if isinstance(body, KeyKept):
                return [(arrival.aggregate, KeyKept())]
        input = Input(
            arrival.kind,
            arrival.aggregate,
            body,
            message.time,
            origin,
            message.id,
            message.actor,
            message.seq,
        )
        return self.service.domain.decide(world, input)

    def _fact(self, world: World[Any, Any], message: Message, topic: str) -> Data:
        body = facts.fact_of(message, topic)
        return self.service.normalise(body, world.protocol) if self.service.normalise else body

    def lawful(self, arrival: Arrival, reason: Exception) -> bool:
        """Whether a fact is refused; an event of ours that cannot be decided on is a fault, whatever it is."""
        return arrival.kind == "fact" and isinstance(reason, Refused | Malformed | errors.Crowded)

    def blocked(self, world: World[Any, Any], arrival: Arrival) -> Fault | None:
        """Why an input waits untried."""
        if not (world.stopped or world.letters.waiting) or arrival.malformed is not None:
            return None
        if arrival.kind in ("command", "timer"):
            return None
        touched = self.service.touches(arrival.message) if arrival.kind == "event" else ()
        return letters.blocked(world, arrival, touched)

    def known(self, world: World[Any, Any], arrival: Arrival) -> bool:
        """Whether a fact is set aside, and this is not the one that it is sent again by: it leads to nothing."""
        return bool(world.letters.waiting) and letters.known(world, arrival.aggregate, arrival.message)

    def repeated(self, world: World[Any, Any], arrival: Arrival) -> Decision:
        """That the letter which a fact resends is outstanding no more, as the fact was decided on meanwhile."""
        return letters.repeated(world, arrival)

    def original(self, message: Message) -> int:
        """The position of the event that is to be decided on again."""
        return letters.original(message)

    def set_aside(
        self, world: World[Any, Any], arrival: Arrival, fault: Fault, log: int
    ) -> Sequence[tuple[str, Data]]:
        """The record of an input that could not be handled, and where a fact's original is kept."""
        self.sealing.refusing()
        kept, name = rejecting.told_of(self.sealing, self.centre, arrival)
        aside = letters.set_aside(
            world, arrival, fault, log, kept=kept, name=name, quoting=not self.sealing.discreet
        )
        return [(arrival.aggregate, aside)]

    def refuse(
        self, world: World[Any, Any], arrival: Arrival, reason: Exception
    ) -> Sequence[tuple[str, Data]]:
        """The record of a fact that could not be accepted, and where its original is kept."""
        self.sealing.refusing()
        in_turn = not (isinstance(reason, Refused) and reason.rule == "letter-waits")
        again = letters.resent(world, arrival) if in_turn else None
        rejected = rejecting.rejected(self.sealing, self.centre, arrival, reason)
        return [(arrival.aggregate, event) for event in (again, rejected) if event]

    def early(self, reason: Exception) -> bool:
        """Whether a refusal says that what the fact follows may still come."""
        return isinstance(reason, Refused) and reason.early

    def defer(self, world: World[Any, Any], arrival: Arrival, reason: Exception) -> tuple[str, Data]:
        """The record of a fact that waits, with what is needed to decide on it."""
        assert isinstance(reason, Refused)
        return early.deferred(self.sealing, world, arrival, reason, self._patience(world, arrival.message))

    def _patience(self, world: World[Any, Any], message: Message) -> datetime:
        """Until when a fact waits: counted from when it came, on a virtual clock from when it occurred if later."""
        assert message.time is not None
        if not world.virtual:
            return (message.stored or message.time) + early.PATIENCE
        return max(message.time, self.clock(world) or message.time) + early.PATIENCE

    def held(self, message: Message, event: Data) -> Held | None:
        """The fact that waits, if an event says so."""
        return early.held(self.centre, message, event) if isinstance(event, FactDeferred) else None

    def expire(self, world: World[Any, Any], held: Held) -> Sequence[tuple[str, Data]]:
        """The record of a fact that has waited in vain, with the reason for which it had to wait."""
        return [(held.aggregate, rejecting.expired(self.sealing, self.centre, held))]

    def evolve(self, world: World[Any, Any], aggregate: str, event: Data, at: datetime) -> None:
        """Let an event happen; that a fact is refused or waits changes nothing, nor does what befalls a stopped one."""
        if type(event) in _FRAME:
            if isinstance(event, KeyKept):
                self.sealing.happened(aggregate, event)
            elif not isinstance(event, FactRejected | FactDeferred):
                letters.evolve(world, aggregate, event)
        elif aggregate in world.stopped:
            return
        elif self._foreseen and self._foreseen[0][0] is event:
            world.become(aggregate, *self._foreseen.popleft()[1])
        else:
            world.evolve(self.service.domain.evolve, aggregate, event, at)

    def stopped(self, world: World[Any, Any]) -> Mapping[str, str]:
        """The aggregates that have stopped, and why."""
        return world.stopped

    def stop(self, world: World[Any, Any], aggregate: str, reason: str) -> None:
        """Let go of an aggregate that this release cannot read; it is folded again by one that can."""
        world.stop(aggregate, reason)

    def due(self, world: World[Any, Any]) -> tuple[datetime, Arrival] | None:
        """The service's earliest timer."""
        timer = self.service.timer(world) if self.service.timer else None
        if timer is None:
            return None
        when, input = timer
        message = Message(
            input.id, "timer", b"", input.key, registry.source(self.centre, self.name), time=input.at
        )
        return when, Arrival("timer", input.id, message)

    def follows(self, world: World[Any, Any], aggregate: str, event: Data, cause: Message | None) -> int:
        """The protocol's version that the event names, its call began with or its cause followed; or the present."""
        if isinstance(version := vars(event).get("protocol"), int):
            return version
        for named in (world.aggregates.get(aggregate), cause):
            if isinstance(version := getattr(named, "protocol", None), int):
                return version
        return world.protocol.version

    def begins(self, arrival: Arrival) -> bool:
        """Whether something new may begin with this fact or command."""
        return arrival.message.name in BEGINNINGS

    def over(self, world: World[Any, Any], aggregate: str) -> bool:
        """Whether the aggregate may leave memory."""
        if aggregate in world.stopped or (world.letters.waiting and world.letters.has(aggregate)):
            return False
        state = world.aggregates.get(aggregate)
        return state is None or self.service.domain.closed(state)

    def forget(self, world: World[Any, Any], aggregate: str) -> None:
        """Let it leave memory."""
        world.forget(aggregate)
        world.letters.forget(aggregate)
        self.sealing.forget(aggregate)
