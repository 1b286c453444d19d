"""Deadlines: how late verdicts come with many pending, what a pending one costs, and many that are due at once."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from bench import flow, latency, pending
from bench.idle import resident
from bench.latency import QUANTILES, quantile
from bench.pacer import LEAD_S
from bench.report import Plan, Row, Wrong, at_most
from bench.rig import CENTRE, DURABLE, Services, active, four_processes, served
from bench.scheduler import Scheduled, scheduled
from centralita import centres
from centralita.operating import Operator
from contracts import registry
from eventlog.codec import Message
from services.sla.app import SERVICE
from services.sla.policy import GRACE

FAR = timedelta(days=2)
CALLS_PER_S = 50
PEER = "NATS message schedules"
PEER_PENDING, PEER_BURST = 100_000, 10_000


class Size(NamedTuple):
    """How many deadlines are pending; of them `per_s` are due for so many seconds, then `burst` within one."""

    pending: int
    per_s: int
    seconds: int
    burst: int
    starting_s: float
    load_s: int

    @property
    def soon(self) -> list[float]:
        """Those due soon, in seconds from the first, in order."""
        steady = [n / self.per_s for n in range(self.per_s * self.seconds)]
        return steady + [self.seconds + n / self.burst for n in range(self.burst)]


class Found(NamedTuple):
    """Lateness in ms of each that was due soon, seconds until the burst was over, bytes each pending.

    `before` and `during` are latencies of facts, in ms, in the steady seconds and while the burst was worked off.
    """

    late: list[float]
    drained_s: float
    bytes_each: float
    before: list[float]
    during: list[float]


def run(plan: Plan) -> list[Row]:
    """One run, as making a million takes minutes; beside the server's own schedules."""
    size = Size(5_000, 20, 2, 500, 5, 5) if plan.quick else Size(1_000_000, 200, 20, 100_000, 90, 45)
    found = asyncio.run(_run(plan, plan.directory / "timers", size))
    theirs = size._replace(pending=min(size.pending, PEER_PENDING), burst=min(size.burst, PEER_BURST))
    peer = asyncio.run(scheduled(plan.directory / "schedules", theirs.pending, theirs.soon))
    return _rows(size, found, theirs, peer)


def _rows(size: Size, found: Found, theirs: Size, peer: Scheduled) -> list[Row]:
    steady = size.per_s * size.seconds
    ours, peers = found.late[:steady], peer.late[:steady]
    burst = f"{size.burst:,} due within one second"
    note = (
        f"timers: {size.pending:,} pending, each of an aggregate of its own, set by sla's real core and read from"
        f" its checkpoint; {size.per_s} a second are due for {size.seconds} s, then {burst}, while {CALLS_PER_S}"
        f" calls/s arrive. A verdict's lateness runs from due + {GRACE.total_seconds():g} s, when it is final, to the"
        f" server's time of the event; a schedule's from due. {PEER}: {theirs.pending:,} pending,"
        f" {theirs.burst:,} due within one second. Memory is the resident set of the service, and of the server"
    )
    p99 = f"p99 of facts while {size.burst:,} due within one second are worked off"
    return [
        *(
            Row(
                f"timers, {size.pending:,} pending, late, {name}", "ms", [quantile(ours, q)], DURABLE,
                PEER, [quantile(peers, q)], at_most(50) if name == "p99" else None, note, DURABLE,
            )
            for name, q in QUANTILES
        ),
        Row("timers, early", "of all", [sum(late < 0 for late in found.late)], DURABLE, bar=at_most(0), note=note),
        Row(
            "timers, each pending", "B", [found.bytes_each], DURABLE,
            PEER, [peer.bytes_each], at_most(300), note, DURABLE,
        ),
        Row(
            f"timers, {burst}, until drained", "s", [found.drained_s], DURABLE,
            f"{PEER}, {theirs.burst:,}", [_drained(theirs, peer)], at_most(10), note, DURABLE,
        ),
        Row(
            f"timers, {p99}", "ms", [quantile(found.during, 0.99)], DURABLE,
            "before, in the same run", [quantile(found.before, 0.99)], None, note, DURABLE, at_most(2),
        ),
    ]  # fmt: skip


def _drained(size: Size, found: Scheduled) -> float:
    """Seconds from when the first of the burst was due until the last has fired."""
    fired = [after + late / 1000 for after, late in zip(size.soon, found.late, strict=True)]
    return max(fired[-size.burst :]) - size.seconds


async def _run(plan: Plan, directory: Path, size: Size) -> Found:
    store, others = directory / "services", [name for name in registry.SERVICES if name != SERVICE.name]
    async with (
        asyncio.timeout(plan.left),
        served(directory) as (server, client),
        four_processes(server.url, store, others) as around,
    ):
        await centres.add(client.connection, CENTRE, pending.PROTOCOL)
        async with four_processes(server.url, store, [SERVICE.name]) as services:
            await _ready(client, services, around)
            empty = resident(services.pids)
        begin = await _pending(client, store / "services", size)
        async with four_processes(server.url, store, [SERVICE.name]) as services:
            last = await _ready(client, services, around)
            full = resident(services.pids)
            if (left := (begin - datetime.now(UTC)).total_seconds() - LEAD_S) < 0:
                raise Wrong(f"the service was ready {-left:.1f} s too late for the first deadline")
            await asyncio.sleep(left)
            calls = CALLS_PER_S * size.load_s
            await latency.publish(client, CENTRE, CALLS_PER_S, calls, directory / "facts")
            await client.settle(CENTRE, timeout=plan.left)
            messages = await _recorded(client, last)
    return _found(messages, begin, size, calls, (full - empty) * 1e6 / size.pending)


async def _ready(client: Operator, services: Services, around: Services) -> int:
    """Wait until all services have read everything, the read model too; where the log ends."""
    last = await client.log(CENTRE).last_sequence()
    for name in registry.SERVICES:
        await active(client, services if name == SERVICE.name else around, name, last)
    await client.query(CENTRE, SERVICE.name, "figures", {"position": last})
    return await client.settle(CENTRE)


async def _pending(client: Operator, store: Path, size: Size) -> datetime:
    """Make all that is pending; those due soon come last, when it is known how long they take."""
    made = pending.Pending(client, CENTRE, store)
    await made.open()
    soon, began = size.soon, time.monotonic()
    far = datetime.now(UTC) + FAR
    many = size.pending - len(soon)
    await made.set(far + timedelta(milliseconds=n) for n in range(many))
    rest = (time.monotonic() - began) / many * len(soon)
    begin = datetime.now(UTC) + timedelta(seconds=1.5 * rest + size.starting_s)
    await made.set(begin - GRACE + timedelta(seconds=after) for after in soon)
    await made.close()
    return begin


async def _recorded(client: Operator, after: int) -> list[Message]:
    """What the services have recorded since, but for their terms."""
    log = client.log(CENTRE)
    parts = log.read([f"log.{CENTRE}.>"], after, await log.last_sequence())
    messages = [raw.message() async for part in parts for raw in part]
    return [message for message in messages if message.aggregate != registry.TERM]


def _found(messages: Sequence[Message], begin: datetime, size: Size, calls: int, bytes_each: float) -> Found:
    ours = [message for message in messages if message.aggregate.startswith("message:")]
    of_calls = [message for message in messages if not message.aggregate.startswith("message:")]
    flow.check(of_calls, calls)
    soon, stored = size.soon, dict[int, datetime]()
    first = size.pending - len(soon)
    for message in ours:
        number = int(message.aggregate.rpartition("-")[2]) - 1 - first
        assert message.stored
        if message.name != "deadline.breached" or number in stored or not 0 <= number < len(soon):
            raise Wrong(f"{message.aggregate} has a {message.name} that it must not have")
        stored[number] = message.stored
    if len(stored) != len(soon):
        raise Wrong(f"{len(stored)} of {len(soon)} deadlines were broken")
    burst = begin + timedelta(seconds=size.seconds)
    over = max(stored[n] for n in range(len(soon) - size.burst, len(soon)))
    facts = [(due, lag) for _, due, lag in latency.consequences(of_calls)]
    return Found(
        [(stored[n] - begin).total_seconds() * 1000 - after * 1000 for n, after in enumerate(soon)],
        (over - burst).total_seconds(),
        bytes_each,
        [lag for due, lag in facts if due < burst],
        [lag for due, lag in facts if burst <= due < over],
    )
