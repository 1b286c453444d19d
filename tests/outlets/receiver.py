"""A real HTTP endpoint that answers as a test says, and remembers what it was sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

HANG = 0
"""No answer at all."""


class Request(NamedTuple):
    """What came in: method and target, headers in lower case, the body as it came."""

    line: str
    headers: dict[str, str]
    body: str

    @property
    def event(self) -> dict[str, Any]:
        """The body as JSON."""
        event: dict[str, Any] = json.loads(self.body)
        return event

    @property
    def number(self) -> int:
        """Which of the made events it is."""
        return int(self.event["data"]["line"])


Answer = Callable[[Request], int | tuple[int, dict[str, str], bytes]]


@dataclass
class Receiver:
    """An endpoint: `answer` decides, `requests` are all that came, `most` how many were answered at a time."""

    url: str = ""
    answer: Answer = lambda _: 204
    requests: list[Request] = field(default_factory=list)
    taken: list[Request] = field(default_factory=list)
    pause: float = 0.0
    most: int = 0
    _now: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request by request."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:-2])}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                request = Request(head[0], headers, body.decode())
                self.requests.append(request)
                self._now += 1
                self.most = max(self.most, self._now)
                try:
                    await asyncio.sleep(self.pause)
                    found = self.answer(request)
                    status, more, content = found if isinstance(found, tuple) else (found, {}, b"")
                    if status == HANG:
                        await asyncio.sleep(60)
                finally:
                    self._now -= 1
                if 200 <= status < 300:
                    self.taken.append(request)
                lines = [f"HTTP/1.1 {status} -", f"content-length: {len(content)}"]
                lines += [f"{name}: {value}" for name, value in more.items()]
                writer.write("\r\n".join([*lines, "", ""]).encode() + content)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def receiving(answer: Answer = lambda _: 204) -> AsyncIterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver(answer=answer)
    connections = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        connections.add(task)
        try:
            await receiver.serve(reader, writer)
        except asyncio.CancelledError:
            writer.close()  # the test is over
        finally:
            connections.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield receiver
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
