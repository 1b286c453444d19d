"""The time that an instance goes by: how far it has heard of everything that could have happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from eventlog.beats import Heard
from eventlog.core import Core
from eventlog.place import Place
from eventlog.stream import Stream

W = TypeVar("W")
_AHEAD = timedelta(minutes=1)
"""How far the clock of another host may be ahead; what claims more is not believed."""


class Clock(Generic[W]):
    """Tells the time to one session; `reference` is where the centre's own messages end as it begins."""

    def __init__(
        self,
        core: Core[W],
        place: Place,
        inbox: Stream,
        heard: Heard,
        reference: int,
        now: Callable[[], datetime],
    ) -> None:
        self.core, self.place, self.inbox, self.heard = core, place, inbox, heard
        self._reference, self.now = reference, now
        self._inbox_checked = -1

    @property
    def known(self) -> bool:
        """Whether the centre's own messages have been read: which clock it goes by, and under which protocol."""
        return self.core.log >= self._reference

    async def time(
        self, before: datetime | None, last_stored: datetime | None, *, waiting: bool
    ) -> datetime | None:
        """The time up to which all that this instance could have heard of is recorded.

        None where that cannot be said, or where what others pass on is no later than `before`. While facts wait, here
        (`waiting`) or on the server, it is the time at which the last one taken, `last_stored`, was stored.
        """
        if not self.known:
            return None
        virtual = self.core.decider.clock(self.core.world)
        if self.core.decider.upstream:
            passed = self.heard.passed(self.core.log)
            if passed is None or (before and passed.time <= before):
                return None
            if virtual is None and passed.time > self.now() + _AHEAD:
                return None
            read = self.core.inbox >= passed.inbox or await self._inbox_read()
            return passed.time if read else None
        if virtual is not None:
            return virtual
        now = self.now()
        return now if not waiting and await self._inbox_read() else last_stored

    async def _inbox_read(self) -> bool:
        """Whether everything that the server holds for this service has been decided on."""
        if not self.place.inbox:
            return True
        last = await self.inbox.last_sequence()
        if last == self._inbox_checked:
            return True
        for subject in self.place.inbox:
            raw = await self.inbox.last(subject)
            if raw is not None and raw.seq > self.core.inbox:
                return False
        self._inbox_checked = last
        return True
