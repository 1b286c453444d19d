"""When all is settled in a centre: every fact decided on, nothing due, the whole log read by every service.

The services say it themselves, in their beats: nobody is held up by being asked.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from centralita import centres
from contracts import registry
from eventlog import errors
from eventlog.beats import Beat
from eventlog.stream import Stream

_FRESH = 0.5
"""Seconds for which what a service said counts; it beats more than twice as often."""
_LINGER = 5.0
"""Seconds for which a centre is listened to though nobody waits: who waits once mostly does so again."""


class _Said(NamedTuple):
    """What a service said of itself, and when it was heard."""

    beat: Beat
    at: float


class Settling:
    """Knows when a centre is settled; it listens from the first `wait` on."""

    def __init__(self, connection: Client, centre: str, inbox: Stream, log: Stream) -> None:
        self.centre = centre
        self._connection, self._inbox, self._log = connection, inbox, log
        self._now = asyncio.get_running_loop().time
        self._subscription: Subscription | None = None
        self._said: dict[str, _Said] = {}
        self._heard = asyncio.Event()
        self._waiting, self._left = 0, 0.0
        self._forget()

    @property
    def idle(self) -> bool:
        """Whether nobody has waited for a while."""
        return not self._waiting and self._now() > self._left + _LINGER

    async def wait(self, timeout: float) -> int:
        """Return the log's last position once all is settled; errors.Unavailable if it is not so in time."""
        why, until = "", self._now() + timeout
        self._waiting += 1
        try:
            await self._listen()
            while True:
                heard = self._heard
                try:
                    if self._virtual is None:
                        await self._look()
                    while not (why := self._behind()):
                        before = self._furthest()
                        await self._look()
                        if self._furthest() == self._last == before and not self._behind():
                            return before
                except errors.Unavailable as reason:
                    why = str(reason)
                if (left := until - self._now()) <= 0:
                    raise errors.Unavailable(f"{self.centre} is not settled after {timeout:g} s: {why}")
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left, _FRESH)):
                        await heard.wait()
        finally:
            self._waiting, self._left = self._waiting - 1, self._now()

    async def _listen(self) -> None:
        if self._subscription is None:
            subject = registry.beat_subject(self.centre, "*")
            self._subscription = await self._connection.subscribe(subject, cb=self._on_beat)

    async def stop(self) -> None:
        """Listen no more."""
        subscription, self._subscription = self._subscription, None
        self._forget()
        if subscription:
            with suppress(NatsError):
                await subscription.unsubscribe()

    async def _on_beat(self, message: Msg) -> None:
        if self.idle:
            await self.stop()
            return
        beat, service = Beat(*json.loads(message.data)), message.subject.rsplit(".", 1)[-1]
        if service in self._said and beat.term < self._said[service].beat.term:
            return  # of an instance that was replaced, and has slept through it
        self._said[service] = _Said(beat, self._now())
        heard, self._heard = self._heard, asyncio.Event()
        heard.set()

    def _forget(self) -> None:
        self._said.clear()
        self._virtual: bool | None = None
        self._last, self._newest, self._facts = 0, -1, dict[str, int]()

    def _behind(self) -> str:
        """Which service has something left to do, as far as is known here; "" if none."""
        fresh = self._now() - _FRESH
        said = {
            name: it.beat for name, it in self._said.items() if it.at > fresh and it.beat.state != "stopped"
        }
        if missing := [name for name in registry.SERVICES if name not in said]:
            return f"no active {', '.join(missing)} is heard"
        last = max(self._last, self._furthest())
        for name, beat in said.items():
            if beat.inbox < (fact := self._facts.get(name, 0)):
                return f"{name} is at {beat.inbox} of {fact} in the inbox"
            if beat.log < last:
                return f"{name} is at {beat.log} of {last} in the log"
            if beat.state != "active":
                return f"a timer of {name} is due"
        if self._virtual and len(clocks := {beat.clock for beat in said.values()}) > 1:
            return f"the clocks stand apart: {sorted(clocks)}"
        return ""

    def _furthest(self) -> int:
        return max((max(it.beat.log, it.beat.own) for it in self._said.values()), default=0)

    async def _look(self) -> None:
        """See how far the streams go, and which fact is the last that each service has to decide on."""
        known = self._furthest()
        newest, last = await asyncio.gather(self._inbox.last_sequence(), self._log.last_sequence())
        if last < max(known, self._last):
            self._forget()  # it is another centre of this name
        if self._virtual is None:
            if (clock := await centres.clock_of(self._log, self.centre)) is None:
                raise errors.Unavailable("the centre is not open yet")
            self._virtual = clock == "virtual"
        if newest != self._newest:
            decided = {name: it.beat.inbox for name, it in self._said.items()}
            topics = [topic for topic, name in registry.TOPICS.items() if decided.get(name, 0) < newest]
            found = await asyncio.gather(
                *(self._inbox.last(registry.inbox_subject(self.centre, topic, ">")) for topic in topics)
            )
            for topic, raw in zip(topics, found, strict=True):
                name = registry.TOPICS[topic]
                self._facts[name] = max(self._facts.get(name, 0), raw.seq if raw else 0)
            self._newest = newest
        self._last = last
