"""The public client goes on where a server is started anew, is full or has too much to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import protocols
from centralita import Client, Fact, Refusal, Unavailable, centres
from centralita.addressing import addressed
from centralita.client import retrying
from centralita.door.limits import Limits
from centralita.door.serving import Served, serving
from centralita.operating import Operator
from centralita.server import NatsServer


@asynccontextmanager
async def opened(
    path: Path, limits: Limits | None = None, **room: int
) -> AsyncIterator[tuple[NatsServer, Operator, Served]]:
    """A server without services, with a centre and a door."""
    async with NatsServer.start(path) as server, Operator(server.url) as operator:
        await centres.add(operator.connection, "acme", protocols.load("cold-industry"), **room)
        async with serving(server.url, limits=limits) as served:
            yield server, operator, served


async def test_a_follower_misses_nothing_and_sees_nothing_twice(tmp_path: Path) -> None:
    """Doors and server are started anew while events come: in both ways each is told once, in order."""
    async with opened(tmp_path) as (server, operator, served):
        log, port = operator.log("acme"), urlsplit(served.url).port or 0

        async def record(first: int) -> None:
            for n in range(first, first + 20):
                message = addressed(Fact("call.ended", f"c-{n}"), "acme")[1]
                await log.append([(f"log.acme.intake.c-{n}", message)])
                await asyncio.sleep(0.005)

        async def positions(url: str) -> list[int]:
            async with Client(url) as client:
                return [event.position async for event in client.follow("acme", until=82)]

        async with serving(server.url) as another:
            port = urlsplit(another.url).port or 0
            followers = [asyncio.create_task(positions(url)) for url in (server.url, another.url)]
            await record(0)
        async with serving(server.url, port=port):
            await record(20)
        async with serving(server.url, port=port):
            await record(40)
            await server.restart()
            while not operator.connection.is_connected:
                await asyncio.sleep(0.02)
            await record(60)
            async with asyncio.timeout(30):
                told = await asyncio.gather(*followers)
        assert told == [list(range(1, 83))] * 2


@pytest.mark.parametrize("way", ["nats", "http"])
async def test_a_follower_of_a_centre_that_goes_is_told(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the centre is removed, following it ends with a refusal and waits for nothing."""
    monkeypatch.setattr(retrying, "COMING_BACK", 0.3)
    async with (
        opened(tmp_path) as (server, operator, served),
        Client(server.url if way == "nats" else served.url) as client,
    ):
        events = client.follow("acme")
        assert [(await anext(events)).position for _ in range(2)] == [1, 2]
        await centres.remove(operator.connection, "acme")
        async with asyncio.timeout(10):
            with pytest.raises(Refusal) as gone:
                await anext(events)
        assert gone.value.problem.rule == "unknown-centre"


@pytest.mark.parametrize("way", ["nats", "http"])
async def test_a_full_inbox_is_waited_for(tmp_path: Path, way: str) -> None:
    """What has room is stored, in order; the rest as soon as there is room, or it is refused after the time-out."""
    async with opened(tmp_path, max_waiting=5) as (server, operator, served):
        facts = [Fact("call.offered", f"c-{n}", {"queue": "main"}) for n in range(13)]
        async with Client(server.url if way == "nats" else served.url) as client:
            with pytest.raises(Refusal) as full:
                await client.publish("acme", facts[:8], timeout=1.5)
            stored = [it.id for it in full.value.accepted]
            assert (full.value.problem.status, full.value.problem.rule) == (429, "inbox-full")
            assert stored == [fact.id for fact in facts[:5]]
            waiting = asyncio.create_task(client.publish("acme", facts[8:12], timeout=20))
            await asyncio.sleep(0.2)
            assert not waiting.done()
            await operator.inbox("acme").purge("inbox.acme.>", 2**62)
            assert [it.id for it in await waiting] == [fact.id for fact in facts[8:12]]


async def test_a_busy_door_is_asked_again(tmp_path: Path) -> None:
    """Of many at once all are told in the end, though the door takes only some a second."""
    async with opened(tmp_path, Limits(rate=10)) as (_, _, served), Client(served.url) as client:
        many = (client.publish("acme", Fact("call.offered", f"c-{n}")) for n in range(20))
        accepted = await asyncio.gather(*many)
        assert len({it.position for (it,) in accepted}) == 20


async def test_a_server_that_comes_back_takes_what_was_published(tmp_path: Path) -> None:
    """Facts published while the server is away are stored when it is there again; without it the time-out is kept."""
    async with (
        opened(tmp_path) as (server, operator, served),
        Client(server.url) as direct,
        Client(served.url) as over_http,
    ):
        await server.stop()
        with pytest.raises(Unavailable):
            await over_http.publish("acme", Fact("call.offered", "c-0"), timeout=0.3)
        both = (client.publish("acme", Fact("call.offered", "c-1")) for client in (direct, over_http))
        waiting = asyncio.gather(*both)
        await asyncio.sleep(0.1)
        await server.restart()
        async with asyncio.timeout(20):
            assert {it.source for (it,) in await waiting} == {"/centralita/client"}
        assert await operator.inbox("acme").last_sequence() >= 2
