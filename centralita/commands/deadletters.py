"""`centralita deadletters`: what could not be handled, and what is to become of it."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from centralita import deadletters
from centralita.commands.common import (
    REFUSED,
    USAGE,
    AsJson,
    Centre,
    Group,
    Nats,
    centre_of,
    connected,
    console,
    fail,
    print_json,
    run,
)
from centralita.deadletters import Letter, Outcome
from centralita.lines import cloudevent
from centralita.operating import Operator
from eventlog.codec import timestamp

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="What could not be handled, or was rejected: look, send again, discard.",
)
Number = Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="As `deadletters list` shows it.")]
By = Annotated[str, typer.Option("--by", metavar="ID", help="Who decides; recorded.")]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why; recorded.")]


@app.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Those sent again or discarded too.")] = False,
    centre: Centre = None,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """List what is set aside or rejected: number, state, service, whom it is about, and the reason."""
    name = centre_of(centre)
    found = [it for it in run(_letters(nats, name)) if every or it.open or it.state == "requested"]
    if json:
        print_json({"centre": name, "letters": [_plain(it) for it in found]})
        return
    if not found:
        print(f"nothing is set aside in {name}")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("number", "state", "service", "about", "what", "tries", "since", "reason"):
        table.add_column(heading)
    for it in found:
        since = it.since.strftime("%Y-%m-%d %H:%M:%S") if it.since else ""
        what = f"{it.kind} {it.type}".strip()
        cells = (
            str(it.number),
            it.state,
            it.service,
            it.about,
            what,
            str(it.attempts),
            since,
            _seen(it.reason),
        )
        table.add_row(*map(Text, cells))
    console().print(table)


@app.command()
def show(number: Number, centre: Centre = None, nats: Nats = None, json: AsJson = False) -> None:
    """Show one letter with its stack, its original and what became of it."""
    name = centre_of(centre)

    async def look() -> dict[str, Any]:
        async with connected(nats, name) as client:
            every = await deadletters.letters(client, name)
            letter = _named(every, number, name)
            raw = await deadletters.original(client, name, letter)
            behind = [it.number for it in deadletters.waiting_behind(every, letter)]
        held: dict[str, Any] = {"record": cloudevent(letter.message), "behind_it": behind}
        held["then"] = [cloudevent(it) for it in letter.then]
        if raw:
            held["original"] = {"subject": raw.subject, "headers": raw.headers, "data": _text(raw.data)}
        return _plain(letter) | held

    shown = run(look())
    if json:
        print_json(shown)
        return
    record, then = shown.pop("record"), shown.pop("then")
    original, stack = shown.pop("original", None), record.get("data", {}).get("stack")
    for field, value in shown.items():
        if value not in (None, "", []):
            print(f"{field:<10} {_seen(str(value))}")
    print(f"{'cause':<10} {_seen(record.get('cause', ''))}")
    for line in stack.splitlines() if stack else ():
        print(f"  {_seen(line)}")
    for it in then:
        data = it["data"]
        print(f"{it['type']} at {it['position']} by {data.get('by', '')}: {_seen(data.get('why', ''))}")
    if original:
        print(original["subject"])
        for header, value in original["headers"].items():
            print(f"  {header}: {_seen(value)}")
        print(_seen(original["data"]))


@app.command()
def resend(
    by: By,
    why: Why,
    numbers: Annotated[list[int] | None, typer.Argument(metavar="NUMBER…", min=1)] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Everything that waits (nothing that was rejected).")
    ] = False,
    only: Annotated[bool, typer.Option("--only", help="Without those that wait behind it.")] = False,
    data: Annotated[Path | None, typer.Option(metavar="FILE", help="Mended data of a fact, JSON.")] = None,
    centre: Centre = None,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """Have letters decided on again, each with those that wait behind it, in order; stops where one fails again."""
    if bool(numbers) == every:
        fail(USAGE, "which? give one NUMBER or more, or --all")
    mended = _mended(data, len(numbers or ()))
    name = centre_of(centre)

    async def again() -> list[Outcome]:
        async with connected(nats, name, patience=30.0) as client:
            letters = await deadletters.letters(client, name)
            chosen = [it for it in letters if it.state == "waiting"] if every else []
            chosen += [_named(letters, number, name) for number in numbers or ()]
            return await _resend(client, name, letters, chosen, only, (by, why), mended)

    outcomes = run(again())
    if json:
        told = [{"number": it.letter.number, "outcome": it.what, "position": it.position} for it in outcomes]
        print_json({"centre": name, "letters": told})
    else:
        for it in outcomes:
            print(
                f"{it.letter.number} {it.what}" + (f" at {it.position}" if it.position else ""),
                _seen(it.detail),
            )
    if any(it.what != "resent" for it in outcomes):
        raise typer.Exit(REFUSED)


async def _resend(
    client: Operator,
    centre: str,
    letters: Sequence[Letter],
    chosen: Sequence[Letter],
    only: bool,
    who: tuple[str, str],
    mended: bytes | None,
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    done, stuck = set[int](), set[tuple[str, str]]()
    for first in chosen:
        behind = [] if only or first.kind == "rejected" else deadletters.waiting_behind(letters, first)
        for it in (first, *behind):
            if it.number in done or it.line in stuck:
                continue
            done.add(it.number)
            try:
                outcome = await deadletters.resend(
                    client, centre, it, *who, data=mended if it is first else None
                )
            except ValueError as reason:
                fail(REFUSED, str(reason))
            outcomes.append(outcome)
            if outcome.what in ("set aside again", "unknown"):
                stuck.add(it.line)
    return outcomes


@app.command()
def discard(
    numbers: Annotated[list[int], typer.Argument(metavar="NUMBER…", min=1)],
    by: By,
    why: Why,
    centre: Centre = None,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """Give letters up: they lead to nothing, and the originals kept of them are removed."""
    name = centre_of(centre)

    async def give_up() -> list[tuple[int, int]]:
        async with connected(nats, name, patience=30.0) as client:
            letters = await deadletters.letters(client, name)
            done = []
            for letter in [_named(letters, number, name) for number in numbers]:
                try:
                    done.append((letter.number, await deadletters.discard(client, name, letter, by, why)))
                except ValueError as reason:
                    fail(REFUSED, str(reason))
            return done

    done = run(give_up())
    if json:
        print_json({"centre": name, "letters": [{"number": n, "position": at} for n, at in done]})
        return
    for number, at in done:
        print(f"{number} discarded at {at}")


async def _letters(nats: str | None, centre: str) -> list[Letter]:
    async with connected(nats, centre) as client:
        return await deadletters.letters(client, centre)


def _named(letters: Sequence[Letter], number: int, centre: str) -> Letter:
    found = next((it for it in letters if it.number == number), None)
    if found is None:
        fail(
            REFUSED,
            f"there is no letter {number} in {centre}; centralita deadletters list shows those there are",
        )
    return found


def _mended(file: Path | None, numbers: int) -> bytes | None:
    if file is None:
        return None
    if numbers != 1:
        fail(USAGE, "--data: mends one letter, give its NUMBER alone")
    try:
        content = file.read_bytes()
        jsonlib.loads(content)
    except OSError as error:
        fail(USAGE, f"--data: {file}: {error.strerror}")
    except ValueError as error:
        fail(USAGE, f"--data: {file}: expected JSON: {error}")
    return content


def _plain(it: Letter) -> dict[str, Any]:
    names = (
        "number",
        "state",
        "service",
        "about",
        "kind",
        "position",
        "type",
        "reason",
        "attempts",
        "behind",
        "kept",
    )
    told = {name: getattr(it, name) for name in names}
    return told | {"since": timestamp(it.since) if it.since else None, "by": it.by, "why": it.why}


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _seen(text: str) -> str:
    """As it can be shown: what others wrote may hold what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)
