"""`centralita backup` and `centralita restore`: a whole centre into a directory, and back."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from centralita.backup import backup as copy_of
from centralita.commands.common import (
    REFUSED,
    AsJson,
    Centre,
    Nats,
    centre_of,
    connected,
    fail,
    print_json,
    run,
)
from centralita.commands.verify import tell
from centralita.copies import Copy, Manifest, read

T = TypeVar("T")


def backup(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to; it is made, and must not be there yet.")
    ],
    centre: Centre = None,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """Copy a whole centre into a directory, while it works: its log, its inbox and the files of its tickets."""
    name = centre_of(centre)

    async def work() -> Manifest:
        async with connected(nats, name) as client:
            return await copy_of(client.connection, name, directory, _silent if json else _told)

    manifest = _files(directory, work())
    if json:
        said = manifest.model_dump(exclude={"streams": {"__all__": {"config"}}})
        print_json({"directory": str(directory), **said})
        return
    print(f"{name} is backed up in {directory}")


def restore(
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="What `backup` has made.", exists=True, file_okay=False),
    ],
    replicas: Annotated[
        int | None, typer.Option(min=1, max=5, help="Servers that keep a copy, if not as many as before.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Keep the centre even if verification finds something wrong.")
    ] = False,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """Put a centre back on a server that has nothing of it, verify it, and open it."""
    from centralita.restore import restore as put_back  # with the services, whose edge takes a second to load
    from centralita.verify import Report

    async def work() -> tuple[Manifest, Report]:
        manifest = read(directory)
        async with connected(nats, patience=30.0) as client:
            return manifest, await put_back(
                client, directory, manifest,
                replicas=replicas, anyway=anyway, told=_silent if json else _told,
            )  # fmt: skip

    manifest, report = _files(directory, work())
    kept = anyway or not report.wrong
    if json:
        print_json({"centre": manifest.centre, "made": manifest.made, "restored": kept, **asdict(report)})
    else:
        tell(report)
        said = "is restored as of" if kept else "is not restored: --anyway keeps what is wrong; asked for was"
        print(f"{manifest.centre} {said} {manifest.made}")
    if report.wrong:
        raise typer.Exit(REFUSED)


def _files(directory: Path, work: Coroutine[Any, Any, T]) -> T:
    """Run it; what the files refuse is no server that cannot be reached."""
    try:
        return run(work)
    except OSError as error:
        fail(REFUSED, f"{error.filename or directory}: {error.strerror}" if error.strerror else str(error))


def _told(copy: Copy) -> None:
    state = copy.state
    where = f"{copy.size:,} bytes" if copy.file else "in memory alone: its position only"
    print(
        f"{copy.name:<24} {state['messages']:,} messages, {state['first_seq']} to {state['last_seq']}; {where}"
    )


def _silent(copy: Copy) -> None:
    """Nothing: what programs read is one line."""
