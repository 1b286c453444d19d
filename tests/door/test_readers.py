"""Readers of the log that leave, dawdle or stay too long: they cost the door nothing."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from httpx_sse import EventSource

import protocols
from centralita import centres
from centralita.addressing import addressed
from centralita.client import Fact
from centralita.door.limits import Limits
from centralita.door.serving import Served, serving
from centralita.operating import Operator
from centralita.server import NatsServer
from tests.cli.keyboard import environment


@asynccontextmanager
async def raw(url: str, path: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which a GET was sent, and nothing is read by itself beyond a few kilobytes."""
    at = urlsplit(url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port, limit=4096)
    writer.write(f"GET /v1/{path} HTTP/1.1\r\nHost: door\r\n\r\n".encode())
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def consumers(client: Operator) -> int:
    """How many read the log."""
    info = await client.connection.jetstream().stream_info("LOG_acme")
    return int(info.state.consumer_count)


async def until(client: Operator, count: int) -> None:
    """Wait until so many read the log."""
    async with asyncio.timeout(10):
        while await consumers(client) != count:
            await asyncio.sleep(0.02)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[tuple[Operator, Served]]:
    """A door before a server with an open centre and no services: the log says what we write there."""
    limits = Limits(readers=3, patience=1.0)
    async with (
        NatsServer.start(tmp_path) as server,
        Operator(server.url) as client,
        serving(server.url, limits=limits) as served,
    ):
        await centres.add(client.connection, "acme", protocols.load("insurer"))
        yield client, served


async def test_a_reader_that_leaves_is_forgotten(door: tuple[Operator, Served]) -> None:
    """When its connection ends, in whatever way, its consumer is gone from the server within a moment."""
    client, served = door
    for _ in range(2):
        async with raw(served.url, "acme/log") as (reader, _), raw(served.url, "acme/log") as (other, _):
            await reader.readuntil(b"retry")
            await other.readuntil(b"retry")
            await until(client, 2)
        await until(client, 0)


async def test_too_many_readers_are_told_to_come_again(door: tuple[Operator, Served]) -> None:
    """Beyond its limit the door answers 429 with Retry-After; when one has left, there is room again."""
    client, served = door
    async with httpx.AsyncClient(base_url=served.url, trust_env=False) as http:
        async with raw(served.url, "acme/log"), raw(served.url, "acme/log"), raw(served.url, "acme/log"):
            await until(client, 3)
            answer = await http.get("acme/log")
            assert (answer.status_code, answer.json()["rule"]) == (429, "too-many-readers")
            assert answer.headers["retry-after"] == "5"
        await until(client, 0)
        assert (await http.get("acme/log", params={"until": 2})).status_code == 200


async def test_a_slow_reader_fills_nothing(door: tuple[Operator, Served]) -> None:
    """One that takes nothing holds a few megabytes of a large log at most, and is let go after a while."""
    client, served = door
    note, log = "x" * 400_000, client.log("acme")
    facts = [addressed(Fact("call.ended", f"c-{n}", {"note": note}), "acme")[1] for n in range(60)]
    for fact in facts:
        await log.append([(f"log.acme.intake.{fact.aggregate}", fact)])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with raw(served.url, "acme/log") as (reader, _):
        await until(client, 1)
        await until(client, 0)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 12_000, f"{grown} KB more, for a log of 24,000"
        await asyncio.sleep(0.2)
        async with asyncio.timeout(10):
            told = await reader.read()
        assert not told.endswith(b"\r\n"), "what it had not taken was kept for it"


async def test_a_body_that_does_not_come_is_not_waited_for(door: tuple[Operator, Served]) -> None:
    """Who announces a body and sends none is told 408, and what is left out is stored nowhere."""
    _, served = door
    at = urlsplit(served.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(b"POST /v1/acme/events HTTP/1.1\r\nHost: door\r\nContent-Length: 100\r\n\r\n{")
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408")
    assert b"application/problem+json" in head
    writer.close()


async def test_more_than_is_taken_is_told_to_come_again(door: tuple[Operator, Served]) -> None:
    """Beyond the rate, and beyond the bytes that may be in hand, the answer is 429 with Retry-After."""
    client, _ = door
    async with (
        serving(client.url, limits=Limits(rate=2, held=1000)) as tight,
        httpx.AsyncClient(base_url=tight.url, trust_env=False) as http,
    ):
        answers = [
            await http.put("acme", json={"protocol": "x" * 2000}),
            await http.get(""),
            await http.get(""),
        ]
        assert [answer.status_code for answer in answers] == [429, 200, 429]
        assert [answers[n].json()["rule"] for n in (0, 2)] == ["too-many-waiting", "rate-exceeded"]
        assert answers[0].headers["retry-after"] == answers[2].headers["retry-after"] == "1"


async def test_a_reader_stays_while_the_server_is_started_anew(tmp_path: Path) -> None:
    """What is recorded before and after a restart of the server is told once each, on the same connection."""
    async with (
        NatsServer.start(tmp_path) as server,
        Operator(server.url) as client,
        serving(server.url) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=20) as http,
    ):
        await centres.add(client.connection, "acme", protocols.load("insurer"))
        async with http.stream("GET", "acme/log") as told:
            events = EventSource(told).aiter_sse()
            assert [(await anext(events)).id for _ in range(2)] == ["1", "2"]
            await server.restart()
            while not client.connection.is_connected:
                await asyncio.sleep(0.02)
            fact = addressed(Fact("call.ended", "c-1"), "acme")[1]
            await client.log("acme").append([("log.acme.intake.c-1", fact)])
            event = await anext(events)
        assert (event.id, event.event) == ("3", "call.ended")


async def test_without_nats_the_door_says_so(tmp_path: Path) -> None:
    """While the server is away everything is 503 with Retry-After, readiness too, but the door lives."""
    async with (
        NatsServer.start(tmp_path) as server,
        serving(server.url) as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False) as http,
    ):
        assert (await http.get("../readyz")).status_code == 200
        await server.stop()
        async with asyncio.timeout(10):
            while (await http.get("../readyz")).status_code != 503:
                await asyncio.sleep(0.02)
        for method, path in (("GET", ""), ("PUT", "acme"), ("GET", "acme/queries/sla/status")):
            answer = await http.request(method, path)
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable"), answer.text
            assert answer.headers["retry-after"] == "1"
        assert (await http.get("../healthz")).status_code == 200


async def test_a_process_with_readers_stops_at_once(tmp_path: Path) -> None:
    """SIGTERM ends `up` while streams are open: they end whole, in silence and within moments."""
    typed = ("up", "--json", "--quiet", "--port", "0", "--door-port", "0", "--store", str(tmp_path))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "centralita.cli", *typed, stdout=PIPE, stderr=PIPE,
        env=environment(CENTRALITA_DOOR_TOKEN="geheim"),
    )  # fmt: skip
    assert process.stdout
    door: dict[str, Any] = json.loads(await process.stdout.readline())
    token = {"Authorization": "Bearer geheim"}
    async with httpx.AsyncClient(base_url=door["door"], trust_env=False, timeout=20, headers=token) as http:
        assert (await http.get("acme", headers={"Authorization": ""})).status_code == 401
        assert (await http.put("acme", json={"protocol": "insurer", "clock": "virtual"})).status_code == 201
        async with http.stream("GET", "acme/log") as told:
            lines = told.aiter_lines()
            while await anext(lines) != "id: 2":
                pass
            process.terminate()
            began = asyncio.get_running_loop().time()
            assert "event: protocol.published" in [line async for line in lines]
        out, err = await asyncio.wait_for(process.communicate(), 20)
        assert (process.returncode, out, err) == (0, b"", b"")
        assert asyncio.get_running_loop().time() - began < 3
