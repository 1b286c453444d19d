"""The loop on three servers that replicate: a leader dies in mid-commit, and the log is as if it had not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from centralita.cluster import start_cluster
from centralita.operating import Operator
from centralita.server import NatsServer
from contracts import registry
from eventlog.stream import Settings
from tests.eventlog.gate import Gate
from tests.eventlog.instances import (
    CENTRE,
    OWN,
    PACE,
    calls,
    expected,
    instance,
    opened,
    recorded,
    records,
    told,
)

REPLICATED = Settings(replicated=True)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[list[NatsServer]]:
    """Three servers, stopped at the end."""
    servers = await start_cluster(tmp_path)
    yield servers
    await asyncio.gather(*(server.stop() for server in servers))


async def leader(client: Operator) -> int:
    """Which of the servers leads the log, counted from 0."""
    name = registry.log_stream(CENTRE)
    while True:
        reply = await client.connection.request(f"$JS.API.STREAM.INFO.{name}", b"", timeout=5)
        if led := json.loads(reply.data).get("cluster", {}).get("leader"):
            return int(led[1:]) - 1
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("by_leader", [False, True], ids=["through a follower", "through the leader"])
async def test_the_leader_is_killed_in_mid_commit(cluster: list[NatsServer], by_leader: bool) -> None:
    """What is stored is whole commits in decided order, and a new leader gets the rest, each event once."""
    async with opened(cluster[0].url, replicas=3) as opening:
        led = await leader(opening)
    other = (led + 1) % 3
    async with (
        Operator(cluster[other].url, timeout=2) as client,
        Gate(cluster[led if by_leader else other].port) as gate,
    ):
        await client.publish(CENTRE, calls(30))
        wanted = await expected(client)
        gate.stop_at(OWN, 90)
        async with instance(gate.url, pace=replace(PACE, inputs=8), settings=REPLICATED) as runner:
            await asyncio.wait_for(gate.held.wait(), 20)
            before = told(await recorded(client))
            assert before == wanted[: len(before)]
            assert 0 < len(before) < 90
            cluster[led].kill()
            if by_leader:
                gate.cut()
                gate.move(cluster[other].port)
            gate.release()
            await records(client, len(wanted), seconds=40)
            assert told(await recorded(client)) == wanted
            assert runner.active
            assert await leader(client) != led
