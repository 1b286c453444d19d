"""What a fault is given: the rig, the centre, chance, and ears for who is active since when."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from nats.aio.msg import Msg

from contracts import registry
from contracts.registry import SERVICES
from eventlog.beats import Beat
from eventlog.codec import Message
from tests.faults.instances import Instance
from tests.faults.rig import Rig


class Takeover(NamedTuple):
    """How long a service was without an active instance, and why."""

    why: str
    seconds: float


@dataclass
class Scene:
    """A cycle at work."""

    rig: Rig
    centre: str
    chance: Random
    takeovers: list[Takeover] = field(default_factory=list)
    logs: dict[str, list[Message]] = field(default_factory=dict)
    _beats: dict[str, tuple[Beat, float]] = field(default_factory=dict)
    _replaced: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Hear who is active, through a connection that no fault touches."""
        subscription = await self.rig.control.connection.subscribe(
            registry.beat_subject(self.centre, "*"), cb=self._on_beat
        )
        yield
        await subscription.unsubscribe()

    async def _on_beat(self, message: Msg) -> None:
        beat, service = Beat(*json.loads(message.data)), message.subject.rsplit(".", 1)[-1]
        known = self._beats.get(service)
        if beat.state != "stopped" and (known is None or beat.term > known[0].term):
            self._beats[service] = beat, time.monotonic()
            self._replaced.set()

    def service(self) -> str:
        """One of the services."""
        return self.chance.choice(SERVICES)

    async def active(self, service: str) -> Instance:
        """The instance that decides for it."""
        return await self.rig.active(service, self.centre)

    async def taken_over(self, why: str, service: str, since: float, within: float = 20) -> None:
        """Wait until another instance than at `since` is active, and note how long it took."""
        async with asyncio.timeout(within):
            while self._beats[service][1] < since:
                self._replaced.clear()
                await self._replaced.wait()
        self.takeovers.append(Takeover(why, round(self._beats[service][1] - since, 3)))

    async def wait(self, least: float, most: float) -> float:
        """Let some time pass; how much."""
        seconds = self.chance.uniform(least, most)
        await asyncio.sleep(seconds)
        return seconds
