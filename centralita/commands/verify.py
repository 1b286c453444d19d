"""`centralita verify`: rebuild from the log and compare."""

from __future__ import annotations

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from centralita.commands.common import (
    REFUSED,
    USAGE,
    AsJson,
    Centre,
    Nats,
    centre_of,
    connected,
    fail,
    print_json,
    run,
)
from centralita.settings import Settings

if TYPE_CHECKING:
    from centralita.verify import Report


def verify(
    centre: Centre = None,
    store: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Where the services keep checkpoints and read models."),
    ] = None,
    heads: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False, help="Links noted earlier: what --json printed then, or a backup's manifest."
        ),
    ] = None,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """Rebuild a centre from nothing but its log, and compare with what is kept beside it."""
    from centralita.verify import verify as check  # with the services, whose edge takes a second to load

    noted = _read(heads) if heads else {}
    name, directory = centre_of(centre), store or Settings().store
    kept = directory / "services" if (directory / "services").is_dir() else None

    async def work() -> Report:
        async with connected(nats, name, patience=30.0) as client:
            return await check(client, name, kept, noted)

    try:
        report = run(work())
    except ValueError as error:
        fail(USAGE, f"--heads: {error}")
    if json:
        print_json(asdict(report))
    else:
        tell(report)
        if kept is None:
            print(f"compared nothing: no checkpoints or read models in {directory}")
        print(f"{name}: {len(report.wrong)} differences" if report.wrong else f"{name}: all as the log says")
    if report.wrong:
        raise typer.Exit(REFUSED)


def tell(report: Report) -> None:
    """Print what was looked at and what was found, a line each."""
    for service, count in report.events.items():
        print(f"{service:<8} {count:,} events, chain {report.heads.get(service, {}).get('chain', '-')}")
    for what in report.compared:
        print(f"compared {what}")
    for note in report.notes:
        print(note)
    for wrong in report.wrong:
        print(f"wrong: {wrong}")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = jsonlib.loads(path.read_bytes())
        return dict(found.get("heads", found))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        fail(USAGE, f"--heads: expected a file of JSON with heads in it, found {path}: {error}")
