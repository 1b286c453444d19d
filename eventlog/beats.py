"""Beats: how the active instance of a service tells the others that it lives, how far it is and what time it is.

Beats are not stored. Nothing rests on their arrival but patience: the term guards the log, and a clock that is
not heard stands still.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from datetime import datetime
from typing import NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg

from eventlog.codec import moment


class Beat(NamedTuple):
    """Instance and state, term, positions read in inbox and log, last position written, and the time passed on.

    The time says: whatever occurred up to then and was heard of is recorded at or before `own`.
    """

    instance: str
    state: str
    term: int
    inbox: int
    log: int
    own: int
    clock: str


class Passed(NamedTuple):
    """A time that all services upstream have passed on, and how far in the inbox they had read."""

    time: datetime
    inbox: int


class Heard:
    """What this instance hears: its own service's active instance, and the services upstream."""

    def __init__(self, connection: Client, beats: str, service: str, instance: str, upstream: tuple[str, ...]):
        self._connection, self._beats, self._service, self._instance = connection, beats, service, instance
        self._pending: dict[str, deque[Beat]] = {name: deque() for name in upstream}
        self._reached: dict[str, Beat] = {}
        self._own_at = 0.0
        self._own_stopped = asyncio.Event()
        self.changed = asyncio.Event()

    async def start(self) -> None:
        """Begin to listen."""
        for service in {self._service, *self._pending}:
            await self._connection.subscribe(f"{self._beats}.{service}", cb=self._on_beat)
        await self._connection.flush()

    async def _on_beat(self, message: Msg) -> None:
        beat = Beat(*json.loads(message.data))
        service = message.subject.rsplit(".", 1)[-1]
        if service == self._service:
            if beat.instance != self._instance:
                self._own_at = 0.0 if beat.state == "stopped" else time.monotonic()
                self._own_stopped.set() if beat.state == "stopped" else self._own_stopped.clear()
            return
        if beat.clock:
            self._pending[service].append(beat)
            self.changed.set()

    async def say(self, beat: Beat) -> None:
        """Beat."""
        await self._connection.publish(f"{self._beats}.{self._service}", json.dumps(beat).encode())

    def own_age(self) -> float:
        """Seconds since the active instance of this service was heard."""
        return time.monotonic() - self._own_at

    async def own_silent(self, patience: float) -> None:
        """Wait this long, or until the active instance says that it stops."""
        try:
            await asyncio.wait_for(self._own_stopped.wait(), patience)
        except TimeoutError:
            return

    def passed(self, log: int) -> Passed | None:
        """The least time that every service upstream has passed on, once the log was read as far as it had written."""
        for service, pending in self._pending.items():
            while pending and pending[0].own <= log:
                self._reached[service] = pending.popleft()
        if len(self._reached) < len(self._pending):
            return None
        reached = list(self._reached.values())
        return Passed(min(moment(beat.clock) for beat in reached), max(beat.inbox for beat in reached))
