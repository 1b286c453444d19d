"""A subscription of the `eventsourcing` library, following the stream."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from threading import Lock

from eventsourcing.persistence import ApplicationRecorder, InterfaceError, Notification, Subscription

from eventlog.connection import Log

__all__ = ["JetStreamSubscription"]


class JetStreamSubscription(Subscription[ApplicationRecorder]):
    """Iterates over notifications as they arrive; `stop` may be called from any thread, and ends a wait."""

    def __init__(
        self,
        recorder: ApplicationRecorder,
        log: Log,
        parts: AsyncGenerator[list[Notification], None],
        gt: int | None,
        topics: Sequence[str],
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._log, self._parts = log, parts
        self._arrived: deque[Notification] = deque()
        self._waiting: Future[list[Notification]] | None = None
        self._changing = Lock()
        self._reading = asyncio.Lock()

    def __next__(self) -> Notification:
        """The next notification, waited for; StopIteration after `stop`."""
        while not (self._arrived or self._has_been_stopped):
            with self._changing:
                if self._has_been_stopped:
                    break
                waiting = self._waiting = self._log.submit(self._part())
            try:
                part: list[Notification] = self._log.result(waiting)
                self._arrived.extend(part)
            except InterfaceError:
                if not self._has_been_stopped:
                    raise
        if self._has_been_stopped:
            raise StopIteration
        return self._arrived.popleft()

    async def _part(self) -> list[Notification]:
        async with self._reading:
            return await anext(self._parts)

    def stop(self) -> None:
        """End the iteration, now or when it begins; safe to repeat."""
        with self._changing:
            if self._has_been_stopped:
                return
            super().stop()
            if self._waiting is not None:
                self._waiting.cancel()
        with suppress(InterfaceError):  # the log is closed, and its consumer with it
            self._log.submit(self._end())

    async def _end(self) -> None:
        async with self._reading:  # a cancelled read still has its consumer to delete
            await self._parts.aclose()
