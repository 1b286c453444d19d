"""A service's place in one centre: its loop, its read model, and the questions it answers there."""

from __future__ import annotations

import asyncio
import functools
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import is_dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from contracts import registry
from contracts.base import Data
from contracts.commands import Query
from contracts.deciding import Moment, World
from contracts.letters import Letter, Letters
from contracts.protocol import Protocol
from eventlog import errors
from eventlog.checkpoint import Checkpoint
from eventlog.client import Connection
from eventlog.codec import Message, timestamp
from eventlog.decider import Arrival, Held
from eventlog.inputs import end
from eventlog.memory import Track
from eventlog.place import Pace, Place
from eventlog.runner import Runner
from eventlog.stream import Settings, Stream
from eventlog.view import View
from eventlog.waiting import Waiting
from services.decider import Decider, Service
from services.facts import aggregate_of
from services.limits import Door, Limits


def place_of(centre: str, service: Service) -> Place:
    """Where a service of a centre reads and writes."""

    def aggregate(subject: str) -> str:
        topic, id = subject.split(".", 3)[2:]
        return aggregate_of(topic, id)

    return Place(
        centre=centre,
        service=service.name,
        log_stream=registry.log_stream(centre),
        inbox_stream=registry.inbox_stream(centre),
        log=f"log.{centre}.>",
        own=registry.log_subject(centre, service.name, "")[:-1],
        reference=registry.log_subject(centre, registry.CENTRE, ">"),
        beats=registry.beat_subject(centre, "")[:-1],
        kept=registry.inbox_subject(centre, registry.REJECTED, "")[:-1],
        inbox=tuple(registry.inbox_subject(centre, topic, ">") for topic in service.topics),
        inbox_aggregate=aggregate,
        source=registry.source(centre, service.name),
        touched=service.touches,
    )


PATIENCE = 5.0
"""Seconds that a query waits for the position it asks for."""

LARGEST = 2**63 - 1
"""The largest number that a read model can be asked for; nothing in it has one as large."""

LEAVING = 10.0
"""Seconds that a seat may take to finish what is in hand and to give its term back; then it is left as it is."""


class Seat:
    """One instance of a service in one centre. `store` is where checkpoints and read models go; None: in memory."""

    def __init__(
        self,
        service: Service,
        centre: str,
        connect: Callable[[], Awaitable[Connection]],
        shared: Connection,
        *,
        store: Path | None,
        settings: Settings,
        pace: Pace,
        report: Callable[..., None],
        limits: Limits | None = None,
    ) -> None:
        self.service, self.centre = service, centre
        limits = limits or Limits()
        self.door = Door(limits)
        self.report = functools.partial(report, service.name, centre)
        self.decider = Decider(service, centre)
        checkpoint = checkpoint_of(service, centre, store) if store else None
        self.log = Stream(shared, registry.log_stream(centre), settings)
        self.view: View | None = None
        self._subjects: list[str] = []
        if service.reading:
            # a decider of its own, which has no keys: a read model never holds what is sealed
            self.view = View(service.reading, Decider(service, centre), view_path(service, centre, store))
            self._subjects = [registry.log_subject(centre, name, ">") for name in service.reading.services]
        self.runner = Runner(
            self.decider, place_of(centre, service), connect,
            settings=settings, pace=pace, checkpoint=checkpoint, report=self.report,
            secrecy=self.decider.sealing, most_open=limits.open, feed=self.view.feed if self.view else None,
        )  # fmt: skip
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to work, in tasks of the running loop."""
        self._tasks = [asyncio.create_task(self.runner.run())]
        if self.view:
            self._tasks.append(asyncio.create_task(self._read(self.view)))

    async def stop(self) -> None:
        """Finish what is in hand and leave."""
        self.runner.stop()
        await asyncio.wait(self._tasks[:1], timeout=LEAVING)
        await end(*self._tasks)
        if self.view:
            self.view.close()

    async def _read(self, view: View) -> None:
        while True:
            with suppress(errors.LogError):
                log = Stream(self.log.connection, self.log.name, self.log.settings)
                await log.bind()  # what was read of another of this name is not gone on with
                await view.run(log, self._subjects)
            await asyncio.sleep(0.5)

    def now(self) -> datetime:
        """The centre's time: the world's, or the virtual clock as far as this service has heard of it."""
        if self.runner.core.world.virtual:
            return self.runner.clock or datetime(1970, 1, 1, tzinfo=UTC)
        return datetime.now(UTC)

    async def command(self, aggregate: str, message: Message) -> Message:
        """Decide on a command; the event as stored, or the refusal."""
        return await self.runner.command(Arrival("command", aggregate, message))

    async def query(self, name: str, query: Data) -> dict[str, Any]:
        """Answer a query from memory or from the read model, once the log was read as far as it asks."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._query(name, query)
        except TimeoutError:
            where = f"{self.service.name} has read up to {self.runner.core.log}"
            raise errors.Unavailable(f"{where}; the position asked for has not come") from None

    async def _query(self, name: str, query: Data) -> dict[str, Any]:
        position = (query.position or 0) if isinstance(query, Query) else 0
        if name == "status":
            return await self.runner.query(lambda world: self.status(), position)
        if name in self.service.answers:
            answer = self.service.answers[name]
            return await self.runner.query(lambda world: answer(world, query), position)
        assert self.view
        assert self.service.reading
        read = self.service.reading.answers[name]
        known = self._known()
        if position or not self.runner.active:
            known = await self.runner.query(lambda world: self._known(), position)
        await self.view.reached(self.log, self._subjects, max(position, known))
        larger = {name: LARGEST for name, value in query if isinstance(value, int) and value > LARGEST}
        asked = query.model_copy(update=larger)
        short = name in self.service.reading.short
        return await self.view.ask(lambda database: read(database, asked), short=short)

    def _known(self) -> int:
        """The position up to which this service has read the log or written it."""
        return max(self.runner.core.log, self.runner.core.own)

    def status(self) -> dict[str, Any]:
        """Where this instance stands; `clock` is the time it has decided on, which it may not have passed on yet."""
        runner, core = self.runner, self.runner.core
        virtual = None if self.service.upstream else self.decider.clock(core.world)
        clock = virtual or runner.clock
        return {
            "service": self.service.name,
            "centre": self.centre,
            "instance": runner.instance,
            "state": runner.state,
            "term": runner.term,
            "inbox": core.inbox,
            "log": core.log,
            "own": core.own,
            "chain": core.chain,
            "clock": timestamp(clock) if clock else None,
            "in_memory": len(core.tracks),
            "protocol": f"{core.world.protocol.name} {core.world.protocol.version}",
            "virtual": core.world.virtual,
            "timer_due": self.timer_due(),
            "deadletters": len(core.world.letters),
            "stopped": dict(core.world.stopped),
        }

    def timer_due(self) -> bool:
        """Whether a timer waits that the clock has already reached."""
        return self.runner.timer_due() is not None


def checkpoint_of(service: Service, centre: str, store: Path) -> Checkpoint:
    """Where a service keeps its memory of a centre."""
    return Checkpoint(store / centre / f"{service.name}.checkpoint", _shape_of(service.package))


@functools.cache
def _shape_of(package: str) -> str:
    """What a package's memory looks like: the names and types of all fields of its records, and Python's release."""
    modules = [module for name, module in sys.modules.items() if name.startswith(f"{package}.")]
    classes = {it for module in modules for it in vars(module).values() if isinstance(it, type)}
    records = [it for it in classes if is_dataclass(it) or hasattr(it, "_fields")]
    kept = [it for it in records if it.__module__.startswith(package)]
    told = sorted(
        f"{it.__qualname__} {it.__annotations__} {getattr(it, '_field_defaults', '')}"
        for it in (*kept, World, Moment, Track, Waiting, Held, Message, Letters, Letter)
    )
    protocol = json.dumps(Protocol.model_json_schema(), sort_keys=True)
    return blake2b(f"{told} {protocol} {sys.version_info[:2]}".encode(), digest_size=8).hexdigest()


def view_path(service: Service, centre: str, store: Path | None) -> Path | None:
    """Where a service keeps its read model of a centre; None where it has none, or nothing is kept."""
    return store / centre / f"{service.reading.name}.sqlite" if store and service.reading else None
