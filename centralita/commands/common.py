"""What the commands share: options, how a run ends, and how a failure is told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from pydantic_settings import BaseSettings
from rich.console import Console
from typer import TyperException
from typer.core import TyperGroup

from centralita import centres
from centralita.operating import Operator
from centralita.settings import Settings
from contracts import registry
from eventlog import errors

if TYPE_CHECKING:
    from centralita.outlets.worker import Outlet

OK, REFUSED, USAGE, UNREACHABLE = 0, 1, 2, 3
"""Exit codes: done; refused or partly failed; wrongly typed; a server or service cannot be reached."""

S = TypeVar("S", bound=BaseSettings)
T = TypeVar("T")

Nats = Annotated[
    str | None,
    typer.Option(
        "--nats",
        "--url",
        metavar="URL",
        help="Server to talk to, or several with commas between (or CENTRALITA_NATS).",
    ),
]
Embedded = Annotated[
    str | None,
    typer.Option(
        "--nats",
        "--url",
        metavar="URL",
        help="Use this server, or several with commas between; without it an embedded one is started.",
    ),
]
Centre = Annotated[
    str | None, typer.Option("--centre", "-c", metavar="NAME", help="Which centre (or CENTRALITA_CENTRE).")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


class Failure(TyperException):
    """What was typed could not be done; one line, and the exit code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = code


class Interrupted(Exception):
    """A signal ended the run; all that it had opened is closed."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Group(TyperGroup):
    """A group of commands that lists those it knows when it is given another."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            raise Failure(
                USAGE, f"{ctx.command_path} knows no {args[0]!r}; it knows {', '.join(self.commands)}"
            )
        return super().resolve_command(ctx, args)


def fail(code: int, message: str) -> NoReturn:
    """End with this exit code and one line on standard error."""
    raise Failure(code, message)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; a SIGINT or SIGTERM cancels the work, and once all is closed it raises Interrupted."""
    return asyncio.run(_interruptible(work))


async def _interruptible(work: Coroutine[Any, Any, T]) -> T:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task
    caught: list[int] = []

    def on_signal(number: int) -> None:
        caught.append(number)
        task.cancel()
        for other in (signal.SIGINT, signal.SIGTERM):  # a second one ends us wherever we are
            loop.remove_signal_handler(other)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    try:
        return await work
    except asyncio.CancelledError:
        if not caught:
            raise
        raise Interrupted(caught[0]) from None


def server(nats: str | None) -> str:
    """The server's URL: as typed, else as the environment says."""
    return nats or Settings().nats


def centre_of(typed: str | None) -> str:
    """The centre's name: as typed, else as the environment says."""
    name = typed or Settings().centre
    if not name:
        fail(USAGE, "which centre? give --centre NAME, or set CENTRALITA_CENTRE")
    try:
        return registry.centre_name(name)
    except ValueError as error:
        fail(USAGE, f"--centre: {error}")


@asynccontextmanager
async def connected(
    nats: str | None, centre: str | None = None, *, patience: float = 5.0
) -> AsyncIterator[Operator]:
    """A client, and the certainty that the centre (if one is named) is there."""
    url = server(nats)
    async with Operator(url, name="centralita-cli", timeout=patience) as client:
        if centre is not None:
            known = await centres.names(client.connection)
            if centre not in known:
                others = f"there are {', '.join(known)}" if known else "there is none yet"
                fail(
                    REFUSED,
                    f"no centre {centre!r} at {url}: {others}; open it with: centralita centre add {centre}",
                )
        yield client


@asynccontextmanager
async def somewhere(nats: str | None, store: Path | None = None) -> AsyncIterator[str]:
    """The server that was typed, else an embedded one with all services; without `store` nothing is kept."""
    if nats:
        yield nats
        return
    from centralita.stack import running  # FastStream takes a second to load

    async with AsyncExitStack() as stack:
        where = store or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="centralita-")))
        yield (await stack.enter_async_context(running(where))).url


def from_environment(settings: type[S]) -> S:
    """Settings as the environment has them; where one of them is wrong it is named."""
    try:
        return settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        prefix = settings.model_config.get("env_prefix", "")
        name = name if name.startswith("CENTRALITA") else f"{prefix}{name}"
        fail(USAGE, f"{name}: {first['msg'].removeprefix('Value error, ')}")


def work_alone(outlet: Outlet, http_port: int | None, nats: str | None) -> None:
    """Have an outlet at work until Ctrl-C or SIGTERM."""
    from centralita import logs  # late: structlog takes a while to load
    from centralita.outlets.run import alone

    async def work() -> None:
        async with connected(nats):
            pass  # said now, in one line, rather than tried for ever
        await alone(server(nats), outlet, http_port)

    logs.configure()
    with suppress(Interrupted):  # this is how it is meant to end
        run(work())


def json_line(value: Any) -> str:
    """One JSON value on one line."""
    return json.dumps(value, ensure_ascii=False)


def print_json(value: Any) -> None:
    """One JSON value on one line of standard output."""
    print(json_line(value), flush=True)


def console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal, or wide enough to cut nothing where there is none."""
    found = Console(stderr=stderr, highlight=False, emoji=False, markup=False)
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found.width = 200
    return found


def complain(message: str) -> None:
    """One line on standard error."""
    print(f"centralita: {' '.join(message.split())}", file=sys.stderr, flush=True)


def unavailable(error: errors.Unavailable, nats: str | None) -> str:
    """What to say when nobody answers."""
    return f"{error} (server {server(nats)}); is it running? start it with: centralita up"
