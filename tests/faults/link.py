"""A TCP link between clients and a server, that can be cut, delayed, held up, or deaf in one direction."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self


class Link:
    """Passes bytes between its clients and the first of these ports of 127.0.0.1 that takes a connection.

    `delay` is what every read waits before it is passed on, in seconds. While it is `deaf` what the server says
    is lost: cut it afterwards, because half a message helps nobody.
    """

    def __init__(self, *ports: int) -> None:
        self.delay = 0.0
        self.deaf = False
        self._ports = ports
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

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
        self.cut()

    def hold(self) -> None:
        """Keep everything back, in both directions, until `release` or `cut`."""
        self._open.clear()

    def release(self) -> None:
        """Pass on what was held, late as it is."""
        self._open.set()

    def cut(self) -> None:
        """End every connection there is; what was under way is lost."""
        for writer in self._writers:
            writer.transport.abort()
        self._open.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for port in self._ports:
            with suppress(OSError):
                server_reader, server_writer = await asyncio.open_connection("127.0.0.1", port)
                break
        else:
            writer.transport.abort()
            return
        both = {writer, server_writer}
        self._writers |= both
        passing = (
            asyncio.create_task(self._pass(reader, server_writer, writer, answers=False)),
            asyncio.create_task(self._pass(server_reader, writer, server_writer, answers=True)),
        )
        self._tasks.update(passing)
        await asyncio.wait(passing)
        self._tasks.difference_update(passing)
        self._writers -= both

    async def _pass(
        self,
        source: asyncio.StreamReader,
        to: asyncio.StreamWriter,
        back: asyncio.StreamWriter,
        answers: bool,
    ) -> None:
        with suppress(OSError):
            while passing := await source.read(1 << 16):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._open.wait()
                if not (answers and self.deaf):
                    to.write(passing)
                    await to.drain()
        to.close()
        back.close()
