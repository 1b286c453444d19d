"""`centralita up`: the server and the services."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

import protocols
from centralita.commands.common import (
    REFUSED,
    UNREACHABLE,
    USAGE,
    AsJson,
    Embedded,
    Interrupted,
    centre_of,
    connected,
    fail,
    from_environment,
    print_json,
    run,
)
from centralita.commands.protocol import loaded
from centralita.operating import Operator
from centralita.process import collect_seldom
from centralita.settings import Settings
from contracts.protocol import Protocol
from contracts.registry import SERVICES
from eventlog.codec import timestamp

PORT, DOOR_PORT, DOOR = 4222, 8422, "door"


def up(
    store: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Directory for the server's files, checkpoints and read models."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port of the embedded server; 0: a free one. Usual: 4222."),
    ] = None,
    nats: Embedded = None,
    service: Annotated[
        list[str] | None,
        typer.Option("--service", "-s", metavar="NAME", help="Run this one only, or the door; repeatable."),
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
            help="Port of the HTTP door; 0: a free one. Usual: 8422; with --nats or another --service none.",
        ),
    ] = None,
    virtual_clock: Annotated[
        bool,
        typer.Option(
            "--virtual-clock",
            help="To try things out: free ports, a directory that goes away in the end, and a centre whose time"
            " passes with: centralita clock.",
        ),
    ] = False,
    centre: Annotated[
        str | None,
        typer.Option("--centre", "-c", metavar="NAME", help="Open this centre. With --virtual-clock: test."),
    ] = None,
    protocol: Annotated[
        str, typer.Option(help=f"How it works: plain, {', '.join(protocols.names())}, or a file (TOML).")
    ] = "plain",
    until_eof: Annotated[
        bool, typer.Option("--until-eof", help="End when standard input does: with whoever started it.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Log warnings only.")] = False,
    json: AsJson = False,
) -> None:
    """Run the server, the four services and the HTTP door until Ctrl-C or SIGTERM; with --nats the services alone.

    Where CENTRALITA_DOOR_TOKEN is set, the door asks for it. Where all four services run, webhooks are sent and
    callers are looked up in the CRM that CENTRALITA_CRM names.
    """
    chosen = tuple(dict.fromkeys(service or SERVICES))
    if unknown := [name for name in chosen if name not in (*SERVICES, DOOR)]:
        fail(USAGE, f"--service: there is no {unknown[0]!r}; the services are {', '.join((*SERVICES, DOOR))}")
    if virtual_clock and (nats or service):
        fail(USAGE, "--virtual-clock starts everything: leave out --nats and --service")
    if any(name.startswith(("CENTRALITA_CRM", "CENTRALITA_WEBHOOK")) for name in os.environ):
        from centralita.outlets import lookup, sending

        from_environment(lookup.Settings)  # what is wrong with them is said now
        from_environment(sending.Settings)
    opening = None
    if centre or virtual_clock:
        opening = Opening(centre_of(centre or "test"), loaded(protocol), virtual_clock)
    from centralita import logs  # late: structlog takes a while to load

    logs.configure(logging.WARNING if quiet else logging.INFO)
    with ExitStack() as kept:
        if virtual_clock and store is None:
            gone = tempfile.TemporaryDirectory(prefix="centralita-", ignore_cleanup_errors=True)
            store = Path(kept.enter_context(gone))
        if port is None:
            port = 0 if virtual_clock else PORT
        if door_port is None and (DOOR in chosen or not (nats or service)):
            door_port = 0 if virtual_clock else DOOR_PORT
        chosen = tuple(name for name in chosen if name != DOOR)
        where = store or Settings().store
        try:
            run(_up(where, port, nats, chosen, http_port, door_port, opening, until_eof, json))
        except Interrupted:
            return  # this is how it is meant to end


async def _up(
    store: Path,
    port: int,
    nats: str | None,
    services: tuple[str, ...],
    http_port: int,
    door_port: int | None,
    opening: Opening | None,
    until_eof: bool,
    as_json: bool,
) -> None:
    from centralita.stack import running  # FastStream takes a second to load

    collect_seldom()
    if nats:
        async with connected(nats):
            pass  # said now, in one line, rather than tried for ever
    pages = {name: http_port + number if http_port else 0 for number, name in enumerate(services)}
    async with running(
        store, url=nats, services=services, port=port, http_ports=pages, door_port=door_port,
        door_token=Settings().door_token, outlets=services == SERVICES,
    ) as stack:  # fmt: skip
        opened = await _open(stack.url, opening) if opening else {}
        listening = {name: f"http://127.0.0.1:{host.http_port}" for name, host in stack.hosts.items()}
        if as_json:
            about = {"nats": stack.url, "door": stack.door, "services": listening}
            print_json(about | {"store": str(store), "pid": os.getpid()} | opened)
        else:
            print(f"{'nats':<8} {stack.url}" + ("" if nats else f"  (files in {store})"))
            for name, url in listening.items():
                print(f"{name:<8} {url}  (/healthz /readyz /metrics /asyncapi)")
            if stack.door:
                print(f"{'door':<8} {stack.door}")
            if opened:
                print(f"{'centre':<8} {', '.join(opened.values())}")
                print(f"export CENTRALITA_NATS={stack.url} CENTRALITA_CENTRE={opened['centre']}")
            print("ready; Ctrl-C stops", flush=True)
        ended = asyncio.create_task(stack.ended())
        over = _end_of_input() if until_eof else asyncio.get_running_loop().create_future()
        await asyncio.wait([ended, over], return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            ended.cancel()
            return
    fail(UNREACHABLE, f"{ended.result()}; the rest was stopped")


@dataclass(frozen=True, slots=True)
class Opening:
    """A centre to be opened: its name, how it works, and whether its clock is virtual."""

    centre: str
    protocol: Protocol
    virtual: bool


async def _open(url: str, opening: Opening) -> dict[str, str]:
    """Open it where it is not, and set a clock that is virtual; what to say of it."""
    from centralita import centres, clocks  # only where one is asked for

    async with Operator(url, name="centralita-cli") as client:
        kind: Literal["real", "virtual"] = "virtual" if opening.virtual else "real"
        new = await centres.add(client.connection, opening.centre, opening.protocol, clock=kind)
        found = kind if new else await clocks.kind(client, opening.centre)
        if found != kind:
            fail(REFUSED, f"--centre: {opening.centre} is open already, with a {found} clock")
        told = {"centre": opening.centre, "protocol": opening.protocol.name, "clock": kind}
        if opening.virtual:
            if new:
                await clocks.begin(client, opening.centre, clocks.start_of(opening.protocol))
            now = await clocks.present(client, opening.centre)
            told["now"] = timestamp(now) if now else ""
    return told


def _end_of_input() -> asyncio.Future[None]:
    """Done when standard input has ended; read in a thread of its own that nothing waits for in the end."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()

    def read() -> None:
        with suppress(OSError):
            while os.read(sys.stdin.fileno(), 4096):
                pass
        with suppress(RuntimeError):  # we are at our end already
            loop.call_soon_threadsafe(over.cancel)

    threading.Thread(target=read, daemon=True).start()
    return over
