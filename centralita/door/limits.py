"""How much the door takes on at once: requests, bytes of their bodies, readers of logs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from starlette.requests import Request

from centralita.door.problems import Wrong
from services import limits
from services.limits import Exceeded

__all__ = ["Limits", "Room"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one door.

    `body`: bytes of a request; `events`: facts of a batch; `held`: bytes of all requests in hand; `waiting`:
    requests in hand; `rate`: of them a second, in the long run; `readers`: logs that are followed;
    `patience`: seconds within which a body must have come, and a reader must have taken what it was sent.
    """

    body: int = 4 << 20
    events: int = 1000
    held: int = 64 << 20
    waiting: int = 1000
    rate: float = 5000.0
    readers: int = 200
    patience: float = 30.0


class Room:
    """What is left of it."""

    def __init__(self, most: Limits) -> None:
        self.most = most
        self._requests = limits.Door(
            limits.Limits(request=most.body, waiting=most.waiting, rate=most.rate, burst=1.0)
        )
        self._held = self.readers = 0

    @contextmanager
    def request(self) -> Iterator[None]:
        """Be in hand for as long as it takes to answer; Exceeded where it may not."""
        with self._requests.enter(0):
            yield

    @contextmanager
    def reader(self) -> Iterator[None]:
        """Follow a log; Exceeded where too many do."""
        if self.readers >= self.most.readers:
            found = f"{self.readers} readers follow logs here"
            raise Exceeded("too-many-readers", 429, found, f"at most {self.most.readers} at once", 5)
        self.readers += 1
        try:
            yield
        finally:
            self.readers -= 1

    @asynccontextmanager
    async def body(self, request: Request, most: int = 0) -> AsyncIterator[bytes]:
        """The body of a request; Exceeded where it, or all in hand, is too large, Wrong where it comes too slowly."""
        most, taken, parts = most or self.most.body, 0, list[bytes]()
        if (length := request.headers.get("content-length", "")).isdecimal() and int(length) > most:
            raise _too_large(int(length), most)
        try:
            try:
                async with asyncio.timeout(self.most.patience):
                    async for part in request.stream():
                        taken += len(part)
                        self._held += len(part)
                        if taken > most:
                            raise _too_large(taken, most)
                        if self._held > self.most.held:
                            found = f"{self._held} bytes of requests are in hand"
                            raise Exceeded("too-many-waiting", 429, found, f"at most {self.most.held}", 1)
                        parts.append(part)
            except TimeoutError:
                within = f"a whole request within {self.most.patience:g} s"
                raise Wrong(
                    408, "too-slow", "Too slow", "the body did not come in time", expected=within
                ) from None
            yield b"".join(parts)
        finally:
            self._held -= taken


def _too_large(found: int, most: int) -> Exceeded:
    return Exceeded("request-too-large", 413, f"the request has {found} bytes", f"at most {most} bytes")
