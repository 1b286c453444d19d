"""Four services on a log in memory, taking turns in a fixed order, any of which may be cut short anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from centralita.stack import ALL
from contracts import registry
from contracts.base import Data
from contracts.events import CentreOpened, ProtocolPublished
from contracts.protocol import Protocol
from eventlog.chain import linked
from eventlog.checkpoint import Checkpoint
from eventlog.codec import Message
from eventlog.core import Core
from eventlog.decider import Arrival
from eventlog.faults import Fault
from eventlog.headers import block_of
from eventlog.pull import nanoseconds
from eventlog.stream import Raw
from services.decider import Decider
from services.seat import place_of
from tests.unit.given import START

CENTRE = "acme"
STORED = datetime(2026, 6, 1, tzinfo=UTC)
CHECKPOINT = Checkpoint(Path("nowhere"), "1")


class Died(Exception):
    """An instance is no more; says whether its successor has a checkpoint."""


class Asked(NamedTuple):
    """A command that was sent to a service, with the aggregate it is about."""

    aggregate: str
    message: Message


@dataclass
class Post:
    """A service at its place: what it was told to read so far, and what it has said of the time."""

    name: str
    core: Core[Any]
    inbox: int = 0
    log: int = 0
    clock: datetime | None = None
    said: list[tuple[int, int, datetime]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    checkpoint: bytes | None = None


def handled(core: Core[Any], arrival: Arrival) -> list[Message]:
    """What a service decides on an input; what it cannot handle is set aside at once."""
    try:
        return core.handle(arrival)
    except Fault as fault:
        return core.handle(arrival, fault)


class Line:
    """A centre of four services and its two streams.

    `cuts`: once the log ends at this position, whoever was about to go on writing, or has just written, dies;
    a successor takes over from the log alone or, where it says so, with a checkpoint.
    """

    def __init__(self, protocol: Protocol, cuts: Mapping[int, bool], closed_kept: int) -> None:
        self.log: list[Message] = []
        self.inbox: list[Raw] = []
        self.turn = 0
        self.cuts = dict(cuts)
        self.recovered = 0
        self.completed = 0
        self._closed_kept = closed_kept
        self.places = {name: place_of(CENTRE, service) for name, service in ALL.items()}
        self.posts = [Post(name, self._core(name)) for name in ALL]
        self._say(CentreOpened(clock="virtual"))
        self.publish(protocol)

    # what happens outside

    def publish(self, protocol: Protocol) -> None:
        """Have the centre work by a protocol."""
        self._say(
            ProtocolPublished(
                name=protocol.name, version=protocol.version, protocol=protocol.model_dump(mode="json")
            )
        )

    def _say(self, event: Data) -> None:
        kind, version, data = registry.encode(event)
        subject = registry.log_subject(CENTRE, registry.CENTRE, CENTRE)
        before = [it for it in self.log if it.subject == subject]
        source, id = registry.source(CENTRE, registry.CENTRE), f"{CENTRE}-{len(self.log) + 1}"
        message = Message(CENTRE, kind, data, id, source, version, len(before) + 1, START)
        self._store(subject, linked(before[-1].chain if before else "", message))

    def tell(self, subject: str, headers: dict[str, str], data: bytes) -> None:
        """Publish anything at all to the inbox."""
        seq = len(self.inbox) + 1
        self.inbox.append(
            Raw(subject, block_of(headers), data, seq, nanoseconds(STORED + timedelta(seconds=seq)), 0)
        )

    def ask(self, service: str, asked: Asked) -> None:
        """Send a command."""
        next(post for post in self.posts if post.name == service).asked.append(asked)

    # turns

    def round(self, inputs: int) -> bool:
        """Let each service read so many messages of log and inbox; says whether any had something to do."""
        return sum(self._turn(post, inputs) for post in self.posts) > 0

    def settle(self) -> None:
        """Go on until nobody has anything to do."""
        for _ in range(10_000):
            if not self.round(7):
                return
        raise AssertionError("it does not come to rest")

    def _turn(self, post: Post, inputs: int) -> bool:
        self.turn += 1
        before = post.inbox, post.log, len(self.log), len(post.asked), post.clock
        post.log = min(post.log + inputs, len(self.log))
        ready = post.log >= 2  # the centre's own first messages are known
        post.inbox = min(post.inbox + inputs, len(self.inbox)) if ready else 0
        died: Died | None = None
        while True:
            try:
                if died:
                    self._recover(post, died.args[0])
                self._append(post, self._decide(post))
                break
            except Died as death:
                died = death
        del post.asked[:1]
        if self.turn % 5 == 0:
            content = BytesIO()
            CHECKPOINT.dump(post.core, content)
            post.checkpoint = content.getvalue()
        self._tick(post)
        return before != (post.inbox, post.log, len(self.log), len(post.asked), post.clock)

    def _decide(self, post: Post) -> list[Message]:
        core, place, messages = post.core, self.places[post.name], list[Message]()
        read = [message for message in self.log[core.log : post.log] if self._minds(post, message)]
        facts = [
            place.fact(raw)
            for raw in self.inbox[core.inbox : post.inbox]
            if registry.TOPICS.get(raw.subject.split(".")[2]) == post.name
        ]
        commands = [Arrival("command", aggregate, message) for aggregate, message in post.asked[:1]]
        events = [self._event(post, message) for message in read]
        for aggregate in place.needed([*events, *facts, *commands]):
            self._read_back(post, aggregate)
        for arrival in events:
            if arrival.message.subject.startswith(place.reference.rstrip(">")):
                core.refer(arrival.message)
                core.log = arrival.message.seq
            else:
                messages += handled(core, arrival)
        core.log = post.log
        for arrival in facts:
            messages += handled(core, arrival)
        for arrival in commands:
            try:
                messages += core.handle(arrival)
            except Exception:  # noqa: BLE001  refused, and whoever asked is told so
                continue
        while (timer := core.due()) and post.clock and timer[0] <= post.clock:
            messages += handled(core, timer[1])
        return messages

    def _event(self, post: Post, message: Message) -> Arrival:
        """An event to decide on: that of another service, or the one that an own event asks for once more."""
        if message.name != post.core.decider.asks_again:
            return Arrival("event", message.aggregate, message)
        original = self.log[post.core.decider.original(message) - 1]
        return Arrival("event", message.aggregate, original, again=message)

    def _minds(self, post: Post, message: Message) -> bool:
        place = self.places[post.name]
        if message.subject.startswith(place.reference.rstrip(">")):
            return True
        if message.subject.startswith(f"{place.own}."):
            return message.name == post.core.decider.asks_again
        return message.name in post.core.decider.heeds

    def _tick(self, post: Post) -> None:
        """Take the time from the services upstream as far as the log was read, and pass it on."""
        if post.core.decider.upstream:
            heard = [self._heard(post, name) for name in post.core.decider.upstream]
            times = [time for time in heard if time]
            time = min(times) if len(times) == len(heard) else None
        else:
            time = post.core.decider.clock(post.core.world)
        if time and (post.clock is None or time > post.clock):
            post.clock = time
        if post.clock:
            post.said.append((len(self.log), post.inbox, post.clock))

    def _heard(self, post: Post, name: str) -> datetime | None:
        upstream = next(other for other in self.posts if other.name == name)
        said = [time for log, inbox, time in upstream.said if log <= post.log and inbox <= post.inbox]
        return said[-1] if said else None

    # the log

    def _append(self, post: Post, messages: Sequence[Message]) -> None:
        if not messages:
            return
        first = len(self.log) + 1
        self._live()
        for message in messages:
            self._store(self.places[post.name].subject(message.aggregate), message)
            self._live()
        post.core.stored(messages, range(first, first + len(messages)))

    def _live(self) -> None:
        if len(self.log) in self.cuts:
            raise Died(self.cuts.pop(len(self.log)))

    def _store(self, subject: str, message: Message) -> None:
        self.log.append(message._replace(subject=subject, seq=len(self.log) + 1, stored=STORED))

    def _read_back(self, post: Post, aggregate: str) -> None:
        if aggregate and aggregate not in post.core.tracks:
            subject = self.places[post.name].subject(aggregate)
            history = [message for message in self.log if message.subject == subject]
            if history:
                post.core.restore(aggregate, history)

    # a new instance

    def _core(self, name: str) -> Core[Any]:
        return Core(Decider(ALL[name], CENTRE), registry.source(CENTRE, name), self._closed_kept)

    def _recover(self, post: Post, checkpoint: bool) -> None:
        self.recovered += 1
        core = post.core = self._core(post.name)
        fields = CHECKPOINT.fields(BytesIO(post.checkpoint)) if checkpoint and post.checkpoint else None
        for name, value in (fields or {}).items():
            setattr(core, name, value)
        place = self.places[post.name]
        references = [m for m in self.log if m.subject.startswith(place.reference.rstrip(">"))]

        def refer(until: int) -> None:
            while references and references[0].seq <= until:
                core.refer(references.pop(0))

        for message in self.log:
            if message.subject.startswith(f"{place.own}.") and message.seq > core.own:
                refer(message.log)
                if core.absent(message):
                    self._read_back(post, message.aggregate)
                core.fold(message)
        refer(core.log)
        cut = core.cut
        if cut:
            self.completed += 1
            cause = self.log[cut.log - 1]
            if held := core.waiting.cause_of(cut):
                arrival = held
            elif cut.cause_source or cause.id != cut.cause:
                arrival = place.fact(self.inbox[cut.inbox - 1])
            else:
                arrival = self._event(post, cause)
            for aggregate in place.needed([arrival]):
                self._read_back(post, aggregate)
            self._append(post, core.complete(arrival))
        else:
            self._append(post, core.resume())
