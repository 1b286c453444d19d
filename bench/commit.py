"""Commits of one writer under its term, beside a client that does nothing but append."""

import asyncio
import time

from bench import flow, made, server_peer
from bench.relaxed import relaxed
from bench.report import Bar, Plan, Row, at_least
from bench.rig import DURABLE, centre, served
from centralita.addressing import addressed
from centralita.operating import Operator
from contracts import registry
from eventlog.codec import Message, headers_of
from eventlog.stream import MAX_BATCH

PEERS: dict[str, tuple[str, str, Bar | None]] = {
    "nats-py pipelined, 1,000 in flight": ("relaxed", "fsync every 2 minutes", at_least(0.9)),
    "nats-py pipelined, 1,000 in flight, on our server": ("plain", DURABLE, None),
    "nats-py, atomic batches of 1,000, on our server": ("batch", DURABLE, None),
}


def run(plan: Plan) -> list[Row]:
    """Ours beside the raw client three ways."""
    return asyncio.run(_run(plan))


async def _run(plan: Plan) -> list[Row]:
    many, few = plan.of(100_000, 10_000), plan.of(20_000, 2_000)
    ours: list[float] = []
    peers: dict[str, list[float]] = {name: [] for name in PEERS}
    size = 0.0
    directory = plan.directory / "commit"
    (directory / "relaxed").mkdir(parents=True)
    async with (
        served(directory / "always") as (server, client),
        relaxed(server, directory / "relaxed") as without,
    ):
        for _ in plan.repeat():
            async with asyncio.timeout(plan.left), centre(client) as name:
                rate, size = await _ours(client, name, many)
                ours.append(rate)
            # the peer runs a loop of its own, which must not be this one
            for name, (kind, *_) in PEERS.items():
                if kind == "relaxed":
                    rate = await asyncio.to_thread(server_peer.append_rate, without, many)
                elif kind == "plain":
                    rate = await asyncio.to_thread(server_peer.append_rate, server.url, few)
                else:
                    rate = await asyncio.to_thread(server_peer.batch_rate, server.url, many, size=MAX_BATCH)
                peers[name].append(rate)
    note = (
        f"commit: real intake events, {size:.0f} bytes with headers on average, numbered beforehand;"
        f" the peer's have {server_peer.PAYLOAD_BYTES} bytes and 4 headers, the same one every time,"
        " in a stream of its own with the log's settings."
    )
    return [
        Row(
            "commit, batches of 1,000 under a term", "events/s", ours, DURABLE, name, rates,
            at_least(35_000), note, *PEERS[name][1:],
        )
        for name, rates in peers.items()
    ]  # fmt: skip


async def _ours(client: Operator, centre: str, events: int) -> tuple[float, float]:
    core, log = await made.core_of(client, centre), client.log(centre)
    messages: list[tuple[str, Message]] = []
    for number, part in enumerate(made.parts(flow.facts(events // made.EVENTS_PER_CALL))):
        facts = [addressed(fact, centre) for fact in part]
        messages += made.decided(core, centre, facts, number * MAX_BATCH + 1)
    own = registry.log_subject(centre, "intake", registry.TERM)
    taken = Message(registry.TERM, "term.taken", b"{}", "bench", core.source)
    (term,) = await log.append([(own, taken)], expected={own: 0})
    began = time.perf_counter()
    for start in range(0, len(messages), MAX_BATCH):
        await log.append(messages[start : start + MAX_BATCH], fence=(own, term))
    seconds = time.perf_counter() - began
    sample = [message for _, message in messages[:1000]]
    size = sum(len(m.data) + sum(len(k) + len(v) + 4 for k, v in headers_of(m).items()) for m in sample)
    return len(messages) / seconds, size / len(sample)
