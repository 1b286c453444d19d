"""What all outlets share: one worker at a time in every centre that needs it, the log read from where it stood."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, NamedTuple

import structlog
from nats.errors import Error as NatsError

from centralita import settings
from centralita.outlets.place import Bucket, Lease, Lost, Progress, Slot
from contracts import registry
from eventlog import errors
from eventlog.client import Connection, urls
from eventlog.stream import Raw, Settings, Stream, streams

__all__ = ["Outlet", "Reading", "connected", "end", "for_ever", "in_every_centre", "together", "until_done"]

log = structlog.get_logger()
_AGAIN = 1.0
_SAVED = 0.5
_WINDOW = Settings(window=500, window_bytes=4 << 20)


class Outlet(NamedTuple):
    """A kind of worker: its name, the centres that need one (of the names of all streams), and its work in one."""

    name: str
    wanted: Callable[[set[str]], set[str]]
    work: Callable[[Bucket], Coroutine[Any, Any, None]]


@asynccontextmanager
async def connected(url: str, name: str) -> AsyncIterator[Connection]:
    """A connection that is made again for ever."""

    async def on_error(error: Exception) -> None:
        with suppress(OSError, ValueError):
            log.warning("nats.error", outlet=name, error=f"{type(error).__name__}: {error}")

    connection = Connection()
    options: dict[str, Any] = {
        "max_reconnect_attempts": -1,
        "reconnect_time_wait": 0.25,
        "connect_timeout": 2,
    }
    await connection.connect(urls(url), name=f"centralita-{name}", error_cb=on_error, **options)
    try:
        yield connection
    finally:
        with suppress(NatsError, OSError, TimeoutError):
            async with asyncio.timeout(3):
                await connection.close()


async def in_every_centre(url: str, outlet: Outlet, stop: asyncio.Event) -> None:
    """Work in all centres that need it until `stop` is set; where another instance works, stand by."""
    beat = settings.Settings().beat
    tasks: dict[str, asyncio.Task[None]] = {}
    async with connected(url, outlet.name) as connection:
        try:
            while not stop.is_set():
                wanted = set(tasks)
                with suppress(errors.LogError):  # the server is away: all stay where they are
                    wanted = outlet.wanted(await streams(connection))
                for centre in wanted - set(tasks):
                    bucket = Bucket(connection, centre)
                    work = for_ever(_leased(outlet, bucket, beat), outlet.name, centre)
                    tasks[centre] = asyncio.create_task(work)
                await end(*(tasks.pop(centre) for centre in set(tasks) - wanted))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_AGAIN):
                        await stop.wait()
        finally:
            await end(*tasks.values())


def _leased(outlet: Outlet, bucket: Bucket, beat: float) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        await bucket.make()
        lease = Lease(bucket, outlet.name, beat)
        await lease.take()
        log.info("outlet.active", outlet=outlet.name, centre=bucket.centre)
        try:
            await together(lease.keep(), outlet.work(bucket))
        finally:
            with suppress(Lost, NatsError, OSError, TimeoutError):
                await lease.give_back()

    return work


async def for_ever(work: Callable[[], Awaitable[None]], outlet: str, centre: str) -> None:
    """Begin again whenever it ends; why it did is logged."""
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001  whatever it is, the others go on and this one begins again
            log.warning(
                "outlet.ended", outlet=outlet, centre=centre, reason=f"{type(error).__name__}: {error}"
            )
        await asyncio.sleep(_AGAIN)


async def end(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks until all have ended: nats-py may swallow a cancellation. Who waits here is cancelled afterwards."""
    cancelled = False
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        try:
            await asyncio.wait(pending, timeout=1)  # time to leave in order
        except asyncio.CancelledError:
            cancelled = True
    await asyncio.gather(*tasks, return_exceptions=True)
    if cancelled:
        raise asyncio.CancelledError


async def together(*work: Coroutine[Any, Any, None] | asyncio.Future[None]) -> None:
    """Run all until the first one ends, then end the others and raise why it ended."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        await end(*tasks)


async def until_done(what: Callable[[], Awaitable[None]]) -> None:
    """Do it, again for as long as the server cannot be reached."""
    while True:
        try:
            return await what()
        except (NatsError, errors.Unavailable, TimeoutError, OSError):
            await asyncio.sleep(_AGAIN)


class Reading:
    """The log of a centre read from where an outlet stood, and where it stands kept."""

    def __init__(self, bucket: Bucket, slot: Slot, begin: int) -> None:
        self.log = Stream(bucket.connection, registry.log_stream(bucket.centre), _WINDOW)
        self.centre, self.progress = bucket.centre, Progress(begin)
        self._slot, self._changed = slot, asyncio.Event()

    async def resume(self) -> list[tuple[Raw, int]]:
        """What was open when it was left, with the attempts so far; from here on who had it before saves nothing."""
        if stored := await self._slot.read():
            self.progress = Progress.of(stored)
        self.progress.read = min(self.progress.read, await self.log.last_sequence())
        await self._slot.write(self.progress.stored())
        found = [
            (await self.log.get(position), tries) for position, tries in sorted(self.progress.open.items())
        ]
        return [(raw, tries) for raw, tries in found if raw]

    async def parts(self) -> AsyncIterator[list[Raw]]:
        """The log from there on, for ever, over lost connections."""
        after = self.progress.read
        while True:
            try:
                async with aclosing(self.log.follow([f"log.{self.centre}.>"], after)) as parts:
                    async for part in parts:
                        yield part
                        after = part[-1].seq
            except errors.Unavailable:
                await asyncio.sleep(_AGAIN)

    def opened(self, position: int, attempts: int = 0) -> None:
        """Something at a position is not done yet, after so many attempts."""
        self.progress.open[position] = attempts
        self._changed.set()

    def done(self, position: int) -> None:
        """Something at a position is done."""
        self.progress.open.pop(position, None)
        self._changed.set()

    def read(self, position: int) -> None:
        """All up to a position was looked at."""
        self.progress.read = position
        self._changed.set()

    async def save(self) -> None:
        """Keep where it stands, twice a second at most, for ever; Lost when another does so now."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await until_done(self._write)
            await asyncio.sleep(_SAVED)

    async def leave(self) -> None:
        """Keep where it stands once more, when nothing is under way any more."""
        with suppress(Lost, NatsError, OSError, TimeoutError):
            await self._write()

    async def _write(self) -> None:
        await self._slot.write(self.progress.stored())
