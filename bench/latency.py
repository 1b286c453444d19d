"""From a fact's publication to the last event that follows from it, at a steady 200 calls a second."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nats.aio.msg import Msg

from bench import flow
from bench.report import Plan, Row, Wrong
from bench.rig import DURABLE, centre, four_processes, served
from centralita.addressing import addressed
from centralita.operating import Operator
from eventlog.codec import Message, headers_of

CALLS_PER_S = 200
STAGE_S = 0.5
WARM_UP_S = 1.0
QUANTILES = (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
STATED = "request.stated"


def run(plan: Plan) -> list[Row]:
    """Of request.stated, which leads to most (need, owner, ticket); and of all four facts together."""
    stated: dict[str, list[float]] = defaultdict(list)
    every: dict[str, list[float]] = defaultdict(list)
    late: list[float] = []
    seconds = plan.of(20, 5)
    for number in plan.repeat():
        lags, behind = asyncio.run(_run(plan, plan.directory / f"latency-{number}", seconds))
        late.append(behind)
        for name, q in QUANTILES:
            stated[name].append(_quantile(lags[STATED], q))
            every[name].append(_quantile([lag for of_type in lags.values() for lag in of_type], q))
    note = (
        f"latency: open loop, {CALLS_PER_S} calls/s for {seconds} s after {WARM_UP_S:g} s of warm-up;"
        f" each fact has its ack, and a call's are {STAGE_S:g} s apart. From when the fact was due to be"
        " published to the server's time of the last event that follows from it; the client was up to"
        f" {max(late):.0f} ms late, which counts"
    )
    return [
        Row(
            f"latency, {what}, {name}",
            "ms",
            found[name],
            DURABLE,
            bar="50 ms" if name == "p99" else "",
            note=note,
        )
        for what, found in ((f"{STATED} to its last consequence", stated), ("every fact to its last", every))
        for name, _ in QUANTILES
    ]


async def _run(plan: Plan, directory: Path, seconds: int) -> tuple[dict[str, list[float]], float]:
    async with (
        asyncio.timeout(plan.left),
        served(directory) as (server, client),
        four_processes(server.url, directory / "services") as services,
        centre(client, services) as name,
    ):
        calls = int(CALLS_PER_S * (seconds + WARM_UP_S))
        behind = await _publish(client, name, calls)
        await client.settle(name)
        messages = await flow.recorded(client, name)
        flow.check(messages, calls)
    return _lags(messages), behind


async def _publish(client: Operator, centre: str, calls: int) -> float:
    """Publish every fact when it is due, whatever has become of those before; how late at worst, in ms."""
    refused: list[str] = []
    acknowledged = 0

    async def on_ack(reply: Msg) -> None:
        nonlocal acknowledged
        acknowledged += 1
        if b'"seq"' not in reply.data:
            refused.append(reply.data.decode() or str(reply.headers))

    inbox = client.connection.new_inbox()
    acks = await client.connection.subscribe(inbox, cb=on_ack)
    begin = datetime.now(UTC) + timedelta(seconds=0.2)
    due = []
    for n in range(calls):
        start = begin + timedelta(seconds=n / CALLS_PER_S)
        times = tuple(start + timedelta(seconds=stage * STAGE_S) for stage in range(flow.FACTS_PER_CALL))
        due += [
            (time, *addressed(fact, centre))
            for time, fact in zip(times, flow.call_facts(n, times), strict=True)
        ]
    due.sort(key=lambda entry: entry[0])
    behind = 0.0
    for time_due, subject, message in due:
        left = time_due.timestamp() - time.time()
        await asyncio.sleep(max(left, 0))
        behind = max(behind, time.time() - time_due.timestamp())
        await client.connection.publish(subject, message.data, reply=inbox, headers=headers_of(message))
    for _ in range(500):
        if acknowledged == len(due):
            break
        await asyncio.sleep(0.01)
    await acks.unsubscribe()
    if refused or acknowledged != len(due):
        raise Wrong(f"{acknowledged} of {len(due)} facts were acknowledged; {refused[:1]}")
    return behind * 1000


def _lags(messages: Sequence[Message]) -> dict[str, list[float]]:
    """For each type of fact, in ms: what follows from a fact has its time, whichever service recorded it."""
    last: dict[tuple[str, datetime], tuple[str, datetime]] = {}
    for message in messages:
        assert message.time
        assert message.stored
        key = message.aggregate, message.time
        fact = last[key][0] if key in last else message.name  # intake's own record of the fact comes first
        last[key] = fact, message.stored
    begin = min(time for _, time in last) + timedelta(seconds=WARM_UP_S)
    lags: dict[str, list[float]] = defaultdict(list)
    for (_, time_due), (fact, stored) in last.items():
        if time_due >= begin:
            lags[fact].append((stored - time_due).total_seconds() * 1000)
    return lags


def _quantile(values: Sequence[float], q: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]
