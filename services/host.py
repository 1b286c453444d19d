"""One service process: a seat in every centre there is, and the edge around them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from contracts import registry
from eventlog import errors
from eventlog.client import Connection, urls
from eventlog.place import Pace
from eventlog.stream import Settings, streams
from services import inbox
from services.decider import Service
from services.edge import Edge, serve_http
from services.limits import SMALLEST_PAYLOAD, Limits
from services.seat import Seat

log = structlog.get_logger()
FAREWELL = 3.0
"""Seconds that closing a connection may take, answers on their way included."""


@dataclass(frozen=True, slots=True)
class HostSettings:
    """How a service process runs.

    `url` may be several with commas between; `store` None keeps checkpoints and read models in memory.
    """

    url: str
    store: Path | None = None
    http_host: str = "127.0.0.1"
    http_port: int = 0
    credentials: str | None = None
    log: Settings = field(default_factory=Settings)
    pace: Pace = field(default_factory=Pace)
    limits: Limits = field(default_factory=Limits)
    discover: float = 1.0


class Host:
    """Runs one service in all centres until `stop` is set."""

    def __init__(self, service: Service, settings: HostSettings) -> None:
        self.service, self.settings = service, settings
        self.seats: dict[str, Seat] = {}
        self.http_port = 0
        self.ready = asyncio.Event()
        self._found = False
        self._look = asyncio.Event()

    async def connect(self, *, reconnect: bool = False) -> Connection:
        """A connection to the server; those that write never reconnect."""

        async def on_error(error: Exception) -> None:
            with suppress(OSError, ValueError):
                log.warning("nats.error", service=self.service.name, error=f"{type(error).__name__}: {error}")

        connection = Connection()
        await connection.connect(
            urls(self.settings.url),
            name=f"centralita-{self.service.name}",
            allow_reconnect=reconnect,
            max_reconnect_attempts=-1 if reconnect else 1,
            reconnect_time_wait=1,
            connect_timeout=2,
            error_cb=on_error,
            user_credentials=self.settings.credentials,
        )
        if connection.max_payload < SMALLEST_PAYLOAD:
            found = connection.max_payload
            await connection.close()
            raise errors.Unavailable(
                f"the server takes messages of {found} bytes: set its max_payload to {SMALLEST_PAYLOAD} or more"
            )
        return connection

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then leave every centre cleanly. OSError if server or port cannot be had."""
        async with AsyncExitStack() as leaving:
            self._shared = await self.connect(reconnect=True)
            leaving.push_async_callback(_quietly, self._shared.close)
            edge = Edge(self.service, self.settings.url, self.seats, self._all_found)
            server, serving = await serve_http(edge.app, self.settings.http_host, self.settings.http_port)
            self.http_port = server.port
            leaving.push_async_callback(_end_http, server, serving)
            leaving.push_async_callback(_quietly, edge.broker.stop)
            await edge.broker.start()
            leaving.push_async_callback(self._leave)
            await self._work(stop)

    async def _work(self, stop: asyncio.Event) -> None:
        async def on_change(_: Any) -> None:
            self._look.set()

        await self._shared.subscribe(registry.CENTRES_CHANGED, cb=on_change)
        while not stop.is_set():
            self._look.clear()
            await self._discover()
            self.ready.set()
            waits = [asyncio.ensure_future(self._look.wait()), asyncio.ensure_future(stop.wait())]
            await asyncio.wait(waits, timeout=self.settings.discover, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()

    async def _leave(self) -> None:
        await asyncio.gather(*(seat.stop() for seat in self.seats.values()), return_exceptions=True)

    def _all_found(self) -> bool:
        """Whether the server was asked for its centres, and can be asked again."""
        return self._found and self._shared.is_connected

    async def _discover(self) -> None:
        """Take a seat in every centre that has both its streams, and leave those that are gone."""
        try:
            found = await streams(self._shared)
            if "call" in self.service.topics:
                for centre in registry.logs(found) - registry.centres(found):
                    if await inbox.reopen(self._shared, centre):
                        found.add(registry.inbox_stream(centre))
            centres = registry.centres(found)
        except errors.LogError:
            self._found = False
            return  # the server is away; the seats know it themselves
        self._found = True
        for centre in centres - set(self.seats):
            seat = Seat(
                self.service, centre, self.connect, self._shared,
                store=self.settings.store, settings=self.settings.log, pace=self.settings.pace, report=_report,
                limits=self.settings.limits,
            )  # fmt: skip
            self.seats[centre] = seat
            seat.start()
        for centre in set(self.seats) - centres:
            await self.seats.pop(centre).stop()


async def _quietly(leave: Callable[[], Awaitable[None]]) -> None:
    """Leave what may be gone already, or may not answer."""
    with suppress(Exception):
        async with asyncio.timeout(FAREWELL):
            await leave()


async def _end_http(server: Any, serving: asyncio.Task[None]) -> None:
    server.should_exit = True
    await serving


def _report(service: str, centre: str, event: str, about: dict[str, Any]) -> None:
    grave = event in ("aggregate.stopped", "input.set_aside")
    grave = grave or about.get("state") in ("corrupt", "failed", "unavailable")
    tell = log.warning if grave else log.info
    with suppress(OSError, ValueError):  # nobody reads what is told, or its disk is full: the work goes on
        tell(event, service=service, centre=centre, **about)
