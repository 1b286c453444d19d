"""The pulse of an active instance: what time it goes by, and when it tells the others how far it has come.

It beats when a time has come that somebody's timer waits for, soon after it has moved on, and otherwise now and then,
as a sign of life: an idle centre costs next to nothing, and no timer is late for want of a beat.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from math import inf
from typing import Generic, TypeVar

from eventlog.beats import Beat, Heard
from eventlog.clock import Clock
from eventlog.codec import timestamp
from eventlog.core import Core
from eventlog.decider import Arrival
from eventlog.inputs import Inputs
from eventlog.place import Pace
from eventlog.steps import Steps

W = TypeVar("W")
_URGENT = 0.01
"""Seconds at least between two beats for the sake of timers."""


class Pulse(Generic[W]):
    """The beats of one session, as its loop gives them the chance; `time` is the time it has come to."""

    def __init__(
        self,
        core: Core[W],
        steps: Steps[W],
        clock: Clock[W],
        heard: Heard,
        pace: Pace,
        instance: str,
        time: datetime | None,
    ) -> None:
        self.core, self.time = core, time
        self._steps, self._clock, self._heard, self._pace = steps, clock, heard, pace
        self._instance, self._term = instance, steps.term
        self._loop = asyncio.get_running_loop()
        self._said: Beat | None = None
        self._wants: datetime | None = None
        self._fires = False
        self._told = self._tried = self._loop.time() - pace.silence

    @property
    def virtual(self) -> bool:
        """Whether the centre goes by a virtual clock."""
        return self.core.decider.clock(self.core.world) is not None

    def timer_due(self) -> Arrival | None:
        """The earliest timer that the time has reached."""
        timer = self.core.due()
        return timer[1] if timer and self.time and timer[0] <= self.time else None

    def left(self) -> float:
        """Seconds until it wants to beat, if nothing happens meanwhile."""
        now = self._loop.time()
        at = self._told + (self._soon if self._moved else self._rest)
        if not self.virtual:
            at = min(at, max(now + self._coming()[0], self._tried + _URGENT))
        return max(at - now, 0)

    async def keep(self, inputs: Inputs[W]) -> None:
        """Beat if it is time to, between two commits."""
        now = self._loop.time()
        if now >= self._told + self._rest:
            await self.beat(inputs)
        elif self.virtual:
            if not inputs.log and not inputs.inbox:
                await self.beat(inputs, again=False)
        elif self._moved and now >= self._told + self._soon:
            await self.beat(inputs, again=False)
        else:
            coming, told = self._coming()
            if coming <= 0 and (told or now >= self._tried + _URGENT):
                await self.beat(inputs, again=False)

    async def beat(self, inputs: Inputs[W], state: str = "active", *, again: bool = True) -> None:
        """Come to the present, and say how far this instance has; what was said already only if `again`."""
        now = self._loop.time()
        time = await self._clock.time(self.time, inputs.last_stored, waiting=bool(inputs.inbox))
        if time and (self.time is None or time > self.time):
            self.time = time
        if state == "active" and self.timer_due():
            if not again and not self.virtual:
                self._fires = True
                return  # it fires first, and then there is more to say
            state = "due"
        self._tried, self._fires = now, False
        timer = None if self.virtual else self.core.due()
        beat = Beat(
            self._instance,
            state,
            self._term,
            *self._position,
            timestamp(self.time) if self.time else "",
            timestamp(timer[0]) if timer else "",
        )
        if again or beat != self._said:
            self._said, self._told, self._wants = beat, self._tried, timer and timer[0]
            await self._heard.say(beat)

    @property
    def _position(self) -> tuple[int, int, int]:
        return self.core.inbox, self.core.log, self._steps.committed

    @property
    def _moved(self) -> bool:
        """Whether it has come further than it has said."""
        said = self._said
        return said is None or self._position != (said.inbox, said.log, said.own)

    @property
    def _soon(self) -> float:
        """Seconds between a beat and one that says something new; others may wait for what a timer here came before."""
        return _URGENT if self._fires else self._pace.beat

    @property
    def _rest(self) -> float:
        """Seconds between beats that are no more than a sign of life."""
        return max(self._pace.beat, min(4 * self._pace.beat, self._pace.silence / 8))

    def _coming(self) -> tuple[float, bool]:
        """Seconds until a time that a timer waits for, here or in another service, or until those upstream must know.

        `inf` where none is in sight; and whether those upstream have told of that time, so that no more is waited for.
        """
        timer = self.core.due()
        own = timer[0] if timer and (self.time is None or timer[0] > self.time) else None
        wanted = min((it for it in (own, self._heard.wanted(self.time)) if it), default=None)
        if wanted is None:
            return inf, False
        if not self.core.decider.upstream:
            return (wanted - self._clock.now()).total_seconds(), False
        newest = self._heard.newest
        if newest and newest >= wanted:
            return 0.0, True
        untold = own and own != self._wants
        return (own - self._clock.now()).total_seconds() - self._pace.beat if own and untold else inf, False
