"""When an instance keeps a checkpoint: as its log grows, one at a time, and a last one as it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from zlib import crc32

from eventlog.checkpoint import Checkpoint
from eventlog.core import Core


class Keeping:
    """The checkpoints of one instance, if it keeps any; one that cannot be written is reported, and nothing else.

    `every` is how much of the log must have been recorded since the last, in messages; where a tenth of the
    aggregates in memory is more, it is that.
    """

    def __init__(
        self, checkpoint: Checkpoint | None, every: int, report: Callable[[str, dict[str, Any]], None]
    ) -> None:
        self._checkpoint, self._every, self._report = checkpoint, every, report
        self._saving: asyncio.Task[None] | None = None
        self._last = 0

    def begin(self, core: Core[Any]) -> None:
        """Count what is recorded from here on, as if some had been: four services would keep theirs all at once."""
        self._last = core.own - crc32(core.source.encode()) % self._every

    def look(self, core: Core[Any]) -> None:
        """Have one written while the loop goes on, if it is time to; to be called between two commits."""
        if core.own - self._last >= max(self._every, len(core.tracks) // 10):
            self._last = core.own
            self._save(core)

    async def end(self, core: Core[Any]) -> None:
        """Keep the memory of an instance that stops."""
        if self._saving:  # it may be older than what is to be kept
            await self._saving
        self._save(core)
        if self._saving:
            await self._saving

    def _save(self, core: Core[Any]) -> None:
        if not self._checkpoint or core.secrecy.discreet or (self._saving and not self._saving.done()):
            return
        try:
            self._saving = asyncio.create_task(self._kept(self._checkpoint.save(core)))
        except OSError as reason:
            self._not_kept(reason)

    async def _kept(self, saving: Coroutine[Any, Any, None]) -> None:
        try:
            await saving
        except OSError as reason:
            self._not_kept(reason)

    def _not_kept(self, reason: OSError) -> None:
        self._report("checkpoint.failed", {"reason": f"{type(reason).__name__}: {reason}"})
