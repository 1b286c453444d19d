"""One run: a centre with two instances of each service, those who tell it things, and everything that goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

from nats.errors import Error as NatsError

from contracts import registry
from contracts.base import Data
from contracts.events import CentreOpened, ProtocolPublished
from contracts.protocol import Protocol
from eventlog import errors
from eventlog.checkpoint import Checkpoint
from eventlog.codec import Message, headers_of
from eventlog.core import Core
from eventlog.decider import Arrival
from eventlog.place import Pace
from eventlog.runner import Runner
from eventlog.stream import Settings, Stream
from services.decider import Decider, Service
from services.inbox import common, config
from services.intake.app import SERVICE as INTAKE
from services.routing.app import SERVICE as ROUTING
from services.seat import place_of
from services.sla.app import SERVICE as SLA
from services.tickets.app import SERVICE as TICKETS
from tests.eventlog.everything import Step
from tests.simulation.loop import OWNER, Loop
from tests.simulation.server import Server
from tests.simulation.stored import Kept, Stored
from tests.simulation.wire import Weather, Wire
from tests.unit.given import START

CENTRE = "acme"
SERVICES = {service.name: service for service in (INTAKE, ROUTING, TICKETS, SLA)}


@dataclass(frozen=True)
class Plan:
    """How a run is, drawn from its seed.

    `speed`: seconds of the centre in one of the loop; its clock may be `virtual`. A `calm` story goes on only when
    everybody has come to rest.
    """

    virtual: bool
    calm: bool
    calls: int
    wild: float
    speed: float
    disorder: float
    trouble: float
    weather: tuple[float, float, float, float]
    pace: Pace
    settings: Settings

    @classmethod
    def drawn(cls, rng: Random) -> Plan:
        """A plan."""
        calm = rng.random() < 0.2
        pace = Pace(
            beat=0.25, silence=1.0, first_silence=0.4, retry=0.1, trim=rng.choice((0.3, 1.0)),
            inputs=rng.choice((1, 2, 5, 20, 1000)), backlog=rng.choice((2, 4000)),
            checkpoint=rng.choice((3, 10, 10_000)), closed_kept=rng.choice((0, 1, 3, 10_000)),
        )  # fmt: skip
        return cls(
            virtual=calm or rng.random() < 0.4, calm=calm, calls=rng.choice((1, 1, 2, 3)), wild=rng.choice((0.1, 0.3)),
            speed=30.0, disorder=rng.choice((0.0, 0.2, 1.0)), trouble=rng.choice((0.2, 0.4, 1.0)),
            weather=(
                rng.choice((0.0, 0.01, 0.05)), rng.choice((0.05, 0.3, 1.0, 3.0)),
                rng.choice((0.0, 0.001, 0.005)), rng.choice((0.0, 0.02, 0.1)),
            ),
            pace=pace,
            settings=Settings(
                turning_point=rng.choice((2, 4, 24)), timeout=1.5, window=rng.choice((4, 50, 2000)), heartbeat=0.5
            ),
        )  # fmt: skip


class Memory(Checkpoint):
    """A checkpoint that is kept by the world, as the disk is, for the instance that lives."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(Path(instance.slot), "simulated")
        self._instance, self._kept = instance, instance.world.checkpoints

    def save(self, core: Core[Any]) -> Coroutine[Any, Any, None]:
        """Keep what it is now, a moment later."""
        content = BytesIO()
        self.dump(core, content)
        return self._keep(content.getvalue())

    async def _keep(self, content: bytes) -> None:
        if not self._instance.dead:
            self._kept[self._instance.slot] = content

    def read(self) -> dict[str, Any] | None:
        """What was kept, if anything was."""
        content = self._kept.get(self._instance.slot)
        return self.fields(BytesIO(content)) if content else None


class Instance:
    """One instance of a service: a real Runner, in a context of its own."""

    def __init__(self, world: World, service: Service, number: int, life: int) -> None:
        self.world, self.service, self.number, self.life = world, service, number, life
        self.slot = f"{service.name}-{number}"
        self.name = f"{self.slot}-{life}"
        self.dead = False
        self.wires: list[Wire] = []
        decider = Decider(service, CENTRE)
        plan = world.plan
        self.runner: Runner[Any] = Runner(
            decider, place_of(CENTRE, service), self._connect, settings=plan.settings, pace=plan.pace,
            checkpoint=Memory(self), now=world.now, report=self._reported, secrecy=decider.sealing,
        )  # fmt: skip
        context = copy_context()
        context.run(OWNER.set, self.name)
        self.task = world.loop.create_task(self.runner.run(), context=context)

    async def _connect(self) -> Any:
        await asyncio.sleep(0.002)
        wire = Wire(self.world.server, self.world.rng, self.world.weather, self.name)
        self.wires = [it for it in self.wires if not it.is_closed] + [wire]
        return wire

    def _reported(self, event: str, about: dict[str, Any]) -> None:
        if not self.dead:
            self.world.note(f"{self.name} {event} {about}")
            self.world.counts[f"{event} {about.get('state', '')}".strip()] += 1
            if about.get("state") in ("failed", "corrupt"):
                self.world.failures.append(f"{self.name}: {about['reason']}")

    def kill(self) -> None:
        """As with SIGKILL: what was sent may have left or not, and nothing more of it is heard."""
        self.dead = True
        for wire in self.wires:
            wire.cut()
            wire.is_closed = True
        self.task.cancel()
        self.world.loop.wake(self.name)

    @property
    def paused(self) -> bool:
        """Whether it is stopped in its tracks."""
        return self.name in self.world.loop.paused


@dataclass
class Told:
    """What those outside know: which facts and commands they sent, and what they were answered."""

    facts: dict[tuple[str, str, str], str] = field(default_factory=dict)
    acknowledged: list[tuple[int, str, str]] = field(default_factory=list)
    answered: dict[str, list[tuple[str, Message | None]]] = field(default_factory=dict)
    commands: dict[str, Arrival] = field(default_factory=dict)


class World:
    """All of one run."""

    def __init__(self, seed: int, protocol: Protocol, plan: Plan) -> None:
        self.seed, self.plan, self.protocol = seed, plan, protocol
        self.rng = Random(f"{seed} chaos")
        self.loop = Loop(self.rng, plan.disorder)
        self.server = Server(self.loop, self.now)
        self.weather = Weather()
        self.speed, self._since, self._from = plan.speed, START, 0.0
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        self.story: list[str] = []
        self.checkpoints: dict[str, bytes] = {}
        self.told = Told()
        self.storm, self.truce = True, False
        self.instances: list[Instance] = []
        self.trimmed: list[str] = []
        self.steps: Sequence[Step] = ()
        self._lives: Counter[str] = Counter()
        self.server.on_purged = self._purged

    def now(self) -> datetime:
        """The time of day, of everybody."""
        return self._since + timedelta(seconds=(self.loop.now - self._from) * self.speed)

    def pace(self, speed: float, ahead: timedelta = timedelta()) -> None:
        """From now on the time of day goes so fast, and is so much later than it was."""
        self._since, self._from = self.now() + ahead, self.loop.now
        self.speed = speed

    def note(self, what: str) -> None:
        """Add to the story of what happened."""
        self.story.append(f"{self.loop.now:8.3f} {what}")

    @property
    def log(self) -> Stored:
        """The log of the centre."""
        return self.server.streams[registry.log_stream(CENTRE)]

    @property
    def inbox(self) -> Stored:
        """The inbox of the centre."""
        return self.server.streams[registry.inbox_stream(CENTRE)]

    def _purged(self, stream: Stored, gone: Any) -> None:
        """What is trimmed must have been read by its service, in a position that is recorded."""
        recorded = {
            name: max((int(it.headers.get("ce-inbox", 0)) for it in self._own(name)), default=0)
            for name in SERVICES
        }
        for kept in gone:
            if kept.subject.split(".")[2] not in registry.TOPICS:
                continue
            reader = registry.TOPICS[kept.subject.split(".")[2]]
            if kept.seq > recorded[reader]:
                self.trimmed.append(
                    f"{kept.subject} at {kept.seq} is trimmed, {reader} stands at {recorded[reader]}"
                )

    def _own(self, service: str) -> list[Kept]:
        prefix = registry.log_subject(CENTRE, service, "")
        return [kept for kept in self.log.history.values() if kept.subject.startswith(prefix)]

    # the centre

    async def open(self) -> None:
        """Make both streams, with the centre's first two events."""
        wire = Wire(self.server, self.rng, Weather(), "centre")
        js = wire.jetstream()
        log = registry.log_stream(CENTRE)
        await js.add_stream(common().evolve(name=log, subjects=[f"log.{CENTRE}.>"]))
        await js.add_stream(config(CENTRE, self.protocol.discreet))
        await self._say(CentreOpened(clock="virtual" if self.plan.virtual else "real"))
        await self.publish(self.protocol)

    async def publish(self, protocol: Protocol) -> None:
        """Have the centre work by a protocol."""
        data = protocol.model_dump(mode="json")
        await self._say(ProtocolPublished(name=protocol.name, version=protocol.version, protocol=data))

    async def _say(self, event: Data) -> None:
        """Record something of the centre itself, once."""
        kind, version, data = registry.encode(event)
        subject = registry.log_subject(CENTRE, registry.CENTRE, CENTRE)
        known = self.log.subjects.get(subject, [])
        id, last = f"{CENTRE}-{len(known) + 1}", known[-1] if known else 0
        message = Message(CENTRE, kind, data, id, registry.source(CENTRE, "centre"), version, time=START)
        while True:
            try:
                wire = Wire(self.server, self.rng, Weather(), "centre")
                await Stream(wire, self.log.name).append([(subject, message)], expected={subject: last})  # type: ignore[arg-type]
                return
            except errors.Conflict:
                return
            except (errors.LogError, NatsError):
                await asyncio.sleep(0.1)

    # instances

    def start(self, service: str, number: int) -> None:
        """Start an instance at its place."""
        life = self._lives[f"{service}-{number}"]
        self._lives[f"{service}-{number}"] += 1
        self.instances.append(Instance(self, SERVICES[service], number, life))

    def living(self, service: str = "") -> list[Instance]:
        """All instances that have not ended, of a service."""
        return [
            it
            for it in self.instances
            if not it.dead and not it.task.done() and service in ("", it.service.name)
        ]

    def active(self, service: str) -> Runner[Any] | None:
        """The one that decides, if it is known."""
        found = [it.runner for it in self.living(service) if it.runner.active and not it.paused]
        return found[0] if len(found) == 1 else None

    def revive(self) -> None:
        """Two instances of each service."""
        for service in SERVICES:
            for number in (1, 2):
                if not any(it.number == number for it in self.living(service)):
                    self.start(service, number)

    # at rest

    def rests(self, since: datetime) -> bool:
        """Whether everything that was told is decided on, nothing is due, and all have heard of everything."""
        clock = None
        for name, service in SERVICES.items():
            runner = self.active(name)
            if runner is None or runner.core.log < self.log.last or runner.timer_due():
                return False
            inputs = runner.inputs
            if inputs.log or inputs.inbox or inputs.asked or inputs.in_hand or runner.core.cut:
                return False
            if any(
                seqs[-1] > runner.core.inbox
                for subject, seqs in self.inbox.subjects.items()
                if subject.split(".")[2] in service.topics
            ):
                return False
            if not self.plan.virtual:
                if runner.clock is None or runner.clock < since:
                    return False
            else:
                clock = clock or runner.decider.clock(runner.core.world)
                if runner.clock != clock:
                    return False
        return all(self._stored(name) for name in SERVICES)

    def _stored(self, service: str) -> bool:
        runner, place = self.active(service), place_of(CENTRE, SERVICES[service])
        assert runner
        for aggregate, track in runner.core.tracks.items():
            seqs = self.log.subjects.get(place.subject(aggregate))
            last = int(self.log.messages[seqs[-1]].headers["ce-sequence"]) if seqs else 0
            if track.version != last:
                return False
        return True

    async def settle(self, seconds: float = 40.0) -> bool:
        """Wait until everything is at rest; False if that does not come to be."""
        until, since = self.loop.now + seconds, self.now()
        while not self.rests(since):
            if self.loop.now > until:
                return False
            await asyncio.sleep(0.05)
        return True


class Publisher:
    """Somebody outside who tells the centre what happens, and says it again until it is acknowledged."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name
        self._wire: Wire | None = None

    async def tell(self, parts: list[tuple[str, Message]]) -> None:
        """Publish, and note what was acknowledged."""
        world = self.world
        for subject, fact in parts:
            world.told.facts[subject, fact.source, fact.id] = fact.name
        while True:
            try:
                if self._wire is None:
                    self._wire = Wire(world.server, world.rng, world.weather, self.name)
                    self._stream = Stream(self._wire, registry.inbox_stream(CENTRE), Settings(timeout=1.5))  # type: ignore[arg-type]
                sequences = await self._stream.append(parts)
                world.told.acknowledged += [
                    (seq, subject, fact.id) for seq, (subject, fact) in zip(sequences, parts, strict=True)
                ]
                return
            except (errors.LogError, NatsError) as reason:
                world.counts["told again"] += 1
                world.note(f"{self.name} tells {[fact.id for _, fact in parts]} again: {reason}")
                if self._wire and not self._wire.is_closed:
                    await self._wire.close()
                self._wire = None
                await asyncio.sleep(0.1)

    async def raw(self, subject: str, headers: dict[str, str], data: bytes) -> None:
        """Publish anything at all, once."""
        with contextlib.suppress(errors.LogError, NatsError):
            wire = Wire(self.world.server, self.world.rng, Weather(), self.name)
            await wire.publish(subject, data, headers=headers)
            await wire.flush()
            await wire.close()

    async def ask(self, service: str, aggregate: str, message: Message) -> None:
        """Send a command until somebody answers it: with what was recorded, or with a refusal."""
        world = self.world
        answers = world.told.answered.setdefault(message.id, [])
        arrival = world.told.commands[message.id] = Arrival("command", aggregate, message)
        began = world.loop.now
        while world.loop.now < began + 120:
            if world.loop.now > began + 60:
                world.weather.clear()  # it may be such that for hours nobody stays active
            asked = world.living(service)
            world.rng.shuffle(asked)
            for instance in asked:
                try:
                    async with asyncio.timeout(1.0):
                        stored = await instance.runner.command(arrival)
                    if not instance.dead:
                        return answers.append(("recorded", stored))
                except (TimeoutError, errors.Unavailable):
                    continue
                except Exception as refusal:  # noqa: BLE001  what is not accepted is told
                    if not instance.dead:
                        return answers.append((f"refused: {refusal!r}"[:200], None))
            await asyncio.sleep(0.1)
        return answers.append(("no answer", None))


def fact_of(name: str, about: str, data: Any, id: str, at: datetime) -> tuple[str, Message]:
    """A fact, and where it is published."""
    topic = registry.topic_of(name)
    assert topic
    digest = blake2b(id.encode(), digest_size=24).hexdigest()
    trace = "" if digest < "4" else f"00-{digest[:32]}-{digest[32:]}-01"
    fact = Message(about, name, json.dumps(data).encode(), id, "/test", time=at, trace=trace)
    return registry.inbox_subject(CENTRE, topic, about), fact


__all__ = ["CENTRE", "SERVICES", "UTC", "Instance", "Plan", "Publisher", "World", "fact_of", "headers_of"]
