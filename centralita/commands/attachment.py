"""`centralita attach` and `centralita attachment`: files of tickets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from centralita import attachments
from centralita.commands.common import (
    REFUSED,
    USAGE,
    AsJson,
    Centre,
    Group,
    Nats,
    centre_of,
    connected,
    fail,
    print_json,
    run,
)

app = typer.Typer(cls=Group, no_args_is_help=True, help="Files of tickets.")

Ticket = Annotated[int, typer.Argument(metavar="TICKET", min=1, help="The ticket's number.")]


def attach(
    ticket: Ticket,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What is attached.")],
    by: Annotated[str, typer.Option(help="Who attaches it.")],
    type: Annotated[
        str | None, typer.Option(metavar="MEDIA-TYPE", help="Usual: what the name's ending says.")
    ] = None,
    centre: Centre = None,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """Attach a file to a ticket, within the size and the types that the centre's protocol allows."""
    if not file.is_file():
        fail(USAGE, f"there is no file {file}")
    run(_attach(centre_of(centre), ticket, file, by, type, nats, json))


async def _attach(
    centre: str, ticket: int, file: Path, by: str, type: str | None, nats: str | None, as_json: bool
) -> None:
    async with connected(nats, centre, patience=30.0) as client:
        recorded = await attachments.put(client, centre, ticket, file, by=by, type=type)
    if as_json:
        print_json(recorded)
        return
    data = recorded["data"]
    print(f"{data['name']} is attached to ticket {ticket}: {data['size']} bytes, SHA-256 {data['digest']}")


app.command("put")(attach)


@app.command("get")
def get(
    ticket: Ticket,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The file's name, as it was attached.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to; usual: its name, here.")
    ] = None,
    centre: Centre = None,
    nats: Nats = None,
) -> None:
    """Fetch a ticket's file, checked against the digest that was recorded; no file is overwritten."""
    target = output or Path(Path(name).name)
    if target.exists():
        fail(REFUSED, f"{target} exists; choose another name with --output")
    content = run(_get(centre_of(centre), ticket, name, nats))
    with target.open("xb") as file:
        file.write(content)
    print(f"{target}: {len(content)} bytes")


async def _get(centre: str, ticket: int, name: str, nats: str | None) -> bytes:
    async with connected(nats, centre, patience=30.0) as client:
        return await attachments.get(client, centre, ticket, name)
