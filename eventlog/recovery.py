"""Recovery: a core's memory brought back from the log, exactly as it was when its last event was written."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

from eventlog import errors
from eventlog.codec import Message
from eventlog.core import Core
from eventlog.decider import Arrival
from eventlog.place import Place, event, read
from eventlog.stream import Raw, Stream

W = TypeVar("W")
_AT_ONCE = 500


class Recovery(Generic[W]):
    """What brings a core back: the log it is rebuilt from, and the inbox for a decision that was cut short."""

    def __init__(self, core: Core[W], log: Stream, inbox: Stream, place: Place) -> None:
        self.core, self._log, self._inbox, self._place = core, log, inbox, place
        self._referred = 0
        self._begun = False

    async def catch_up(self, until: int) -> None:
        """Fold own events up to a position of the log, the centre's messages in their places among them."""
        if not self._begun:  # what an older release could not read when it wrote the checkpoint
            for aggregate in list(self.core.decider.stopped(self.core.world)):
                await self._restore(aggregate)
            self._begun = True
        references = [
            raw
            async for part in self._log.read([self._place.reference], self._referred, until)
            for raw in part
        ]
        waiting = deque(references)
        async for part in self._log.read([f"{self._place.own}.>"], self.core.own, until):
            for raw in part:
                message = read(raw)
                self._refer(waiting, message.log)
                if self.core.absent(message):
                    await self._restore(message.aggregate)
                self.core.fold(message)
                for aggregate in self.core.secrecy.unread():
                    await self._restore(aggregate)
        self._refer(waiting, self.core.log)

    def _refer(self, waiting: deque[Raw], until: int) -> None:
        while waiting and waiting[0].seq <= until:
            self._referred = waiting[0].seq
            self.core.refer(read(waiting.popleft()))

    async def complete(self) -> list[Message]:
        """What is missing of the last decision, decided again on the state before it, and behind it.

        Corrupt if that cannot be.
        """
        if self.core.inbox > await self._inbox.last_sequence():
            raise errors.Corrupt(f"{self._inbox.name} ends before {self.core.inbox}, which was decided on")
        cut = self.core.cut
        if cut is None:
            return self.core.resume()
        arrival = self.core.waiting.cause_of(cut) or await self._cause_of(cut)
        await self.read_back(self._place.needed([arrival]))
        return self.core.complete(arrival)

    async def _cause_of(self, cut: Message) -> Arrival:
        raw = None if cut.cause_source else await self._log.get(cut.log)
        if raw is not None and read(raw).id == cut.cause:
            return await self.again(raw) or event(raw)
        raw = await self._inbox.get(
            cut.inbox
        )  # of a fact that was sent again and refused this is the cause too
        if raw is None:
            raise errors.Corrupt(
                f"what led to the event at {cut.seq} is gone, and its decision is not complete"
            )
        return self._place.fact(raw)

    async def again(self, raw: Raw) -> Arrival | None:
        """The event that one of our own asks to be decided on once more; None if it asks for nothing."""
        asking = read(raw)
        if not raw.subject.startswith(f"{self._place.own}.") or asking.name != self.core.decider.asks_again:
            return None
        position = self.core.decider.original(asking)
        original = await self._log.get(position)
        if original is None:
            raise errors.Corrupt(f"the event at {position} is gone, and {raw.seq} asks for it again")
        return event(original)._replace(aggregate=asking.aggregate, again=asking)

    async def read_back(self, aggregates: Sequence[str]) -> None:
        """Bring back into memory what was closed and is touched again."""
        core = self.core
        absent = {
            self._place.subject(it): it for it in aggregates if it not in core.tracks and it in core.seen
        }
        subjects = list(absent)
        for start in range(0, len(subjects), _AT_ONCE):
            for subject in await self._log.existing(subjects[start : start + _AT_ONCE]):
                await self._restore(absent.pop(subject))

    async def _restore(self, aggregate: str) -> None:
        history = await self._log.read_subject(self._place.subject(aggregate))
        self.core.restore(aggregate, [read(raw) for raw in history])
