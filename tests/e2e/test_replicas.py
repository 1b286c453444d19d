"""A centre on three servers: the same services, and a server that dies under them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

from nats.js.api import StreamConfig

import protocols
from centralita import centres
from centralita.client import Fact, Refusal
from centralita.cluster import start_cluster
from centralita.operating import Operator
from centralita.server import NatsServer
from centralita.stack import running
from centralita.verify import verify
from eventlog import errors
from tests.e2e.centre import advanced, fact, offered, stated


async def publish(client: Operator, facts: list[Fact]) -> None:
    """Publish as a backend would: what may not have been stored is published again."""
    async with asyncio.timeout(60):
        while True:
            with suppress(errors.Unavailable):
                await client.publish("acme", facts)
                return
            await asyncio.sleep(0.2)


async def test_a_replicated_centre_outlives_a_server(tmp_path: Path) -> None:
    """With three replicas the stories are told under one term, and go on when one of the servers is killed."""
    servers = await start_cluster(tmp_path / "servers")
    try:
        every = ",".join(server.url for server in reversed(servers))
        async with running(tmp_path, url=every) as stack, Operator(stack.url, timeout=20) as client:
            protocol = protocols.load("cold-industry")
            await centres.add(client.connection, "acme", protocol, clock="virtual", replicas=3)
            for part in range(2):
                for number in range(10 * part, 10 * part + 10):
                    call, at = f"c{number}", 10.0 * number
                    answered = fact("call.answered", call, at + 3, agent="luis")
                    story = [
                        offered(call, at),
                        answered,
                        stated(call, at + 5),
                        fact("call.ended", call, at + 9),
                    ]
                    await publish(client, story)
                await publish(client, [advanced(100.0 * part + 99)])
                await client.settle("acme", 60)
                if part == 0:
                    terms = [(await client.query("acme", "intake", "status"))["term"]]
                    servers[2].kill()
                    await asyncio.sleep(0.5)
            figures = (await _figures(client))["queues"]["all"]
            assert (figures["offered"], figures["answered"]) == (20, 20)
            assert terms[0] <= 6, "nothing but the four services' first terms came before"
            assert (await verify(client, "acme", tmp_path / "services")).wrong == []
    finally:
        for server in servers:
            await server.stop()


async def _figures(client: Operator) -> dict[str, Any]:
    """The figures, once the read model has found its way to another server."""
    while True:
        try:
            return await client.query("acme", "sla", "figures")
        except Refusal as refusal:
            if refusal.problem.status != 503:
                raise


async def test_a_new_stream_is_waited_for_until_what_is_sent_comes_to_it(tmp_path: Path) -> None:
    """In a cluster a server may hear of it later than whoever made it; nothing is stored by looking."""
    config = StreamConfig(name="NEW", subjects=["new"])
    async with NatsServer.start(tmp_path) as server, Operator(server.url) as client:
        js = client.connection.jetstream()
        waiting = asyncio.ensure_future(centres.heard_of(js, "new"))
        assert not (await asyncio.wait([waiting], timeout=0.1))[0]
        made = await js.add_stream(config)
        await asyncio.wait_for(waiting, 10)
        assert (await js.stream_info("NEW")).state.last_seq == made.state.last_seq == 0
