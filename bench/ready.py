"""How soon everything is back after kill -9, behind a log of a million events, and what the log costs the server."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from bench import endtoend, flow, grown
from bench.idle import resident
from bench.report import Plan, Row, at_most
from bench.rig import CENTRE, DURABLE, Services, active, four_processes, served
from centralita.operating import Operator
from centralita.server import NatsServer
from contracts import registry

SERVICE = "intake"
REBUILT_WITHIN_S = 300.0


def run(plan: Plan) -> list[Row]:
    """One service alone; server and services; and one of which nothing was kept."""
    return asyncio.run(_run(plan))


async def _run(plan: Plan) -> list[Row]:
    events, tail_calls = plan.of(1_000_000, 10_000), plan.of(1000, 100)
    directory = plan.directory / "ready"
    store = directory / "services"
    one, every, server_alone = [], [], []
    async with asyncio.timeout(plan.left), served(directory) as (server, client):
        empty = resident([server.pid])
        log = await grown.grown(client, store / "services", events)
        written = resident([server.pid]) - empty
        await server.restart()
        restarted = resident([server.pid]) - empty
        async with four_processes(server.url, store) as services:
            await all_active(client, services, registry.SERVICES, log.last)
            await endtoend.rate(client, CENTRE, endtoend.in_batches, tail_calls)
            for _ in plan.repeat():
                one.append(await _again(client, services, [SERVICE]))
                server_s, services_s = await back(server, client, services)
                server_alone.append(server_s)
                every.append(server_s + services_s)
            rebuilt = [
                await _again(client, services, [SERVICE], without=store / "services") for _ in plan.repeat()
            ]
    return [*_rows(log, tail_calls, one, every, server_alone, rebuilt), *_memory(log, written, restarted)]


def _rows(
    log: grown.Grown,
    tail_calls: int,
    one: Sequence[float],
    every: Sequence[float],
    server: Sequence[float],
    rebuilt: Sequence[float],
) -> list[Row]:
    note = (
        f"ready: {log.events:,} events of {log.calls:,} calls that are over, and behind them"
        f" {tail_calls * flow.EVENTS_PER_CALL:,} of {tail_calls:,} calls that no checkpoint knows. From the start of"
        " the processes until they decide and have read the log to its end: starting Python is part of it, and so"
        " is listening for another instance. After kill -9 of server and services the services are started when"
        " the server is ready; a rebuild has neither checkpoint nor read model"
    )
    behind = f"ready after kill -9, behind {log.events:,} events"
    return [
        Row(f"{behind}, {SERVICE}", "s", one, DURABLE, "a rebuild from nothing", rebuilt, at_most(5), note, DURABLE),
        Row(f"{behind}, server and all four services", "s", every, DURABLE, bar=at_most(5), note=note),
        Row(f"{behind}, the server's own share", "s", server, DURABLE, note=note),
    ]  # fmt: skip


def _memory(log: grown.Grown, written: float, restarted: float) -> list[Row]:
    note = (
        f"server memory: resident set above that of the empty server, for {log.events:,} events, divided by millions;"
        " just written, and after a restart, before anybody reads"
    )
    millions = log.events / 1e6
    return [
        Row(f"server memory per million events, {when}", "MB", [mb / millions], DURABLE, bar=at_most(150), note=note)
        for when, mb in (("just written", written), ("after a restart", restarted))
    ]  # fmt: skip


async def back(server: NatsServer, client: Operator, services: Services) -> tuple[float, float]:
    """Kill the server and all four services, and start them again: seconds of the server, and then of the services."""
    last = await client.log(CENTRE).last_sequence()
    for name in registry.SERVICES:
        await services.kill(name)
    server.kill()
    began = time.perf_counter()
    await server.restart()
    server_s = time.perf_counter() - began
    for name in registry.SERVICES:
        await _start(client, services, name)
    await all_active(client, services, registry.SERVICES, last)
    return server_s, time.perf_counter() - began - server_s


async def _again(
    client: Operator, services: Services, names: Sequence[str], *, without: Path | None = None
) -> float:
    """Seconds until killed services are ready again; of those kept below `without` nothing is left to them."""
    last = await client.log(CENTRE).last_sequence()
    for name in names:
        await services.kill(name)
        if without:
            (without / CENTRE / f"{name}.checkpoint").unlink(missing_ok=True)
    began = time.perf_counter()
    for name in names:
        await _start(client, services, name)
    await all_active(client, services, names, last)
    return time.perf_counter() - began


async def _start(client: Operator, services: Services, name: str) -> None:
    await services.start(name, "--nats", client.url, "--service", name)


async def all_active(client: Operator, services: Services, names: Sequence[str], last: int) -> None:
    """Wait until these decide and have read the log up to a position."""
    for name in names:
        await active(client, services, name, last, REBUILT_WITHIN_S)
