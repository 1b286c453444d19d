"""Trying again: pauses that grow, none like another, until there is no time left."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from centralita.client.problems import Refusal, Unavailable

__all__ = ["Pauses", "heed_cancelling", "insist"]

T = TypeVar("T")
FIRST, LONGEST = 0.05, 2.0
COMING_BACK = 10.0
"""Seconds after trouble for which a server that has come back may not know its centres yet."""


class Pauses:
    """Pauses between tries, until a moment on the loop's clock."""

    def __init__(self, timeout: float) -> None:
        self._now = asyncio.get_running_loop().time
        self._until = self._now() + timeout
        self._pause, self._trouble = FIRST, float("-inf")
        self._cancelled = _cancelling()

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self._until - self._now()

    def reset(self) -> None:
        """It went well: the next pause is a short one again."""
        self._pause, self._trouble = FIRST, float("-inf")

    def heed_cancelling(self) -> None:
        """Be cancelled after all, if that was asked for meanwhile; what is done in the end of one cancelled is done."""
        if _cancelling() > self._cancelled:
            raise asyncio.CancelledError

    async def take(self, reason: Refusal | Unavailable) -> None:
        """Wait a while, at least as long as the server asked for; raises the reason where another try is worth nothing.

        That is where there is no time for it, or what was asked is refused for good.
        """
        least = _again(reason)
        if least is None and isinstance(reason, Refusal) and self._now() < self._trouble + COMING_BACK:
            least = 0.0 if reason.problem.rule == "unknown-centre" else None
        if least is None:
            raise reason
        if isinstance(reason, Unavailable):
            self._trouble = self._now()
        # not all who were refused come back at once
        pause = max(least, self._pause) * random.uniform(1.0, 1.5)
        self._pause = min(2 * self._pause, LONGEST)
        if pause > self.left:
            raise reason
        await asyncio.sleep(pause)


def _again(reason: Exception) -> float | None:
    """After how many seconds another try is worth it; None where it never is."""
    if isinstance(reason, Unavailable):
        return reason.retry_after or 0.0
    if isinstance(reason, Refusal) and reason.problem.status in (408, 429):
        return reason.problem.retry_after or 0.0
    return None


async def insist(ask: Callable[[float], Awaitable[T]], timeout: float) -> T:
    """Ask until there is an answer or a refusal for good; `ask` is told how many seconds are left."""
    pauses = Pauses(timeout)
    while True:
        try:
            answer = await ask(max(pauses.left, 0.01))
        except (Refusal, Unavailable) as reason:
            await pauses.take(reason)
        else:
            pauses.heed_cancelling()
            return answer


def heed_cancelling() -> None:
    """Be cancelled after all: in Python 3.11 `asyncio.wait_for`, which nats-py uses, may swallow it."""
    if _cancelling():
        raise asyncio.CancelledError


def _cancelling() -> int:
    task = asyncio.current_task()
    return task.cancelling() if task else 0
