"""The outlets that work beside the services, and one that works alone."""

from __future__ import annotations

import asyncio

from prometheus_client import start_http_server

from centralita.outlets import lookup
from centralita.outlets.crm import crm
from centralita.outlets.sending import webhooks
from centralita.outlets.worker import Outlet, in_every_centre
from centralita.process import HOST


def started(url: str, stop: asyncio.Event) -> list[asyncio.Task[None]]:
    """Each outlet at work until `stop` is set; callers are looked up where a CRM is configured."""
    outlets = [webhooks(), *([crm()] if lookup.Settings().url else [])]
    return [asyncio.create_task(in_every_centre(url, outlet, stop), name=outlet.name) for outlet in outlets]


async def alone(url: str, outlet: Outlet, http_port: int | None) -> None:
    """One outlet at work until it is cancelled, its metrics on a page."""
    if http_port is not None:
        server, _ = start_http_server(http_port, HOST)
        print(f"{outlet.name}  http://{HOST}:{server.server_port}/metrics", flush=True)
    stop = asyncio.Event()
    task = asyncio.create_task(in_every_centre(url, outlet, stop))
    try:
        await asyncio.wait([task])  # nats-py may swallow a cancellation, this does not
    finally:
        stop.set()
        await task
