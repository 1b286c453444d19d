"""Centralita in one process: an embedded server (or one that runs already) and some or all services."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from centralita.door.serving import serving
from centralita.room import keep_going
from centralita.server import NatsServer
from contracts.registry import SERVICES
from eventlog.inputs import end
from eventlog.place import Pace
from eventlog.stream import Settings
from services.decider import Service
from services.host import Host, HostSettings
from services.intake.app import SERVICE as INTAKE
from services.limits import Limits
from services.routing.app import SERVICE as ROUTING
from services.sla.app import SERVICE as SLA
from services.tickets.app import SERVICE as TICKETS

ALL: dict[str, Service] = {service.name: service for service in (INTAKE, ROUTING, TICKETS, SLA)}
assert tuple(ALL) == SERVICES


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: where its server is, its service hosts by name, and its HTTP door, if it has one."""

    url: str
    hosts: dict[str, Host]
    server: NatsServer | None
    tasks: Sequence[asyncio.Task[None]] = ()
    door: str | None = None

    async def ended(self) -> str:
        """Wait until a part of it ends by itself, which none should; says which, and why."""
        waits: list[asyncio.Future[Any]] = list(self.tasks)
        server = asyncio.ensure_future(self.server.ended()) if self.server else None
        waits += [server] if server else [asyncio.get_running_loop().create_future()]
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if server:
                server.cancel()
        for task in self.tasks:
            if task in done:
                reason = task.exception()
                return f"{task.get_name()} has ended" + (
                    f": {type(reason).__name__}: {reason}" if reason else ""
                )
        assert server
        return server.result()


@asynccontextmanager
async def running(
    store: Path,
    *,
    url: str | None = None,
    services: Sequence[str] = SERVICES,
    port: int = 0,
    http_ports: dict[str, int] | None = None,
    pace: Pace | None = None,
    log: Settings | None = None,
    limits: Limits | None = None,
    door_port: int | None = None,
    door_token: str | None = None,
    outlets: bool = False,
) -> AsyncIterator[Stack]:
    """Start what is asked for and stop it again in the end.

    `store` holds the server's files (when it is ours), checkpoints and read models. With a `door_port` (0: a free
    one) there is an HTTP door, which asks for `door_token`, if any; with `outlets` what reaches outside (webhooks, the
    look-up in a CRM) works beside the services. Raises
    centralita.server.ServerError, OSError or nats.errors.Error when something cannot be started.
    """
    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        server = None
        if url is None:
            server = await stack.enter_async_context(NatsServer.start(store, port=port))
            url = server.url
            watching = asyncio.create_task(keep_going(server, _report))
            stack.push_async_callback(end, watching)
        hosts = {
            name: Host(
                ALL[name],
                HostSettings(
                    url=url,
                    store=store / "services",
                    http_port=(http_ports or {}).get(name, 0),
                    pace=pace or Pace(),
                    log=log or Settings(),
                    limits=limits or Limits(),
                ),
            )
            for name in services
        }
        tasks = [asyncio.create_task(host.run(stop), name=name) for name, host in hosts.items()]
        try:
            for host, task in zip(hosts.values(), tasks, strict=True):
                ready = asyncio.create_task(host.ready.wait())
                await asyncio.wait([ready, task], return_when=asyncio.FIRST_COMPLETED)
                if task.done():
                    ready.cancel()
                    task.result()  # a host that ends before it is ready has failed: raise its reason
            if outlets:
                from centralita.outlets.run import started  # httpx takes a while to load

                tasks += started(url, stop)
            if door_port is None:
                yield Stack(url, hosts, server, tasks)
                return
            async with serving(url, port=door_port, token=door_token) as door:
                yield Stack(url, hosts, server, (*tasks, door.task), door.url)
        finally:
            stop.set()
            await asyncio.gather(*tasks, return_exceptions=True)


def _report(event: str, about: dict[str, Any]) -> None:
    with suppress(OSError, ValueError):  # nobody reads what is told, or its disk is full: the work goes on
        structlog.get_logger().warning(event, **about)
