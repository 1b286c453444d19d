"""Calls a second, from the first published fact until all is settled, beside `eventsourcing` alone."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from bench import flow, peer
from bench.postgres import PostgresUnavailable
from bench.report import Bar, OutOfTime, Plan, Row, Wrong, at_least
from bench.rig import DURABLE, centre, four_processes, served
from centralita.addressing import addressed
from centralita.client import Fact
from centralita.operating import Operator
from eventlog.stream import Settings, Stream

Publish = Callable[[Operator, str, Sequence[Fact]], Awaitable[int]]
IN_FLIGHT = 500
PEER_S = 8
STALLED_AFTER_S = 15.0
PEERS: tuple[tuple[str, peer.Backend, int, Bar | None], ...] = (
    ("eventsourcing on PostgreSQL, a transaction each", "postgres", 1, at_least(15)),
    ("eventsourcing on PostgreSQL, 100 facts a transaction", "postgres", 100, None),
    ("eventsourcing in RAM", "ram", 1, at_least(1.4)),
)


def run(plan: Plan) -> list[Row]:
    """Two ways of publishing to us, each beside the peer on three kinds of storage."""
    grouped: list[float] = []
    singly: list[float] = []
    peers: dict[str, list[float]] = {name: [] for name, *_ in PEERS}
    durability: dict[str, str] = {}
    kinds: dict[str, tuple[type, int]] = {}
    for number in plan.repeat():
        directory = plan.directory / f"endtoend-{number}"
        grouped.append(asyncio.run(_measure(directory / "grouped", plan, in_batches, plan.of(8000, 500))))
        singly.append(asyncio.run(_measure(directory / "singly", plan, one_by_one, plan.of(4000, 250))))
        for name, backend, group, _ in PEERS:
            try:
                plan.check()
                result = _peer(kinds, name, backend, group, plan)
            except (PostgresUnavailable, peer.PeerFailed, OutOfTime) as reason:
                durability.setdefault(name, f"not measured: {reason}")
                continue
            peers[name].append(result.calls_per_s)
            durability[name] = f"{result.durability}; {result.runner}"
    note = (
        f"end to end: a call is {flow.FACTS_PER_CALL} facts and {flow.EVENTS_PER_CALL} events, counted on the"
        f" log; the peer's has {peer.EVENTS_PER_CALL} events, in one process, and stores no facts."
        " Ours runs on a server, four services and a client: six processes"
    )
    rows = []
    for way, ours, bar in (
        ("facts in batches of 1,000", grouped, at_least(1000)),
        (f"facts acknowledged singly, {IN_FLIGHT} in flight", singly, None),
    ):
        rows += [
            Row(
                f"end to end, {way}",
                "calls/s",
                ours,
                DURABLE,
                peer=name,
                peers=peers[name],
                bar=bar,
                note=note,
                peer_durability=durability[name],
                ratio_bar=ratio_bar if bar else None,
            )
            for name, _, _, ratio_bar in PEERS
        ]
    return rows


def _peer(
    kinds: dict[str, tuple[type, int]], name: str, backend: peer.Backend, group: int, plan: Plan
) -> peer.Result:
    """The first time a short run finds the fastest runner and how many calls take a few seconds."""
    if name not in kinds:
        found = peer.run(plan.of(200, 30), backend, group=group, directory=plan.directory)
        kind = next(kind for kind in peer.RUNNERS if kind.__name__ == found.runner)
        kinds[name] = kind, max(100, int(found.calls_per_s * PEER_S))
        if plan.quick:
            return found
    runner, calls = kinds[name]
    return peer.run(calls, backend, group=group, runner=runner, directory=plan.directory)


async def _measure(directory: Path, plan: Plan, publish: Publish, calls: int) -> float:
    async with (
        asyncio.timeout(plan.left),
        served(directory) as (server, client),
        four_processes(server.url, directory / "services") as services,
        centre(client, services) as name,
    ):
        return await rate(client, name, publish, calls)


async def rate(client: Operator, centre: str, publish: Publish, calls: int, first: int = 0) -> float:
    """Calls a second from the first publish until all is settled; Wrong unless each has left what it must."""
    given = list(flow.facts(calls, first))
    before = await client.log(centre).last_sequence()
    began = time.perf_counter()
    publishing = asyncio.ensure_future(publish(client, centre, given))
    await _reached(client, centre, before + calls * flow.EVENTS_PER_CALL, publishing)
    await publishing
    await client.settle(centre)
    seconds = time.perf_counter() - began
    flow.check(await flow.recorded(client, centre, before), calls, first)
    return calls / seconds


async def in_batches(client: Operator, centre: str, given: Sequence[Fact]) -> int:
    """As our client publishes many facts: an atomic batch of a thousand after the other."""
    return await client.publish(centre, given)


async def one_by_one(client: Operator, centre: str, given: Sequence[Fact]) -> int:
    """As a backend without batches: each fact has an ack of its own, and up to 500 wait for theirs."""
    inbox = client.inbox(centre)
    each = Stream(inbox.connection, inbox.name, replace(Settings(), turning_point=IN_FLIGHT + 1, timeout=30))
    for start in range(0, len(given), IN_FLIGHT):
        await each.append([addressed(fact, centre) for fact in given[start : start + IN_FLIGHT]])
    return len(given)


async def _reached(client: Operator, centre: str, last: int, publishing: asyncio.Future[int]) -> None:
    """Look now and then how far the log has grown: less of a burden on it than to ask all services."""
    log, seen, since = client.log(centre), 0, time.monotonic()
    while (now := await log.last_sequence()) < last:
        if publishing.done():
            publishing.result()
        if now != seen:
            seen, since = now, time.monotonic()
        if time.monotonic() - since > STALLED_AFTER_S:
            raise Wrong(f"the log stands still at {now} of {last}")
        await asyncio.sleep(0.02)
