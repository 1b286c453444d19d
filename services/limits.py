"""How much a service takes on: what one request may bring, how many may wait, how fast, and what stays open."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SMALLEST_PAYLOAD = 1 << 20
"""Bytes that the server must take in a message: an event of a large fact, with all its headers, is one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of each service in each centre.

    `request`: bytes of a command or query; `waiting`: commands and queries in hand at once; `rate`: of them a
    second, in the long run; `burst`: seconds of that rate that may come at once; `open`: calls, cases and
    whatever else is kept in memory because it is not over.
    """

    request: int = 128 * 1024
    waiting: int = 1000
    rate: float = 2000.0
    burst: float = 2.0
    open: int = 200_000


class Exceeded(Exception):
    """A request is beyond a limit; `retry_after` says after how many seconds it is worth another try, 0: never."""

    def __init__(self, rule: str, status: int, detail: str, expected: str, retry_after: float = 0) -> None:
        super().__init__(detail)
        self.rule, self.status, self.expected, self.retry_after = rule, status, expected, retry_after


class Door:
    """Lets requests to one service in one centre in, as far as its limits go; `now` in seconds."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self.limits, self.inside = limits, 0
        self._now, self._seen, self._tokens = now, now(), limits.rate * limits.burst

    @contextmanager
    def enter(self, size: int) -> Iterator[None]:
        """Be inside for as long as it takes to answer a request of so many bytes; Exceeded where it may not."""
        limits, now = self.limits, self._now()
        if size > limits.request:
            found = f"the request has {size} bytes"
            raise Exceeded("request-too-large", 413, found, f"at most {limits.request} bytes")
        most = limits.rate * limits.burst
        self._tokens, self._seen = min(most, self._tokens + (now - self._seen) * limits.rate), now
        if self._tokens < 1:
            wait = max(0.01, round((1 - self._tokens) / limits.rate, 3))
            found = "more commands and queries come than are taken"
            raise Exceeded("rate-exceeded", 429, found, f"at most {limits.rate:g} a second", wait)
        if self.inside >= limits.waiting:
            found = f"{self.inside} commands and queries wait for their answers"
            raise Exceeded("too-many-waiting", 429, found, f"at most {limits.waiting} at once", 0.5)
        self._tokens -= 1
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1


__all__ = ["SMALLEST_PAYLOAD", "Door", "Exceeded", "Limits"]
