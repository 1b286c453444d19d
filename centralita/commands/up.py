"""`centralita up`: the server and the services."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Annotated

import typer

from centralita.commands.common import (
    UNREACHABLE,
    USAGE,
    AsJson,
    Embedded,
    Interrupted,
    connected,
    fail,
    print_json,
    run,
)
from centralita.settings import Settings
from contracts.registry import SERVICES

DOOR_PORT = 8422


def up(
    store: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Directory for the server's files, checkpoints and read models."),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the embedded server; 0: a free one.")
    ] = 4222,
    nats: Embedded = None,
    service: Annotated[
        list[str] | None,
        typer.Option("--service", "-s", metavar="NAME", help="Run this one only; repeatable."),
    ] = None,
    http_port: Annotated[
        int,
        typer.Option(min=0, max=65000, help="Port of the first service's pages, the next ones following."),
    ] = 0,
    door_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port of the HTTP door; 0: a free one. Usual: 8422, with --nats or --service none.",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Log warnings only.")] = False,
    json: AsJson = False,
) -> None:
    """Run the server, the four services and the HTTP door until Ctrl-C or SIGTERM; with --nats the services alone.

    Where CENTRALITA_DOOR_TOKEN is set, the door asks for it.
    """
    chosen = tuple(dict.fromkeys(service or SERVICES))
    if unknown := [name for name in chosen if name not in SERVICES]:
        fail(USAGE, f"--service: there is no {unknown[0]!r}; the services are {', '.join(SERVICES)}")
    from centralita import logs  # late: structlog takes a while to load

    logs.configure(logging.WARNING if quiet else logging.INFO)
    try:
        if door_port is None and not nats and not service:
            door_port = DOOR_PORT
        run(_up(store or Settings().store, port, nats, chosen, http_port, door_port, json))
    except Interrupted:
        return  # this is how it is meant to end


async def _up(
    store: Path,
    port: int,
    nats: str | None,
    services: tuple[str, ...],
    http_port: int,
    door_port: int | None,
    as_json: bool,
) -> None:
    from centralita.stack import running  # FastStream takes a second to load

    if nats:
        async with connected(nats):
            pass  # said now, in one line, rather than tried for ever
    pages = {name: http_port + number if http_port else 0 for number, name in enumerate(services)}
    async with running(
        store, url=nats, services=services, port=port, http_ports=pages, door_port=door_port,
        door_token=Settings().door_token,
    ) as stack:  # fmt: skip
        listening = {name: f"http://127.0.0.1:{host.http_port}" for name, host in stack.hosts.items()}
        if as_json:
            print_json(
                {
                    "nats": stack.url,
                    "door": stack.door,
                    "services": listening,
                    "store": str(store),
                    "pid": os.getpid(),
                }
            )
        else:
            print(f"{'nats':<8} {stack.url}" + ("" if nats else f"  (files in {store})"))
            for name, url in listening.items():
                print(f"{name:<8} {url}  (/healthz /readyz /metrics /asyncapi)")
            if stack.door:
                print(f"{'door':<8} {stack.door}")
            print("ready; Ctrl-C stops", flush=True)
        ended = await stack.ended()
    fail(UNREACHABLE, f"{ended}; the rest was stopped")
