"""An event loop that a seed drives: time is a number, and chance decides which of what is ready goes next."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from contextvars import ContextVar
from random import Random
from typing import Any

OWNER: ContextVar[str] = ContextVar("OWNER", default="")
"""Who a step belongs to: an instance, a publisher, or nobody in particular."""
MOST_STEPS = 400_000
STEP = 1e-4
"""Seconds that a step takes, so that whoever waits by looking again and again does not wait for ever."""


class Stuck(Exception):
    """Nothing is ready and nothing will be, or there is no end to it."""


class Loop(asyncio.BaseEventLoop):
    """Runs what is ready, with `disorder` (0 to 1) in any order; when nothing is, it is the next timer's time.

    What belongs to an owner in `paused` waits until they are woken, as with SIGSTOP.
    """

    def __init__(self, rng: Random, disorder: float) -> None:
        super().__init__()
        self.now = 0.0
        self.steps = 0
        self.paused: dict[str, list[asyncio.Handle]] = {}
        self._rng, self._disorder = rng, disorder
        self._ready: list[asyncio.Handle] = []
        self._scheduled: list[asyncio.TimerHandle]

    def time(self) -> float:
        """Seconds since the beginning; nothing sleeps for them."""
        return self.now

    def pause(self, owner: str) -> None:
        """Let nothing more of an owner run."""
        self.paused.setdefault(owner, [])

    def wake(self, owner: str) -> None:
        """Let everything that waited go on."""
        self._ready += self.paused.pop(owner, [])

    def _run_once(self) -> None:
        scheduled, ready = self._scheduled, self._ready
        while scheduled and scheduled[0]._cancelled:  # type: ignore[attr-defined]
            heapq.heappop(scheduled)._scheduled = False  # type: ignore[attr-defined]
        if not ready and not self._stopping:  # type: ignore[attr-defined]
            if not scheduled:
                raise Stuck("nothing is left to happen")
            self.now = max(self.now, scheduled[0].when())
        while scheduled and scheduled[0].when() <= self.now:
            timer = heapq.heappop(scheduled)
            timer._scheduled = False  # type: ignore[attr-defined]
            ready.append(timer)
        if not ready:
            return
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise Stuck(f"still at work after {MOST_STEPS} steps")
        many = len(ready) > 1 and self._rng.random() < self._disorder
        handle = ready.pop(int(self._rng.random() * len(ready)) if many else 0)
        if handle._cancelled:  # type: ignore[attr-defined]
            return
        if self.paused:
            waiting = self.paused.get(handle._context.get(OWNER, ""))  # type: ignore[attr-defined]
            if waiting is not None:
                waiting.append(handle)
                return
        self.now += STEP
        handle._run()

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Do it here, when its turn comes."""
        done = self.create_future()

        def run() -> None:
            if done.cancelled():
                return
            try:
                done.set_result(func(*args))
            except Exception as failure:  # noqa: BLE001  raised where it is awaited
                done.set_exception(failure)

        self.call_soon(run)
        return done

    def _write_to_self(self) -> None:
        """Nobody sleeps."""

    def _process_events(self, event_list: Any) -> None:
        """There are no sockets."""
