"""What a service has to decide on: messages read ahead of it, commands and queries that wait for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from eventlog.codec import Message
from eventlog.core import Core
from eventlog.decider import Arrival, Decider
from eventlog.feed import Feed
from eventlog.memory import TERM
from eventlog.place import Pace, Place, event, read
from eventlog.recovery import Recovery
from eventlog.stream import Raw

W = TypeVar("W")
_MOST = 64 << 20
"""Bytes of messages that are read ahead of the decisions on them."""
_PASSED = Arrival("event", "", Message("", "", b"", "", ""))
"""A message of the log that says nothing to this service; only its position counts."""


class Replaced(Exception):
    """Another instance has taken the term."""


@dataclass(slots=True)
class Asked:
    """A command or query that waits for the loop."""

    arrival: Arrival | None
    query: Callable[[Any], Any] | None
    position: int
    answer: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Input(NamedTuple):
    """Something to decide on, as it was read or as it was asked."""

    arrival: Arrival
    raw: Raw | None
    asked: Asked | None


class Inputs(Generic[W]):
    """All that waits for the loop: `log` and `inbox` read ahead, `asked` and not taken up yet, commands `in_hand`.

    `failure` is why nothing more is read, `last_stored` when the last fact taken from the inbox was stored there.
    """

    def __init__(self, decider: Decider[W], place: Place, pace: Pace) -> None:
        self._decider, self._place, self._pace = decider, place, pace
        self.wake = asyncio.Event()
        self.log: deque[Raw] = deque()
        self.inbox: deque[Raw] = deque()
        self.asked: deque[Asked] = deque()
        self.in_hand: list[Asked] = []
        self.failure: BaseException | None = None
        self.last_stored: datetime | None = None
        self._queries: list[Asked] = []
        self._pumps: list[asyncio.Task[None]] = []

    def ask(self, asked: Asked) -> None:
        """Have a command or query wait."""
        self.asked.append(asked)
        self.wake.set()

    def pump(self, parts: AsyncIterator[list[Raw]], into: deque[Raw], feed: Feed | None = None) -> None:
        """Read ahead, no further than decisions can follow, and offer it to others."""

        async def pump() -> None:
            largest = 0
            try:
                async for part in parts:
                    into.extend(part)
                    largest = max(largest, *(len(raw.data) for raw in part))
                    self.wake.set()
                    if feed:
                        feed.offer(part)
                    while len(into) > self._pace.backlog or largest * len(into) > _MOST < _bytes(into):  # noqa: ASYNC110  the loop is busy
                        await asyncio.sleep(0.005)
            except Exception as failure:  # noqa: BLE001  raised by the loop
                self.failure = failure
                self.wake.set()

        self._pumps.append(asyncio.create_task(pump()))

    async def end(self) -> None:
        """Read no more, and forget what was read: the next session reads it again."""
        await end(*self._pumps)
        self._pumps, self.failure, self.last_stored = [], None, None
        self.inbox.clear()
        self.log.clear()

    def give_up(self, reason: Exception) -> None:
        """Tell all who wait that there will be no answer."""
        for asked in [*self.asked, *self.in_hand, *self._queries]:
            if not asked.answer.done():
                asked.answer.set_exception(reason)
        self.asked.clear()
        self.in_hand.clear()
        self._queries.clear()

    def gather(self, core: Core[W], term: int, ready: bool) -> list[Input]:
        """What there is to decide on: events of the others, then (when `ready`) facts, then commands.

        At most `inputs` of the log and inbox in all; where both have so many, half from each. Raises Replaced where
        a term follows ours.
        """
        gathered: list[Input] = []
        heeds, own = self._decider.heeds, f"{self._place.own}."
        reference = self._place.reference.rstrip(">")
        facts = min(len(self.inbox), self._pace.inputs // 2) if ready else 0
        while self.log and len(gathered) < self._pace.inputs - facts:
            raw = self.log[0]
            name = raw.name
            mine = raw.subject.startswith(own)
            if mine and raw.seq > term and raw.subject.endswith(f".{TERM}"):
                raise Replaced(f"the term at {term} was followed by one at {raw.seq}")
            if raw.subject.startswith(reference):
                if gathered:
                    return gathered  # what was decided before it is committed first
                core.refer(read(raw))
            elif name == self._decider.asks_again if mine else name in heeds:
                gathered.append(Input(event(raw), raw, None))
                self.log.popleft()
                continue
            if not gathered:
                core.log = raw.seq
            elif gathered[-1].arrival is _PASSED:
                gathered[-1] = Input(_PASSED, raw, None)
            else:
                gathered.append(Input(_PASSED, raw, None))
            self.log.popleft()
        while ready and self.inbox and len(gathered) < self._pace.inputs:
            raw = self.inbox.popleft()
            self.last_stored = raw.stored
            gathered.append(Input(self._place.fact(raw), raw, None))
        while ready and self.asked:
            asked = self.asked.popleft()
            if asked.arrival:
                self.in_hand.append(asked)
                gathered.append(Input(asked.arrival, None, asked))
            else:
                self._queries.append(asked)
        return gathered

    async def with_originals(self, inputs: list[Input], recovery: Recovery[W]) -> list[Input]:
        """The inputs, with the event in question where one of our own asks for it to be decided on again."""
        asks = self._decider.asks_again
        for index, (arrival, raw, asked) in enumerate(inputs):
            if arrival.message.name == asks and raw and (again := await recovery.again(raw)):
                inputs[index] = Input(again, raw, asked)
        return inputs

    def answer_queries(self, core: Core[W]) -> None:
        """Answer those for whose position the log was read far enough."""
        still: list[Asked] = []
        for asked in self._queries:
            if asked.answer.done():
                continue
            if asked.position > max(core.log, core.own):
                still.append(asked)
            elif asked.query:
                try:
                    asked.answer.set_result(asked.query(core.world))
                except Exception as failure:  # noqa: BLE001  told to whoever asked
                    asked.answer.set_exception(failure)
        self._queries = still


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they have ended: `wait_for`, which nats-py uses, may swallow a cancellation."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=0.2)
    await asyncio.gather(*tasks, return_exceptions=True)


def _bytes(raws: Iterable[Raw]) -> int:
    return sum(len(raw.data) for raw in raws)
