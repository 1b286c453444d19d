"""Services in processes that come and go, and who holds which seat: by the terms on the log and the answers given."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from nats.errors import Error as NatsError

from centralita.operating import Operator
from centralita.process import die_with_parent
from contracts import registry
from contracts.registry import SERVICES

ROOT = Path(__file__).parents[2]


class Instance:
    """A process with one or all services, all of whose seats are of one state when it is asked for that."""

    def __init__(self, process: asyncio.subprocess.Process, pages: Sequence[str]) -> None:
        self._process, self._pages = process, pages

    def send(self, number: signal.Signals) -> float:
        """Send it a signal; when that was."""
        at = time.time()
        self._process.send_signal(number)
        return at

    async def end(self) -> None:
        """Wait until it has gone."""
        await self._process.wait()

    async def reach(self, state: str, seats: int, seconds: float = 60) -> None:
        """Wait until so many seats of each service are in this state."""
        async with asyncio.timeout(seconds):
            while any([await asyncio.to_thread(_states, page) != [state] * seats for page in self._pages]):
                await asyncio.sleep(0.05)


def _states(page: str) -> list[str]:
    try:
        with urllib.request.urlopen(f"{page}/readyz", timeout=5) as answer:
            body = answer.read()
    except urllib.error.HTTPError as unready:
        body = unready.read()
    return list(json.loads(body)["centres"].values())


@asynccontextmanager
async def instance(url: str, store: Path, services: Iterable[str] = SERVICES) -> AsyncIterator[Instance]:
    """A process that runs these services against a server; killed at the end."""
    options = [f"--service={service}" for service in services]
    store.mkdir(parents=True, exist_ok=True)
    with (store / "output").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "centralita.cli", "up", "--nats", url, "--store", str(store), "--json", *options,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log,
            env=os.environ | {"PYTHONPATH": str(ROOT)}, preexec_fn=die_with_parent(),
        )  # fmt: skip
    try:
        assert process.stdout
        said = json.loads(await asyncio.wait_for(process.stdout.readline(), 90))
        yield Instance(process, list(said["services"].values()))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@asynccontextmanager
async def instances(url: str, store: Path, apart: bool) -> AsyncIterator[list[Instance]]:
    """The four services, each a process of its own where they are `apart`, started at the same time."""
    parts = [[service] for service in SERVICES] if apart else [list(SERVICES)]
    async with AsyncExitStack() as stack:
        entering = [stack.enter_async_context(instance(url, store / part[0], part)) for part in parts]
        yield list(await asyncio.gather(*entering))


async def taken(client: Operator, centres: Sequence[str], since: float, seconds: float = 40) -> list[float]:
    """Wait until every seat has been taken since then: after how many seconds each was."""
    found = list[float]()
    async with asyncio.timeout(seconds):
        for centre in centres:
            for service in SERVICES:
                while not (
                    after := [
                        at
                        for name, at in await terms(client, centre, service)
                        if name == "term.taken" and at > since
                    ]
                ):
                    await asyncio.sleep(0.02)
                found.append(after[0] - since)
    return found


async def answering(
    client: Operator, centres: Sequence[str], since: float, seconds: float = 40
) -> list[float]:
    """Wait until an instance answers on every seat that has taken it since then: after how many seconds each did."""
    async with asyncio.timeout(seconds):
        seats = [(centre, service) for centre in centres for service in SERVICES]
        return await asyncio.gather(*(_answers(client, *seat, since) for seat in seats))


async def _answers(client: Operator, centre: str, service: str, since: float) -> float:
    subject, patience = registry.query_subject(centre, service, "status"), 0.1
    while True:
        with contextlib.suppress(NatsError):
            reply = await client.connection.request(subject, b"{}", timeout=patience)
            answered, term = time.time(), json.loads(reply.data).get("term")
            if term and await _stored(client, centre, term) > since:
                return answered - since
        patience = min(patience * 1.5, 2)  # where the machine is busy more questions delay every answer
        await asyncio.sleep(0.02)


async def _stored(client: Operator, centre: str, seq: int) -> float:
    raw = await client.log(centre).get(seq)
    assert raw
    assert raw.stored
    return raw.stored.timestamp()


async def terms(client: Operator, centre: str, service: str) -> list[tuple[str, float]]:
    """The terms of a seat: taken or released, and when."""
    log = client.log(centre)
    subject = registry.log_subject(centre, service, registry.TERM)
    parts: list[Any] = [part async for part in log.read([subject], 0, await log.last_sequence())]
    return [(raw.message().name, raw.stored.timestamp()) for part in parts for raw in part]
