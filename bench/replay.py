"""An intake log followed, decoded and folded, beside a raw pull of it."""

import asyncio
import time

from bench import made, server_peer
from bench.report import Plan, Row, Wrong, at_least
from bench.rig import centre, served
from centralita.operating import Operator
from centralita.process import collect_seldom
from contracts import registry

SERVICE = "intake"


def run(plan: Plan) -> list[Row]:
    """Both on one made log."""
    collect_seldom()  # as where services run
    return asyncio.run(_run(plan))


async def _run(plan: Plan) -> list[Row]:
    events = plan.of(200_000, 10_000)
    async with served(plan.directory / "replay") as (server, client), centre(client) as name:
        async with asyncio.timeout(plan.left):
            calls = await made.intake_log(client, name, events)
        ours, raw = [], []
        for _ in plan.repeat():
            async with asyncio.timeout(plan.left):
                ours.append(await _fold(client, name, calls))
                stream = registry.log_stream(name)
                raw.append(await asyncio.to_thread(server_peer.pull_rate, server.url, stream))
        return [
            Row(
                "follow, decoded and folded", "events/s", ours, "only read",
                "nats-py, raw pull of the same stream", raw, at_least(60_000),
                f"follow: {calls * made.EVENTS_PER_CALL:,} events of intake on {calls:,} calls",
                peer_durability="only read", ratio_bar=at_least(0.6),
            )
        ]  # fmt: skip


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
