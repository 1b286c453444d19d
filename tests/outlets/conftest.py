"""A server, a centre of one's own with events put into its log by hand, and workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from centralita import centres
from centralita.operating import Operator
from centralita.outlets.hooks import Hook, Hooks, hook_of
from centralita.outlets.place import Bucket
from centralita.outlets.worker import Outlet, in_every_centre
from centralita.server import NatsServer
from contracts import registry
from contracts.facts import RecordIgnored
from contracts.protocol import PLAIN
from eventlog.codec import Message
from tests.e2e.stacks import Background


class Centre:
    """A centre whose log the test writes."""

    def __init__(self, client: Operator, name: str) -> None:
        self.client, self.name = client, name
        self.hooks = Hooks(Bucket(client.connection, name))
        self._count = 0

    async def happen(self, *calls: str) -> list[int]:
        """An event of each of these calls, numbered as they come; their positions."""
        messages = []
        for call in calls:
            self._count += 1
            name, version, data = registry.encode(RecordIgnored(line=self._count, reason="for a test"))
            message = Message(
                call, name, data, f"{call}-{self._count}", "/made", version, 1, datetime.now(UTC)
            )
            messages.append((registry.log_subject(self.name, "intake", call), message))
        return await self.client.log(self.name).append(messages)

    async def hook(self, url: str, types: Sequence[str] = ("record.*",)) -> Hook:
        """A subscription to what happens from here on."""
        hook = hook_of(url, types, await self.client.log(self.name).last_sequence())
        await self.hooks.bucket.make()
        await self.hooks.change(lambda found: found.__setitem__(hook.id, hook))
        return hook


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server without services; its URL."""
    background = Background[NatsServer](NatsServer.start(tmp_path_factory.mktemp("server")))
    yield background.value.url
    background.stop()


@pytest.fixture
async def centre(server: str) -> AsyncIterator[Centre]:
    """A centre of one's own."""
    async with Operator(server) as client:
        name = f"c{uuid4().hex[:8]}"
        await centres.add(client.connection, name, PLAIN)
        yield Centre(client, name)
        await centres.remove(client.connection, name)


@asynccontextmanager
async def working(url: str, outlet: Outlet) -> AsyncIterator[None]:
    """A worker in this process."""
    stop = asyncio.Event()
    task = asyncio.create_task(in_every_centre(url, outlet, stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 30.0) -> None:
    """Wait until this holds."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.02)


__all__ = ["Centre", "until", "working"]
