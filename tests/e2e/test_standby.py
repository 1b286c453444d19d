"""Two instances of every service: one works, the other takes over, and nobody has to do anything."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import protocols
from centralita import centres
from centralita.client import Fact
from centralita.cluster import start_cluster
from centralita.operating import Operator
from centralita.server import NatsServer
from centralita.verify import verify
from contracts.registry import SERVICES
from tests.e2e.instances import instances, taken, terms
from tests.unit.given import at

KILLED, STOPPED = 8.0, 4.0
"""Seconds within which a standby takes over here. Promised are 5 and 1; other tests have the machine busy."""


def calls(first: int, number: int = 5) -> list[Fact]:
    """So many calls that come in."""
    return [Fact("call.offered", f"c{n}", {"queue": "main"}, at(n)) for n in range(first, first + number)]


async def works(client: Operator, names: list[str], first: int) -> None:
    """Facts are decided on and commands carried out in every centre."""

    async def work(name: str) -> None:
        await client.publish(name, calls(first))
        await client.settle(name)
        ticket = {"category": "complaint", "need": "it leaks", "by": "ana"}
        await client.command(name, "tickets", "register", ticket, id=f"t{first}")

    await asyncio.gather(*map(work, names))


async def test_a_standby_takes_over_every_seat_at_once(tmp_path: Path) -> None:
    """Paused or stopped, an instance is replaced in time in all its seats; woken, it writes nothing."""
    names = [f"c{number}" for number in range(3)]
    async with NatsServer.start(tmp_path / "server") as server, Operator(server.url, timeout=20) as client:
        for name in names:
            await centres.add(client.connection, name, protocols.load("cold-industry"), clock="virtual")
        async with (
            instances(server.url, tmp_path / "one", apart=False) as (one,),
            instances(server.url, tmp_path / "two", apart=False) as (two,),
        ):
            await asyncio.gather(one.reach("active", len(names)), two.reach("standby", len(names)))
            await works(client, names, 0)
            await client.publish(names[0], calls(100, 500))
            paused = await taken(client, names, one.send(signal.SIGSTOP))
            assert max(paused) < KILLED
            await works(client, names, 10)
            before = [await client.log(name).last_sequence() for name in names]
            one.send(signal.SIGCONT)
            await one.reach("standby", len(names))
            assert [await client.log(name).last_sequence() for name in names] == before
            stopped = await taken(client, names, two.send(signal.SIGTERM))
            assert max(stopped) < STOPPED
            await works(client, names, 20)
            for name in names:
                figures = await client.query(name, "sla", "figures")
                assert figures["queues"]["all"]["offered"] == 15 + 500 * (name == names[0])
                assert (await verify(client, name)).wrong == []
                for service in SERVICES:
                    kinds = [kind for kind, _ in await terms(client, name, service)]
                    assert kinds == ["term.taken", "term.taken", "term.released", "term.taken"]


async def test_a_standby_takes_over_with_three_replicas(tmp_path: Path) -> None:
    """On three servers too: the four services killed at once are replaced in time, and nothing is missing."""
    servers = await start_cluster(tmp_path / "servers")
    try:
        async with Operator(servers[0].url, timeout=20) as client:
            protocol = protocols.load("cold-industry")
            await centres.add(client.connection, "acme", protocol, clock="virtual", replicas=3)
            async with (
                instances(servers[0].url, tmp_path / "one", apart=False) as (one,),
                instances(servers[1].url, tmp_path / "two", apart=False) as (two,),
            ):
                await asyncio.gather(one.reach("active", 1), two.reach("standby", 1))
                await client.publish("acme", calls(100, 200))
                killed = await taken(client, ["acme"], one.send(signal.SIGKILL))
                assert max(killed) < KILLED
                await works(client, ["acme"], 0)
                figures = await client.query("acme", "sla", "figures")
                assert figures["queues"]["all"]["offered"] == 205
                assert (await verify(client, "acme")).wrong == []
    finally:
        await asyncio.gather(*(server.stop() for server in servers))
