"""A stream for code that is not asynchronous: an event loop in a thread of its own, one connection on it."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Coroutine, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from threading import Thread, current_thread
from typing import Any, TypeVar

from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    PersistenceError,
)
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from eventlog import errors
from eventlog.client import Connection
from eventlog.codec import Malformed
from eventlog.stream import Raw, Settings, Stream

__all__ = ["Log"]

PAUSE = 0.02
_T = TypeVar("_T")
_RAISED: dict[type[Exception], type[PersistenceError]] = {
    errors.Conflict: IntegrityError,
    errors.TooLarge: DataError,
    errors.Corrupt: InternalError,
    Malformed: DataError,
}


class Log:
    """One stream, shared by the recorders of a factory; every method may be called from any thread.

    The connection is made at the first use, and anew after it was lost. It never reconnects by itself, so
    that nothing of an insert that has failed is sent later.
    """

    def __init__(self, url: str, name: str, settings: Settings) -> None:
        self.name = name
        self._url, self._settings = url, settings
        self._heard: list[str] = []
        self._connections: list[Connection] = []
        self._stream: Stream | None = None
        self._dialling = asyncio.Lock()
        self._loop = asyncio.new_event_loop()
        thread = Thread(target=_serve, args=(self._loop,), name=f"log {name}", daemon=True)
        thread.start()
        self._finalizer = weakref.finalize(self, _end, self._loop, thread, self._connections)

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do something on the loop and wait for it; what goes wrong there is raised as a PersistenceError."""
        return self.result(self.submit(work))

    def submit(self, work: Coroutine[Any, Any, _T]) -> Future[_T]:
        """Start something on the loop. InterfaceError after `close`."""
        if not self._finalizer.alive:
            work.close()
            raise InterfaceError("the factory is closed")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def result(self, future: Future[_T]) -> _T:
        """Wait for what was submitted."""
        try:
            return future.result()
        except CancelledError:
            raise InterfaceError("closed while it was waited for") from None
        except (errors.LogError, Malformed) as error:
            before = f" (before that: {self._heard[-1]})" if self._heard else ""
            raise _RAISED.get(type(error), OperationalError)(f"{self.name}: {error}{before}") from error
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Close the connection and end the loop; whoever waits gets an InterfaceError. Safe to repeat."""
        self._finalizer()

    async def stream(self) -> Stream:
        """The stream, through a connection that was alive a moment ago."""
        async with self._dialling:
            if not (self._connections and self._connections[-1].is_connected):
                heard = self._heard
                heard.clear()

                async def on_error(error: Exception) -> None:  # not of self: the connection must not keep us
                    heard[:] = [str(error)]

                connection = Connection()
                try:
                    await connection.connect(
                        self._url,
                        name=f"recorders of {self.name}",
                        allow_reconnect=False,
                        max_reconnect_attempts=1,  # these two are heeded by the first connect all the same
                        reconnect_time_wait=PAUSE,  # type: ignore[arg-type]
                        connect_timeout=max(1, round(self._settings.timeout)),
                        error_cb=on_error,
                    )
                except Exception as error:
                    reason = heard.pop() if heard else errors.of(error)
                    raise errors.Unavailable(f"cannot connect: {reason}") from error
                self._connections[:] = [connection]
        if self._stream is None or self._stream.connection is not self._connections[-1]:
            self._stream = Stream(self._connections[-1], self.name, self._settings)
        return self._stream

    async def create(self, subjects: Sequence[str], replicas: int) -> None:
        """Create the stream where there is none; Unavailable if the one there is takes no atomic batches."""
        js = (await self.stream()).connection.jetstream(timeout=self._settings.timeout)
        config = StreamConfig(
            name=self.name,
            subjects=list(subjects),
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,  # a full log refuses, it does not forget
            num_replicas=replicas,
            allow_direct=True,
            allow_atomic=True,
        )
        try:
            try:
                info = await js.stream_info(self.name)
            except NotFoundError:
                info = await js.add_stream(config)
        except Exception as error:
            raise errors.of(error) from error
        if not (info.config.allow_atomic and info.config.allow_direct):
            raise errors.Unavailable("the stream must have allow_atomic and allow_direct")
        self._settings = replace(self._settings, replicated=(info.config.num_replicas or 1) > 1)

    async def read(self, subject: str) -> list[Raw]:
        """All messages of a literal subject; with replicas, up to the last one that the leader has."""
        stream = await self.stream()
        found = await stream.read_subject(subject)
        if self._settings.replicated and (last := await stream.last(subject)):
            deadline = self._loop.time() + self._settings.timeout
            while not found or found[-1].seq < last.seq:
                if self._loop.time() > deadline:
                    raise errors.Unavailable("the replica that was read is behind the leader")
                await asyncio.sleep(PAUSE)
                found += await stream.read_subject(subject, found[-1].seq if found else 0)
        return found


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_forever()
    loop.close()


def _end(loop: asyncio.AbstractEventLoop, thread: Thread, connections: list[Connection]) -> None:
    async def close() -> None:
        for connection in connections:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(connection.close(), 2)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await loop.shutdown_asyncgens()

    ending = asyncio.run_coroutine_threadsafe(close(), loop)
    ending.add_done_callback(lambda _: loop.call_soon_threadsafe(loop.stop))
    if current_thread() is not thread:  # the last reference may have been dropped on the loop itself
        thread.join(10)
