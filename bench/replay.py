"""Replay of an intake log beside a raw pull of it, and how soon a killed service is back behind it."""

import asyncio
import time

from bench import flow, made, server_peer
from bench.report import Plan, Row, Wrong, at_least, at_most
from bench.rig import CENTRE, DURABLE, Services, active, centre, served
from centralita.operating import Operator
from contracts import registry

SERVICE = "intake"
TAIL_CALLS = 1000


def run(plan: Plan) -> list[Row]:
    """Both on one made log."""
    return asyncio.run(_run(plan))


async def _run(plan: Plan) -> list[Row]:
    events = plan.of(200_000, 50_000)
    async with served(plan.directory / "replay") as (server, client), centre(client) as name:
        async with asyncio.timeout(plan.left):
            calls = await made.intake_log(client, name, events)
        ours, raw = [], []
        for _ in plan.repeat():
            async with asyncio.timeout(plan.left):
                ours.append(await _fold(client, name, calls))
                stream = registry.log_stream(name)
                raw.append(await asyncio.to_thread(server_peer.pull_rate, server.url, stream))
        rows = [
            Row(
                "follow, decoded and folded", "events/s", ours, "only read",
                "nats-py, raw pull of the same stream", raw, at_least(60_000),
                f"follow: {calls * made.EVENTS_PER_CALL:,} events of intake on {calls:,} calls",
                ratio_bar=at_least(0.6),
            )
        ]  # fmt: skip
        return rows + await _recovery(plan, client, server.url, calls)


async def _fold(client: Operator, centre: str, calls: int) -> float:
    """As a service does when it starts: every own event through the codec, the registry and the core."""
    core, log, count = await made.core_of(client, centre), client.log(centre), 0
    until = await log.last_sequence()
    began = time.perf_counter()
    async for part in log.read([registry.log_subject(centre, SERVICE, ">")], 0, until):
        count += len(part)
        for raw in part:
            core.fold(raw.message())
    seconds = time.perf_counter() - began
    if count != calls * made.EVENTS_PER_CALL or core.own != until:
        raise Wrong(f"{count} events were folded, up to {core.own} of {until}")
    return count / seconds


async def _recovery(plan: Plan, client: Operator, url: str, calls: int) -> list[Row]:
    """Kill the service and start it again, with its checkpoint and without."""
    services = Services(plan.directory / "replay-services")
    options = ("--nats", url, "--service", SERVICE)
    checkpoint = services.store / "services" / CENTRE / f"{SERVICE}.checkpoint"
    log = client.log(CENTRE)

    async def ready() -> float:
        began, last = time.perf_counter(), await log.last_sequence()
        await services.start(SERVICE, *options)
        await active(client, services, SERVICE, last)
        return time.perf_counter() - began

    with_it, without = [], []
    try:
        async with asyncio.timeout(plan.left):
            await ready()
            await services.stop()  # a clean stop leaves a checkpoint
            if not checkpoint.exists():
                raise Wrong(f"a clean stop has left no checkpoint: {services.said}")
            await ready()
            last = await log.last_sequence() + TAIL_CALLS * made.EVENTS_PER_CALL
            await client.publish(CENTRE, flow.facts(TAIL_CALLS, calls))
            await active(client, services, SERVICE, last)
            tail = await log.last_sequence()
            for _ in plan.repeat():
                await services.kill(SERVICE)
                with_it.append(await ready())
                kept = checkpoint.read_bytes()
                await services.kill(SERVICE)
                checkpoint.unlink()
                without.append(await ready())
                checkpoint.write_bytes(kept)
    finally:
        await services.stop()
    note = (
        f"ready: {SERVICE} behind {tail:,} events, from the start of its process until it decides and has"
        f" read the log to its end; the checkpoint lacks the last {TAIL_CALLS * made.EVENTS_PER_CALL:,}."
        " Starting Python is part of it, and so is listening for another instance"
    )
    bar = at_most(5)
    return [
        Row("ready after kill -9, with its checkpoint", "s", with_it, DURABLE, bar=bar, note=note),
        Row("ready after kill -9, without", "s", without, DURABLE, bar=bar, note=note),
    ]
