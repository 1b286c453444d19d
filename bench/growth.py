"""Throughput and latency at ten million events in the log, beside those at a hundred thousand."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import endtoend, flow, grown, latency
from bench.idle import resident
from bench.latency import CALLS_PER_S, QUANTILES, WARM_UP_S, quantile
from bench.ready import all_active, back
from bench.report import Plan, Row, at_least, at_most
from bench.rig import CENTRE, DURABLE, Services, four_processes
from centralita.operating import Operator
from centralita.server import NatsServer
from contracts import registry

READY_WITHIN_S = 120.0


@dataclass(slots=True)
class Log:
    """A log of some size on a server of its own, and what was measured on it.

    `server_s` are the seconds after kill -9 until the server is back, `back_s` until the services are, too.
    """

    server: NatsServer
    client: Operator
    store: Path
    grown: grown.Grown
    written_mb: float
    calls: int = 0
    server_s: list[float] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)
    calls_per_s: list[float] = field(default_factory=list)
    lags: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def run(plan: Plan) -> list[Row]:
    """Both logs are made first, and then measured in turns, so that a machine that changes its mind does so to both."""
    return asyncio.run(_run(plan))


async def _run(plan: Plan) -> list[Row]:
    sizes = (100_000, 10_000_000) if not plan.quick else (5_000, 15_000)
    directory = plan.directory / "growth"
    async with (
        asyncio.timeout(plan.left),
        _made(directory / "small", sizes[0]) as small,
        _made(directory / "large", sizes[1]) as large,
    ):
        for number in plan.repeat(within=300):
            for log in (small, large) if number % 2 else (large, small):
                async with _served(log) as services:
                    await _measure(plan, log, services)
                    server_s, services_s = await back(log.server, log.client, services)
                    log.server_s.append(server_s)
                    log.back_s.append(server_s + services_s)
        return [*_rows(small, large), *await _ready(small, large)]


@asynccontextmanager
async def _made(directory: Path, events: int) -> AsyncIterator[Log]:
    async with NatsServer.start(directory, ready_within=READY_WITHIN_S) as server:
        empty = resident([server.pid])
        async with Operator(server.url, name="bench", timeout=30) as client:
            store = directory / "services"
            found = await grown.grown(client, store / "services", events)
            yield Log(server, client, store, found, resident([server.pid]) - empty)


@asynccontextmanager
async def _served(log: Log) -> AsyncIterator[Services]:
    """The services of one of them; those of the other do not run."""
    last = await log.client.log(CENTRE).last_sequence()
    async with four_processes(log.server.url, log.store) as services:
        await all_active(log.client, services, registry.SERVICES, last)
        await log.client.settle(CENTRE)
        yield services


async def _measure(plan: Plan, log: Log, services: Services) -> None:
    calls, seconds = plan.of(4000, 200), plan.of(15, 1)
    way = endtoend.in_batches
    log.calls_per_s.append(await endtoend.rate(log.client, CENTRE, way, calls, log.calls))
    log.calls += calls
    calls, before = int(CALLS_PER_S * (seconds + WARM_UP_S)), await log.client.log(CENTRE).last_sequence()
    began = datetime.now(UTC)
    await latency.publish(log.client, CENTRE, CALLS_PER_S, calls, log.store / f"facts-{log.calls}", log.calls)
    await log.client.settle(CENTRE)
    messages = await flow.recorded(log.client, CENTRE, before)
    flow.check(messages, calls, log.calls)
    log.calls += calls
    warm = began + timedelta(seconds=WARM_UP_S)
    lags = [
        lag for fact, due, lag in latency.consequences(messages) if fact == latency.STATED and due >= warm
    ]
    for name, q in QUANTILES:
        log.lags[name].append(quantile(lags, q))


def _rows(small: Log, large: Log) -> list[Row]:
    note = (
        f"growth: {large.grown.events:,} events of {large.grown.calls:,} calls that are over, recorded by intake, as"
        " a log has that grew for long; what is still open is little. The benchmark's calls come on top. In turns,"
        f" each run on fresh service processes; latency is of {latency.STATED} at {CALLS_PER_S} calls/s"
    )
    at, peer = f"growth, at {large.grown.events:,} events", f"the same at {small.grown.events:,}"
    return [
        Row(
            f"{at}, calls/s", "calls/s", large.calls_per_s, DURABLE, peer, small.calls_per_s,
            note=note, peer_durability=DURABLE, ratio_bar=at_least(0.9),
        ),
        *(
            Row(
                f"{at}, latency {name}", "ms", large.lags[name], DURABLE, peer, small.lags[name],
                note=note, peer_durability=DURABLE, ratio_bar=None if name == "p99.9" else at_most(1.1),
            )
            for name, _ in QUANTILES
        ),
    ]  # fmt: skip


async def _ready(small: Log, large: Log) -> list[Row]:
    peer, millions = f"behind {small.grown.events:,}", large.grown.events / 1e6
    behind = f"ready after kill -9, behind {large.grown.events:,} events"
    again = resident([large.server.pid])
    stored = await large.client.connection.jetstream(timeout=10).stream_info(registry.log_stream(CENTRE))
    each = stored.state.bytes / stored.state.messages
    note = (
        f"behind {large.grown.events:,} events: as growth, after kill -9 of server and services; server memory just"
        " written is above that of the empty server, and after kill -9 all of it, with the services reading"
    )
    memory = f"server memory at {large.grown.events:,}, per million"
    return [
        *(
            Row(f"{behind}, {what}", "s", ours, DURABLE, peer, theirs, note=note, peer_durability=DURABLE)
            for what, ours, theirs in (
                ("server and all four services", large.back_s, small.back_s),
                ("the server's own share", large.server_s, small.server_s),
            )
        ),
        *(
            Row(f"{memory}, {when}", "MB", [mb / millions], DURABLE, bar=at_most(150), note=note)
            for when, mb in (("just written", large.written_mb), ("after kill -9", again))
        ),
        Row("log on disk, each event", "B", [each], DURABLE, note=note),
    ]  # fmt: skip
