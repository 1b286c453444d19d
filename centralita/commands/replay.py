"""`centralita replay`: a file of call records, from offered to the figures."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from centralita.commands.common import (
    REFUSED,
    AsJson,
    Centre,
    Embedded,
    centre_of,
    console,
    fail,
    print_json,
    run,
    somewhere,
)
from centralita.commands.tables import figures_table
from centralita.operating import Operator
from centralita.records import NotCallRecords
from centralita.replay import replay as replay_file


def replay(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Call records, plain or gzip.")
    ],
    centre: Centre = None,
    store: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, help="Keep the embedded server's files here; otherwise nothing is kept."
        ),
    ] = None,
    nats: Embedded = None,
    json: AsJson = False,
) -> None:
    """Replay a month of calls in minutes: publish the file as facts with their times, then print the figures.

    A centre that does not exist is opened. Replaying a file again changes nothing.
    """
    from centralita import logs  # late: structlog takes a while to load

    logs.configure(logging.WARNING)
    started = time.monotonic()
    name = centre_of(centre)
    answer = run(_replay(file, name, store, nats))
    if json:
        print_json(answer)
        return
    console().print(figures_table(answer))
    rows = answer["queues"]["all"]["offered"] + answer["ignored"] + answer["refused"]
    print(f"{name}: {rows:,} rows in {time.monotonic() - started:.0f} s")


async def _replay(file: Path, centre: str, store: Path | None, nats: str | None) -> dict[str, Any]:
    screen = console(stderr=True)
    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bars = Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal)
    tasks = {}

    def progress(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=total)
        bars.update(tasks[what], completed=done, total=total)

    async with somewhere(nats, store) as url, Operator(url, name="centralita-replay", timeout=30.0) as client:
        with bars:
            try:
                return await replay_file(client, centre, file, progress)
            except NotCallRecords as error:
                fail(REFUSED, str(error))
