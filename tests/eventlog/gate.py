"""A TCP proxy that stops a client in mid-commit: after so many messages have passed, everything waits."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self


class Gate:
    """Passes bytes between its clients and a server on 127.0.0.1; `async with Gate(port) as gate`.

    After `stop_at(mark, n)` the connection that sends more than n messages with this mark is held before the
    next one: `held` is set, and nothing it sends passes until `release`, or ever after `cut`.
    """

    def __init__(self, port: int) -> None:
        self.held = asyncio.Event()
        self._port = port
        self._mark: bytes | None = None
        self._passing = 0
        self._go = asyncio.Event()
        self._lost = False
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"nats://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()

    def stop_at(self, mark: bytes, messages: int) -> None:
        """Hold the next connection that sends one message more than these with the mark."""
        self._mark, self._passing = mark, messages
        self.held.clear()
        self._go.clear()

    def release(self) -> None:
        """Let what was held go on its way."""
        self._go.set()

    def move(self, port: int) -> None:
        """Lead new connections to another server."""
        self._port = port

    def cut(self) -> None:
        """Lose what was held, and the connection."""
        self._lost = True
        self._go.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, server_writer]
        self._tasks += [
            asyncio.create_task(self._pass(reader, server_writer, writer, watched=True)),
            asyncio.create_task(self._pass(server_reader, writer, server_writer, watched=False)),
        ]

    async def _pass(
        self,
        source: asyncio.StreamReader,
        to: asyncio.StreamWriter,
        back: asyncio.StreamWriter,
        watched: bool,
    ) -> None:
        with suppress(OSError):
            while passing := await source.read(1 << 16):
                if watched and self._mark and (held := self._held(passing)) is not None:
                    to.write(passing[:held])
                    await to.drain()
                    self._mark = None
                    self.held.set()
                    await self._go.wait()
                    if self._lost:
                        self._lost = False
                        break
                    passing = passing[held:]
                to.write(passing)
                await to.drain()
        to.close()
        back.close()

    def _held(self, passing: bytes) -> int | None:
        """Where the first message begins that may not pass; None if all may."""
        assert self._mark
        at = passing.find(self._mark)
        while at >= 0:
            if self._passing == 0:
                return at
            self._passing -= 1
            at = passing.find(self._mark, at + 1)
        return None
