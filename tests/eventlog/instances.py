"""Instances of one service on a real server, what they are told, and what they must have recorded."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import protocols
from centralita import centres
from centralita.client import Fact
from centralita.operating import Operator
from centralita.process import die_with_parent
from centralita.stack import ALL
from contracts import registry
from eventlog import errors
from eventlog.checkpoint import Checkpoint
from eventlog.client import Connection
from eventlog.codec import Message
from eventlog.core import Core
from eventlog.memory import TERM
from eventlog.place import Pace
from eventlog.runner import Runner
from eventlog.stream import Raw, Settings, Stream
from services.decider import Decider
from services.seat import place_of
from tests.unit.given import START

CENTRE = "acme"
COLD = protocols.load("cold-industry")
PACE = Pace(trim=3600)
OWN = b"HPUB log.acme.intake."
"""How an append of intake begins on its connection; so does that of a term."""


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[Operator]:
    """A client of a server where the centre is open."""
    async with Operator(url) as client:
        await centres.add(client.connection, CENTRE, COLD, **options)
        yield client


def calls(number: int, first: int = 1) -> list[Fact]:
    """Two facts each about so many calls, which lead intake to four events."""
    facts = []
    for call in range(first, first + number):
        at = START + timedelta(seconds=call)
        stated = {"text": "se ha roto la cámara", "category": "complaint"}
        facts += [
            Fact("call.offered", f"c{call}", {"queue": "main"}, at, id=f"o{call}"),
            Fact("request.stated", f"c{call}", stated, at, id=f"s{call}"),
        ]
    return facts


def connecting(url: str) -> Callable[[], Any]:
    """What a runner connects with: connections that never come back."""

    async def connect() -> Connection:
        connection = Connection()
        await connection.connect(url, allow_reconnect=False, max_reconnect_attempts=1, error_cb=_ignored)
        return connection

    return connect


async def _ignored(error: Exception) -> None:
    """What goes wrong is seen in the state of the runner."""


@asynccontextmanager
async def instance(
    url: str,
    service: str = "intake",
    pace: Pace = PACE,
    settings: Settings | None = None,
    checkpoint: Checkpoint | None = None,
) -> AsyncIterator[Runner[Any]]:
    """An instance of a service at work; stopped at the end."""
    runner = Runner(
        Decider(ALL[service], CENTRE), place_of(CENTRE, ALL[service]), connecting(url),
        pace=pace, settings=settings, checkpoint=checkpoint,
    )  # fmt: skip
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        runner.stop()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(task, 10)


class Process:
    """An instance in a process of its own, that can be stopped, paused and killed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    async def end(self) -> None:
        """Wait until it has gone."""
        await self._process.wait()


@asynccontextmanager
async def process(url: str, service: str, directory: Path) -> AsyncIterator[Process]:
    """A whole service, with its commands, in a process; killed at the end."""
    options = ["--nats", url, "--service", service, "--store", str(directory)]
    with Path(f"{directory}.output").open("ab") as output:
        started = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "centralita.cli", "up", *options, stdin=asyncio.subprocess.DEVNULL,
            stdout=output, stderr=output, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            preexec_fn=die_with_parent(),
        )  # fmt: skip
    try:
        yield Process(started)
    finally:
        with contextlib.suppress(ProcessLookupError):
            started.kill()
        await started.wait()


async def until(true: Callable[[], Any], seconds: float = 10) -> None:
    """Wait until something is true; TimeoutError if it does not come to be."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)


async def recorded(client: Operator, service: str = "intake") -> list[Message]:
    """Everything that the service has on the log, terms among it."""
    log, own = client.log(CENTRE), registry.log_subject(CENTRE, service, ">")
    return [raw.message() async for part in log.read([own], 0, await log.last_sequence()) for raw in part]


async def records(client: Operator, number: int, seconds: float = 10) -> None:
    """Wait until intake has recorded so many events."""
    async with asyncio.timeout(seconds):
        found = -1
        while found < number:
            with contextlib.suppress(errors.Unavailable, errors.NoStream):  # as long as nobody leads the log
                found = len(told(await recorded(client)))
            await asyncio.sleep(0.02)


def told(messages: Sequence[Message]) -> list[tuple[Any, ...]]:
    """What of the events must come out the same; how far the log was read meanwhile is a matter of luck."""
    return [
        (m.aggregate, m.id, m.name, m.data, m.sequence, m.place, m.inbox, m.cause, m.cause_source, m.time)
        for m in messages
        if m.aggregate != TERM
    ]


async def expected(client: Operator) -> list[tuple[Any, ...]]:
    """What intake must record of all that is in the inbox, decided here and now."""
    place = place_of(CENTRE, ALL["intake"])
    core = Core(Decider(ALL["intake"], CENTRE), place.source)
    log, inbox = client.log(CENTRE), client.inbox(CENTRE)
    for raw in await _all(log, place.reference):
        core.refer(raw.message())
    facts = [raw for subject in place.inbox for raw in await _all(inbox, subject)]
    return told([m for raw in sorted(facts, key=lambda raw: raw.seq) for m in core.handle(place.fact(raw))])


async def _all(stream: Stream, subject: str) -> list[Raw]:
    until = await stream.last_sequence()
    return [raw async for part in stream.read([subject], 0, until) for raw in part]
