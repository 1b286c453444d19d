"""`centralita centre`: open, list and remove centres."""

from __future__ import annotations

import sys
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

import protocols
from centralita import centres
from centralita.commands.common import (
    REFUSED,
    USAGE,
    AsJson,
    Group,
    Nats,
    connected,
    fail,
    print_json,
    run,
)
from centralita.commands.protocol import loaded
from contracts import registry
from contracts.protocol import Protocol

app = typer.Typer(cls=Group, no_args_is_help=True, help="Open, list and remove centres.")

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Lower case letters, digits and '-', a letter first.")
]
Waiting = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Facts that the inbox may hold. Usual: 1000000.")
]
Bytes = Annotated[
    int | None,
    typer.Option(min=1_000_000, metavar="N", help="Bytes that each stream may have. Usual: any number."),
]


class Clock(StrEnum):
    """Whose time a centre goes by."""

    real = "real"
    virtual = "virtual"


@app.command("add")
def add(
    name: Name,
    protocol: Annotated[
        str, typer.Option(help=f"plain, {', '.join(protocols.names())}, or a file (TOML).")
    ] = "plain",
    clock: Annotated[
        Clock, typer.Option(help="The world's clock, or one that clock.advanced facts move.")
    ] = Clock.real,
    replicas: Annotated[int, typer.Option(min=1, max=5, help="Servers that keep a copy of each stream.")] = 1,
    max_waiting: Waiting = None,
    max_bytes: Bytes = None,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """Open a centre that works by a protocol."""
    options: dict[str, Any] = {"clock": clock.value, "replicas": replicas}
    options |= {"max_waiting": max_waiting} if max_waiting else {}
    options |= {"max_bytes": max_bytes} if max_bytes else {}
    run(_add(_name(name), loaded(protocol), clock, options, nats, json))


async def _add(
    name: str, protocol: Protocol, clock: Clock, options: dict[str, Any], nats: str | None, as_json: bool
) -> None:
    async with connected(nats) as client:
        added = await centres.add(client.connection, name, protocol, **options)
    if not added:
        fail(REFUSED, f"the centre {name} is open already; remove it first, or choose another name")
    if as_json:
        print_json({"centre": name, "protocol": protocol.name, "clock": clock.value})
        return
    print(f"{name} is open: protocol {protocol.name} {protocol.version}, {clock.value} clock")


@app.command("list")
def names(nats: Nats = None, json: AsJson = False) -> None:
    """The centres that are open, one a line."""
    run(_names(nats, json))


async def _names(nats: str | None, as_json: bool) -> None:
    async with connected(nats) as client:
        found = await centres.names(client.connection)
    if as_json:
        print_json({"centres": found})
        return
    for name in found:
        print(name)


@app.command("limits")
def limits(
    name: Name,
    max_waiting: Waiting = None,
    max_bytes: Bytes = None,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """Show how much a centre's streams hold and may hold, or change it."""
    run(_limits(_name(name), max_waiting, max_bytes, nats, json))


async def _limits(
    name: str, max_waiting: int | None, max_bytes: int | None, nats: str | None, as_json: bool
) -> None:
    async with connected(nats, name) as client:
        room = await centres.limits(client.connection, name, max_waiting=max_waiting, max_bytes=max_bytes)
    if as_json:
        print_json({"centre": name, **asdict(room)})
        return
    most = str(room.max_waiting) if room.max_waiting > 0 else "any number"
    print(
        f"inbox  {room.facts} facts of {most}, {room.kept} of them kept originals; {room.inbox_bytes} bytes"
    )
    print(f"log    {room.log_bytes} bytes")
    print(f"each stream may have {room.max_bytes if room.max_bytes > 0 else 'any number of'} bytes")


@app.command("remove")
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """Remove a centre with everything it ever recorded."""
    _name(name)
    if not yes:
        if not sys.stdin.isatty():
            fail(USAGE, f"removing {name} cannot be undone: say --yes")
        typer.confirm(f"Remove {name} with everything it ever recorded?", abort=True, err=True)
    run(_remove(name, nats, json))


async def _remove(name: str, nats: str | None, as_json: bool) -> None:
    async with connected(nats, name) as client:
        await centres.remove(client.connection, name)
    if as_json:
        print_json({"removed": name})
        return
    print(f"{name} is removed")


def _name(text: str) -> str:
    try:
        return registry.centre_name(text)
    except ValueError as error:
        fail(USAGE, str(error))
