"""What a service's loop reads of the log, handed on to its read model: read once, it serves both."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress

from eventlog.stream import Raw, Stream

_MOST = 5000
"""Messages that wait for a read model; where there are more it reads them by itself."""
_LINGER, _LOOK = 0.1, 1.0
"""Seconds for which messages are gathered, and between two looks at a log not fed, while nobody waits."""


class Feed:
    """The log as an active instance reads it: everything behind a position, in order, from `begin` to `end`."""

    def __init__(self) -> None:
        self._round, self._rounds = 0, itertools.count(1)
        self._after = self._until = 0  # what is held is all that there is between the two
        self._held: list[Raw] = []
        self._news, self._hurry, self._waiting = asyncio.Event(), asyncio.Event(), 0

    @property
    def live(self) -> bool:
        """Whether all that the loop reads is offered."""
        return self._round > 0

    def begin(self, after: int) -> None:
        """From now on all behind this position is offered."""
        self._round, self._held = next(self._rounds), []
        self._after = self._until = after
        self._news.set()

    def offer(self, part: list[Raw]) -> None:
        """The loop has read this."""
        if len(self._held) > _MOST:
            self._held, self._after = [], self._until
        self._held += part
        self._until = part[-1].seq
        self._news.set()

    def end(self) -> None:
        """Nothing more is offered."""
        self._round, self._held = 0, []
        self._news.set()

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """Somebody waits: nothing is gathered meanwhile."""
        self._waiting += 1
        self._hurry.set()
        self._news.set()
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._hurry.clear()

    async def parts(
        self, log: Stream, subjects: Sequence[str], after: int
    ) -> AsyncIterator[tuple[int, list[Raw]]]:
        """Each time a position, and the messages of these subjects up to it that are behind the one before.

        While nothing is offered the log is looked at now and then. Ends when the loop that offered has ended.
        """
        wanted, round = tuple(subject.rstrip(">") for subject in subjects), 0
        while round in (0, self._round):
            last = await log.last_sequence() if round == 0 else 0  # also tells whether it is still this log
            round = self._round
            until = self._after if round else last
            if after < until:
                async for part in log.read(subjects, after, until):
                    yield part[-1].seq, part
                after = until
                yield after, []
            elif round and after < self._until:
                held, before, after = self._held, after, self._until
                self._held, self._after = [], after
                yield after, [raw for raw in held if raw.seq > before and raw.subject.startswith(wanted)]
            else:
                await self._more()

    async def _more(self) -> None:
        self._news.clear()
        look = _LINGER if self._waiting else _LOOK
        with suppress(TimeoutError):
            async with asyncio.timeout(None if self._round else look):
                await self._news.wait()
            async with asyncio.timeout(_LINGER):
                await self._hurry.wait()
