"""Opening the door, and closing it with its readers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from centralita.door.app import application
from centralita.door.behind import Behind
from centralita.door.endpoint import Door
from centralita.door.limits import Limits, Room
from centralita.operating import Operator
from services.edge import serve_http

FAREWELL = 3
"""Seconds that closing may take: requests in hand are answered, readers told good-bye."""


@dataclass(frozen=True, slots=True)
class Served:
    """An open door: its address, and the task that ends only with it."""

    url: str
    task: asyncio.Task[None]


@asynccontextmanager
async def serving(
    nats: str,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[Served]:
    """Serve HTTP before the NATS server at this URL; port 0: a free one.

    Raises OSError where the port is taken, errors.Unavailable where no server answers.
    """
    leaving = asyncio.Event()
    async with Operator(nats, name="centralita-door") as client:
        door = Door(Behind(client), Room(limits or Limits()), token, leaving)
        server, task = await serve_http(application(door), host, port, farewell=FAREWELL)
        task.set_name("door")
        try:
            yield Served(f"http://{host}:{server.port}/v1", task)
        finally:
            leaving.set()
            server.should_exit = True
            await task
