"""How soon the embedded stack is ready, and how much memory it takes when there is nothing to do."""

import asyncio
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from bench.report import Plan, Row, at_most
from bench.rig import DURABLE, Services, centre, four_processes, served
from centralita.operating import Operator
from centralita.stack import running

IDLE_S = 2.0


def run(plan: Plan) -> list[Row]:
    """From the shell, from a test that has imported everything, and the memory of both ways to run it."""
    shell: list[tuple[float, float, float]] = []
    test, apart = [], []
    for number in plan.repeat():
        directory = plan.directory / f"idle-{number}"
        shell.append(asyncio.run(_from_the_shell(directory / "shell")))
        test.append(asyncio.run(_in_a_test(directory / "test")))
        apart.append(asyncio.run(_four(directory / "four")))
    ready, settled, embedded = zip(*shell, strict=True)
    start = (
        "start: from the start of the process until server and services are ready, importing included;"
        " in a running Python all is imported, as in a test"
    )
    memory = f"memory: resident sets {IDLE_S:g} s after a centre was opened; what is shared counts in each"
    return [
        Row("start, `centralita up`", "s", ready, DURABLE, bar=at_most(2), note=start),
        Row("start, until a new centre is settled", "s", settled, DURABLE, note=start),
        Row("start, in a running Python", "s", test, DURABLE, bar=at_most(2), note=start),
        Row(
            "idle memory, server and all in one process",
            "MB",
            embedded,
            DURABLE,
            bar=at_most(250),
            note=memory,
        ),
        Row("idle memory, server and four processes", "MB", apart, DURABLE, note=memory),
    ]


async def _from_the_shell(directory: Path) -> tuple[float, float, float]:
    """Seconds until ready, seconds until a centre is settled, MB of the service process and the server."""
    services = Services(directory)
    began = time.perf_counter()
    try:
        said = await services.start_said("up", "--port", "0", "--door-port", "0")
        ready = time.perf_counter() - began
        async with Operator(str(said["nats"]), name="bench") as client, centre(client, services):
            settled = time.perf_counter() - began
            await asyncio.sleep(IDLE_S)
            return ready, settled, resident([*services.pids, server_in(directory)])
    finally:
        await services.stop()


def server_in(store: Path) -> int:
    """The process id of the server whose files lie there."""
    (ports,) = store.glob("*.ports")  # the server names it for its process id
    return int(ports.stem.rpartition("_")[2])


async def _in_a_test(directory: Path) -> float:
    began = time.perf_counter()
    async with running(directory):
        return time.perf_counter() - began


async def _four(directory: Path) -> float:
    async with (
        served(directory) as (server, client),
        four_processes(server.url, directory / "services") as services,
        centre(client, services),
    ):
        await asyncio.sleep(IDLE_S)
        return resident([server.pid, *services.pids])


def resident(pids: Iterable[int]) -> float:
    """The sum of their resident sets, in MB (10^6 bytes)."""
    return sum(map(_kibibytes, pids)) * 1024 / 1e6


def _kibibytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        return int(status.read_text().partition("VmRSS:")[2].split()[0])
    said = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(said.stdout)
