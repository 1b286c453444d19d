"""What our side is measured on: a server of its own, the services as processes, a client, a centre."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from nats.errors import Error as NatsError

from bench.flow import PROTOCOL
from bench.report import Wrong
from centralita import centres
from centralita.operating import Operator
from centralita.process import die_with_parent
from centralita.server import NatsServer
from contracts import registry

DURABLE = "fsync on every ack"
CENTRE = "bench"
ROOT = Path(__file__).parents[1]
UP = ("-m", "centralita.cli", "up")
STARTED_WITHIN_S = 30.0
STOPPED_WITHIN_S = 10.0


class Services:
    """`centralita up` as processes, killed and stopped one by one; they write their output to `store`."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self._running: dict[str, Process] = {}

    async def start(self, name: str, *options: str) -> None:
        """Start a process under this name; it is not ready yet."""
        await self._launch(name, DEVNULL, options)

    async def start_said(self, name: str, *options: str) -> dict[str, object]:
        """Start a process with --json, and return what it prints once it is ready."""
        process = await self._launch(name, PIPE, (*options, "--json"))
        assert process.stdout
        async with asyncio.timeout(STARTED_WITHIN_S):
            line = await process.stdout.readline()
        if not line:
            raise Wrong(f"{name} did not start: {self.said}")
        return dict(json.loads(line))

    async def _launch(self, name: str, stdout: int, options: Iterable[str]) -> Process:
        self.store.mkdir(parents=True, exist_ok=True)
        common = (*UP, "--quiet", "--store", str(self.store))
        with (self.store / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *common, *options,
                stdin=DEVNULL, stdout=stdout, stderr=log, env=os.environ | {"PYTHONPATH": str(ROOT)},
                preexec_fn=die_with_parent(),
            )  # fmt: skip
        self._running[name] = process
        return process

    @property
    def pids(self) -> list[int]:
        """The process ids of all that run."""
        return [process.pid for process in self._running.values()]

    def check(self) -> None:
        """Wrong if one of them has ended by itself."""
        for name, process in self._running.items():
            if process.returncode is not None:
                raise Wrong(f"{name} has ended by itself: {self.said}")

    @property
    def said(self) -> str:
        """The end of what each process wrote to standard error."""
        logs = {path.stem: path.read_text(errors="replace").strip() for path in self.store.glob("*.log")}
        return "; ".join(f"{name}: {text[-500:]}" for name, text in logs.items() if text) or "not a word"

    async def kill(self, name: str) -> None:
        """SIGKILL, as a power failure would."""
        process = self._running.pop(name)
        process.kill()
        await process.wait()

    async def stop(self) -> None:
        """SIGTERM to all, SIGKILL to those that have not ended after 10 s."""
        for process in self._running.values():
            with suppress(ProcessLookupError):
                process.terminate()
        for name in list(self._running):
            try:
                async with asyncio.timeout(STOPPED_WITHIN_S):
                    await self._running[name].wait()
            except TimeoutError:
                await self.kill(name)
        self._running.clear()


@asynccontextmanager
async def four_processes(
    url: str, store: Path, names: Iterable[str] = registry.SERVICES
) -> AsyncIterator[Services]:
    """Each service, or each of these, in a process of its own, beside the server at `url`."""
    running = Services(store)
    try:
        for name in names:
            await running.start(name, "--nats", url, "--service", name)
        yield running
    finally:
        await running.stop()


@asynccontextmanager
async def served(directory: Path) -> AsyncIterator[tuple[NatsServer, Operator]]:
    """A server of its own as `centralita up` starts it, and a client of it."""
    async with (
        NatsServer.start(directory) as server,
        Operator(server.url, name="bench", timeout=30) as client,
    ):
        yield server, client


@asynccontextmanager
async def centre(client: Operator, services: Services | None = None) -> AsyncIterator[str]:
    """An empty centre on the benchmark's protocol; services are active in it, without them it goes again."""
    await centres.add(client.connection, CENTRE, PROTOCOL)
    if services:
        for name in registry.SERVICES:
            await active(client, services, name)
        await client.settle(CENTRE)
        yield CENTRE
        return
    try:
        yield CENTRE
    finally:
        with suppress(Exception):
            await centres.remove(client.connection, CENTRE)


async def active(
    client: Operator, services: Services, name: str, position: int = 0, within_s: float = 60.0
) -> None:
    """Wait until a service decides in the centre and has read its log up to a position; Wrong if it takes too long."""
    ask = registry.query_subject(CENTRE, name, "status")
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while True:
                services.check()
                with suppress(NatsError, asyncio.TimeoutError):
                    reply = await client.connection.request(ask, b"{}", timeout=0.05)
                    status = json.loads(reply.data)
                    if status.get("state") == "active" and max(status["log"], status["own"]) >= position:
                        return
                await asyncio.sleep(0.01)
    raise Wrong(f"{name} is not ready after {within_s:g} s: {services.said}")
