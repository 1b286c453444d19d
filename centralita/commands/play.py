"""`centralita play`: scenarios from anybody's files."""

from __future__ import annotations

import logging
import time
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from centralita.commands.common import (
    REFUSED,
    USAGE,
    AsJson,
    Embedded,
    complain,
    console,
    fail,
    print_json,
    run,
    somewhere,
)
from centralita.operating import Operator

if TYPE_CHECKING:
    from centralita.outcomes import Outcome
    from centralita.scenarios import Scenario


def play(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Scenarios (YAML); of a directory all in it.")
    ],
    only: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only those in whose name or rules this stands.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write how they ended here too, as JUnit XML.")
    ] = None,
    nats: Embedded = None,
    json: AsJson = False,
) -> None:
    """Play scenarios, each in a centre of its own on a virtual clock; say which passed, and the story of the others."""
    from centralita import logs  # late, like what follows: these take a while to load
    from centralita.outcomes import junit as written

    logs.configure(logging.CRITICAL)
    scenarios = _read(files, (only or "").casefold())
    if not scenarios:
        fail(
            USAGE,
            f"--only: no scenario has {only!r} in its name"
            if only
            else "there is no scenario in these files",
        )
    began = time.monotonic()
    ended = run(_play(scenarios, nats, json))
    failed = sum(bool(each.error) for each in ended)
    if junit:
        written(junit, ended)
    if not json:
        many = f"{len(ended)} scenario{'s' * (len(ended) > 1)}"
        print(f"{many}, {f'{failed} failed' if failed else 'all passed'}, {time.monotonic() - began:.1f} s")
    if failed:
        raise typer.Exit(REFUSED)


def _read(files: list[Path], only: str) -> list[Scenario]:
    """The scenarios of all files; ends with what is wrong where one cannot be read, before any is played."""
    from centralita.scenarios import Scenario, readable

    every = [each for file in files for each in (sorted(file.glob("*.yaml")) if file.is_dir() else [file])]
    told = [each for file in every for each in readable(file)]
    wrong = [str(each) for each in told if not isinstance(each, Scenario)]
    for each in wrong[:-1]:
        complain(each)
    if wrong:
        fail(USAGE, wrong[-1])
    found = (each for each in told if isinstance(each, Scenario))
    return [each for each in found if only in each.name.casefold() or only.upper() in each.rules]


async def _play(scenarios: list[Scenario], nats: str | None, as_json: bool) -> list[Outcome]:
    from centralita.outcomes import outcomes

    screen = console()
    ended: list[Outcome] = []
    async with (
        somewhere(nats) as url,
        Operator(url, name="centralita-play", timeout=30.0) as client,
        aclosing(outcomes(client, scenarios)) as playing,
    ):
        async for outcome in playing:
            ended.append(outcome)
            if as_json:
                print_json(_told(outcome))
                continue
            style = "bold red" if outcome.error else "green"
            screen.print("FAILED " if outcome.error else "passed ", style=style, end="")
            screen.print(outcome.scenario.name, soft_wrap=True)
            if outcome.why:
                screen.print(outcome.why, soft_wrap=True)
    return ended


def _told(outcome: Outcome) -> dict[str, Any]:
    scenario = outcome.scenario
    about = {"file": scenario.file, "scenario": scenario.name, "passed": not outcome.error}
    return about | {"seconds": round(outcome.seconds, 3), "why": outcome.why}
