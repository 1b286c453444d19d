"""What a call and an idle centre cost, and what three replicas on the same machine do to throughput."""

import asyncio
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench import endtoend, flow
from bench.idle import resident, server_in
from bench.report import Plan, Row, Wrong
from bench.rig import CENTRE, DURABLE, Services, active, four_processes, served
from centralita import centres
from centralita.cluster import start_cluster
from centralita.operating import Operator
from centralita.server import NatsServer
from contracts import registry


class Cost(NamedTuple):
    """Calls a second; of a call: CPU of all services and of the servers in ms, and bytes of the log of one replica."""

    calls_per_s: float
    services_ms: float
    servers_ms: float
    bytes: float


def run(plan: Plan) -> list[Row]:
    """Idle centres, then the same calls on one server and on three."""
    counts, calls = ((1, 5, 20) if not plan.quick else (1, 3)), plan.of(4000, 100)
    idle = asyncio.run(_idle(plan, plan.directory / "centres", counts, plan.of(5, 1)))
    one, three = [], []
    for number in plan.repeat():
        one.append(asyncio.run(_one(plan, plan.directory / f"one-{number}", calls)))
        three.append(asyncio.run(_three(plan, plan.directory / f"three-{number}", calls)))
    return [*_centres(counts, idle, plan.of(5, 1)), *_calls(one, three)]


def _centres(counts: Sequence[int], idle: Sequence[tuple[float, float]], seconds: int) -> list[Row]:
    note = (
        f"idle centres: `centralita up` with so many open centres, CPU of its process and of the server over"
        f" {seconds} s; each further centre is the difference between the most and the fewest, divided"
    )
    more = counts[-1] - counts[0]
    each = [(last - first) / more for first, last in zip(idle[0], idle[-1], strict=True)]
    rows = [
        Row(f"idle, {count} centre{'s' * (count > 1)}, {what}", unit, [figure], DURABLE, note=note)
        for count, figures in zip(counts, idle, strict=True)
        for what, unit, figure in zip(("CPU", "memory"), ("% of a core", "MB"), figures, strict=True)
    ]
    return [
        *rows,
        Row("idle, each further centre, CPU", "% of a core", each[:1], DURABLE, note=note),
        Row("idle, each further centre, memory", "MB", each[1:], DURABLE, note=note),
    ]


def _calls(one: Sequence[Cost], three: Sequence[Cost]) -> list[Row]:
    note = (
        "replicas: the same calls, facts in batches of 1,000; three servers in a cluster over loopback, on the same"
        " cores and the same disk, each with an fsync on every ack: what replication costs, not what it can reach"
    )
    return [
        Row(
            f"three replicas on one machine, {what}", unit, ours, f"{DURABLE}, on two of three", "one server", peers,
            note=note, peer_durability=DURABLE,
        )
        for what, unit, ours, peers in (
            ("calls/s", "calls/s", [it.calls_per_s for it in three], [it.calls_per_s for it in one]),
            ("CPU of the services a call", "ms", [it.services_ms for it in three], [it.services_ms for it in one]),
            ("CPU of the servers a call", "ms", [it.servers_ms for it in three], [it.servers_ms for it in one]),
            ("log of a call, each replica", "B", [it.bytes for it in three], [it.bytes for it in one]),
        )
    ]  # fmt: skip


async def _idle(
    plan: Plan, directory: Path, counts: Sequence[int], seconds: int
) -> list[tuple[float, float]]:
    """Percent of a core, and MB, with each number of centres."""
    found, services = [], Services(directory)
    try:
        async with asyncio.timeout(plan.left):
            said = await services.start_said("up", "--port", "0", "--door-port", "0")
            pids = [*services.pids, server_in(directory)]
            async with Operator(str(said["nats"]), name="bench") as client:
                for count in counts:
                    for number in range(count):
                        await centres.add(client.connection, f"centre-{number}", flow.PROTOCOL)
                    for number in range(count):
                        await client.settle(f"centre-{number}")
                    before = _cpu_s(pids)
                    await asyncio.sleep(seconds)
                    found.append(((_cpu_s(pids) - before) / seconds * 100, resident(pids)))
    finally:
        await services.stop()
    return found


async def _one(plan: Plan, directory: Path, calls: int) -> Cost:
    async with asyncio.timeout(plan.left), served(directory) as (server, client):
        return await _cost([server], client, directory, calls, replicas=1)


async def _three(plan: Plan, directory: Path, calls: int) -> Cost:
    async with asyncio.timeout(plan.left):
        servers = await start_cluster(directory)
        try:
            async with Operator(servers[0].url, name="bench", timeout=30) as client:
                return await _cost(servers, client, directory, calls, replicas=3)
        finally:
            await asyncio.gather(*(server.stop() for server in servers))


async def _cost(
    servers: Sequence[NatsServer], client: Operator, directory: Path, calls: int, replicas: int
) -> Cost:
    await centres.add(client.connection, CENTRE, flow.PROTOCOL, replicas=replicas)
    async with four_processes(client.url, directory / "services") as services:
        for name in registry.SERVICES:
            await active(client, services, name)
        await client.settle(CENTRE)
        log = registry.log_stream(CENTRE)
        streams = client.connection.jetstream(timeout=10)
        processes = [services.pids, [server.pid for server in servers]]
        before, empty = [_cpu_s(pids) for pids in processes], (await streams.stream_info(log)).state.bytes
        rate = await endtoend.rate(client, CENTRE, endtoend.in_batches, calls)
        spent = [_cpu_s(pids) - was for pids, was in zip(processes, before, strict=True)]
        stored = (await streams.stream_info(log)).state.bytes - empty
        return Cost(rate, spent[0] / calls * 1000, spent[1] / calls * 1000, stored / calls)


def _cpu_s(pids: Iterable[int]) -> float:
    """Seconds of CPU that these processes have had."""
    return sum(map(_ticks, pids)) / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        raise Wrong(f"{stat} says nothing of a process's CPU here")
    fields = stat.read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
