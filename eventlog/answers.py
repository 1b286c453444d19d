"""Asking: requests through one connection, whose answers all come to one inbox and are told apart by their subject."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from nats.errors import ConnectionClosedError, NoRespondersError

from eventlog.headers import parsed
from eventlog.reading import Frame

if TYPE_CHECKING:
    from eventlog.client import Connection

Request: TypeAlias = tuple[str, bytes, bytes]
"""A subject, a header block (b"" for none) and data."""


class _Open:
    """Answers that have come, each with the number of its request."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, Frame]] = []
        self.changed = asyncio.Event()


class Answers:
    """What comes back through a connection. Times are seconds; what does not come in time is a TimeoutError."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inbox = ""
        self._numbers = itertools.count()
        self._open: dict[bytes, _Open] = {}

    async def to(self, request: Request, timeout: float, before: Sequence[Request] = ()) -> bytes:
        """The data of the answer; NoRespondersError where nobody listens. `before` are sent, and not answered."""
        (answer,) = await self.to_each([request], timeout, before)
        if is_nobody(answer):
            raise NoRespondersError
        return answer[3]

    async def to_each(
        self, requests: Sequence[Request], timeout: float, before: Sequence[Request] = ()
    ) -> list[Frame]:
        """The answers to requests that are sent together, in their order."""
        number, open = self._begin()
        try:
            await self._send(requests, number, before)
            async with asyncio.timeout(timeout):
                while len(answers := dict(reversed(open.frames))) < len(requests):
                    await self._more(open)
        finally:
            del self._open[number]
        return [answers[index] for index in range(len(requests))]

    async def until(self, last: Callable[[Frame], bool], request: Request, timeout: float) -> list[Frame]:
        """All that comes up to the last answer; one may follow within a time after another."""
        number, open = self._begin()
        try:
            await self._send([request], number)
            while not open.frames or not last(open.frames[-1][1]):
                async with asyncio.timeout(timeout):
                    await self._more(open)
        finally:
            del self._open[number]
        return [frame for _, frame in open.frames]

    def wake(self) -> None:
        """Tell all who wait that the connection is closed."""
        for open in self._open.values():
            open.changed.set()

    def _begin(self) -> tuple[bytes, _Open]:
        number, open = b"%d" % next(self._numbers), _Open()
        self._open[number] = open
        return number, open

    async def _send(self, requests: Sequence[Request], number: bytes, before: Sequence[Request] = ()) -> None:
        if not self._inbox:
            self._inbox = self._connection.new_inbox()
            try:
                await self._connection.listen(f"{self._inbox}.>", self._take)
            except BaseException:
                self._inbox = ""
                raise
        reply = f"{self._inbox}.{number.decode()}"
        silent = [(subject, "", block, data) for subject, block, data in before]
        asked = [(it[0], f"{reply}.{index}", it[1], it[2]) for index, it in enumerate(requests)]
        await self._connection.send(silent + asked)

    async def _more(self, open: _Open) -> None:
        if self._connection.is_closed:
            raise ConnectionClosedError
        open.changed.clear()
        await open.changed.wait()

    def _take(self, frames: list[Frame]) -> None:
        for frame in frames:
            _, number, index = frame[0].rsplit(b".", 2)
            if (open := self._open.get(number)) and index.isdigit():
                open.frames.append((int(index), frame))
                open.changed.set()


def is_nobody(answer: Frame) -> bool:
    """Whether it is the server that says that nobody listens."""
    return not answer[3] and parsed(answer[2]).get("Status") == "503"
