"""From a fact's publication to the last event that follows from it, at a steady 200 calls a second."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import echo, flow
from bench.pacer import Due, Paced, paced
from bench.report import Plan, Row, Wrong, at_most
from bench.rig import DURABLE, centre, four_processes, served
from centralita.addressing import addressed
from centralita.operating import Operator
from eventlog.codec import Message, headers_of

CALLS_PER_S = 200
STAGE_S = 0.5
WARM_UP_S = 1.0
QUANTILES = (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
STATED = "request.stated"
PEER = "nats-py, bare request/reply"
BARS = {"p50": at_most(15), "p99": at_most(50)}


def run(plan: Plan) -> list[Row]:
    """Of request.stated, which leads to most (need, owner, ticket); and of all four facts together."""
    stated: dict[str, list[float]] = defaultdict(list)
    every: dict[str, list[float]] = defaultdict(list)
    bare: dict[str, list[float]] = defaultdict(list)
    behind: list[float] = []
    seconds = plan.of(20, 2)
    for number in plan.repeat():
        lags, sent, answered = asyncio.run(_run(plan, plan.directory / f"latency-{number}", seconds))
        behind += sent
        for name, q in QUANTILES:
            stated[name].append(quantile(lags[STATED], q))
            every[name].append(quantile([lag for of_type in lags.values() for lag in of_type], q))
            bare[name].append(quantile(answered, q))
    late = ", ".join(f"{name} {quantile(behind, q):.2f}" for name, q in QUANTILES)
    note = (
        f"latency: open loop, {CALLS_PER_S} calls/s for {seconds} s after {WARM_UP_S:g} s of warm-up;"
        f" each fact has its ack, and a call's are {STAGE_S:g} s apart. From when the fact was due to be"
        " published to the server's time of the last event that follows from it; the client, a process"
        f" of its own, was late by {late}, at most {max(behind):.1f} ms, which counts. The peer is asked by the"
        " same client, the same facts at the same rate, with the services stopped"
    )
    return [
        Row(
            f"latency, {what}, {name}",
            "ms",
            found[name],
            DURABLE,
            peer=PEER,
            peers=bare[name],
            peer_durability="none",
            bar=BARS.get(name),
            note=note,
        )
        for what, found in ((f"{STATED} to its last consequence", stated), ("every fact to its last", every))
        for name, _ in QUANTILES
    ]


async def _run(
    plan: Plan, directory: Path, seconds: int
) -> tuple[dict[str, list[float]], list[float], list[float]]:
    """Latencies by type of fact, how late each was sent, and how soon the peer answered, all in ms."""
    calls = int(CALLS_PER_S * (seconds + WARM_UP_S))
    async with asyncio.timeout(plan.left), served(directory) as (server, client):
        async with (
            four_processes(server.url, directory / "services") as services,
            centre(client, services) as name,
        ):
            result = await publish(client, name, CALLS_PER_S, calls, directory / "facts")
            await client.settle(name)
            messages = await flow.recorded(client, name)
            flow.check(messages, calls)
        async with echo.answering(server.url):
            asked = await _paced(client.url, _requests(calls), calls, directory / "requests")
    lags: dict[str, list[float]] = defaultdict(list)
    begin = min(message.time for message in messages if message.time) + timedelta(seconds=WARM_UP_S)
    for fact, due, lag in consequences(messages):
        if due >= begin:
            lags[fact].append(lag)
    warm = int(CALLS_PER_S * flow.FACTS_PER_CALL * WARM_UP_S)
    return lags, result.sent, asked.answered[warm:]


async def publish(
    client: Operator, centre: str, calls_per_s: float, calls: int, file: Path, first: int = 0
) -> Paced:
    """Publish every fact of so many calls when it is due, whatever has become of those before; Wrong if refused."""
    return await _paced(client.url, _facts(centre, calls_per_s, calls, first), calls, file)


async def _paced(url: str, make: Callable[[float], list[Due]], calls: int, file: Path) -> Paced:
    result = await paced(url, make, calls * flow.FACTS_PER_CALL, file)
    if result.refused or len(result.answered) != len(result.sent):
        raise Wrong(f"{len(result.answered)} of {len(result.sent)} were answered; {result.refused[:1]}")
    return result


def _facts(centre: str, calls_per_s: float, calls: int, first: int = 0) -> Callable[[float], list[Due]]:
    def made(begin: float) -> list[Due]:
        found = []
        for n in range(calls):
            times = [begin + n / calls_per_s + stage * STAGE_S for stage in range(flow.FACTS_PER_CALL)]
            instants = tuple(datetime.fromtimestamp(at, UTC) for at in times)
            for at, fact in zip(times, flow.call_facts(first + n, instants), strict=True):
                subject, message = addressed(fact, centre)
                found.append(Due(at, subject, headers_of(message), message.data))
        return sorted(found, key=lambda due: due.at)

    return made


def _requests(calls: int) -> Callable[[float], list[Due]]:
    facts = _facts("peer", CALLS_PER_S, calls)
    return lambda begin: [due._replace(subject=f"{echo.SUBJECT}.{due.subject}") for due in facts(begin)]


def consequences(messages: Sequence[Message]) -> list[tuple[str, datetime, float]]:
    """Each fact by type, when it was due, and the ms from then to the last event that follows from it.

    What follows from a fact has its time, whichever service recorded it.
    """
    last: dict[tuple[str, datetime], tuple[str, datetime]] = {}
    for message in messages:
        assert message.time
        assert message.stored
        key = message.aggregate, message.time
        fact = last[key][0] if key in last else message.name  # intake's own record of the fact comes first
        last[key] = fact, message.stored
    return [(fact, due, (stored - due).total_seconds() * 1000) for (_, due), (fact, stored) in last.items()]


def quantile(values: Sequence[float], q: float) -> float:
    """The value that this share of all is no larger than."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]
