"""Beats: how an active instance tells the others that it lives, how far it has come and what time it is.

Beats are not stored. Nothing rests on their arrival but patience: the term guards the log, and a clock that
is not heard stands still.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg

from eventlog.codec import moment


class Beat(NamedTuple):
    """Instance and state, term, positions read in inbox and log and last written, and the time passed on.

    The time says: whatever occurred up to then and was heard of is recorded at or before `own`. The state is active,
    due (active, with a timer that this time has reached) or stopped. `wants`: what its next timer waits for.
    """

    instance: str
    state: str
    term: int
    inbox: int
    log: int
    own: int
    clock: str
    wants: str = ""


class Passed(NamedTuple):
    """A time that all services upstream have passed on, and how far in the inbox they had read."""

    time: datetime
    inbox: int


_PENDING = 4096


class Heard:
    """What this instance hears: its own service's active instance, and the other services.

    `on_time` is called where a service upstream passes on another time, or one waits for another.
    """

    def __init__(
        self,
        connection: Client,
        beats: str,
        service: str,
        instance: str,
        upstream: tuple[str, ...],
        on_time: Callable[[], None] = lambda: None,
    ):
        self._connection, self._beats, self._service, self._instance = connection, beats, service, instance
        self._on_time = on_time
        # beats beyond the bound push out older ones: the clock then moves later, in a larger step
        self._pending: dict[str, deque[Beat]] = {name: deque(maxlen=_PENDING) for name in upstream}
        self._reached: dict[str, Beat] = {}
        self._clocks: dict[str, datetime] = {}
        self._wants: dict[str, datetime] = {}
        self._terms: dict[str, int] = {}
        self._own_at = asyncio.get_running_loop().time()
        self._own_stopped = asyncio.Event()
        self.own_heard = False

    async def start(self) -> None:
        """Begin to listen."""
        await self._connection.subscribe(f"{self._beats}.*", cb=self._on_beat)
        await self._connection.flush()

    async def _on_beat(self, message: Msg) -> None:
        beat = Beat(*json.loads(message.data))
        service = message.subject.rsplit(".", 1)[-1]
        if beat.term < self._terms.get(service, 0):
            return  # of an instance that was replaced, and has slept through it
        self._terms[service] = beat.term
        if service == self._service:
            if beat.instance != self._instance:
                self.own_lives()
                self.own_heard = True
                if beat.state == "stopped":
                    self._own_stopped.set()
            return
        wants = moment(beat.wants) if beat.wants else None
        if wants and wants != self._wants.get(service):
            self._wants[service] = wants
            self._on_time()
        if beat.clock and (pending := self._pending.get(service)) is not None:
            if pending and pending[-1].own == beat.own:
                pending.pop()
            pending.append(beat)
            if (clock := moment(beat.clock)) != self._clocks.get(service):
                self._clocks[service] = clock
                self._on_time()

    def own_lives(self) -> None:
        """Take note of a sign of life of this service's active instance."""
        self._own_at = asyncio.get_running_loop().time()
        self._own_stopped.clear()

    async def say(self, beat: Beat) -> None:
        """Beat."""
        await self._connection.publish(f"{self._beats}.{self._service}", json.dumps(beat).encode())

    def own_age(self) -> float:
        """Seconds since this service's active instance gave a sign of life, or since we began to listen."""
        return asyncio.get_running_loop().time() - self._own_at

    async def own_silent(self, patience: float) -> None:
        """Wait this long, or until the active instance says that it stops."""
        try:
            await asyncio.wait_for(self._own_stopped.wait(), patience)
        except TimeoutError:
            return

    def wanted(self, after: datetime | None) -> datetime | None:
        """The earliest time later than `after` that another service waits for."""
        return min((time for time in self._wants.values() if after is None or time > after), default=None)

    @property
    def newest(self) -> datetime | None:
        """The least of the times that the services upstream have told, whether or not the log was read as far."""
        return min(self._clocks.values()) if len(self._clocks) == len(self._pending) else None

    def passed(self, log: int) -> Passed | None:
        """The least time that the services upstream have passed on, as far as the log was read."""
        for service, pending in self._pending.items():
            while pending and pending[0].own <= log:
                self._reached[service] = pending.popleft()
        if len(self._reached) < len(self._pending):
            return None
        reached = list(self._reached.values())
        return Passed(min(moment(beat.clock) for beat in reached), max(beat.inbox for beat in reached))
