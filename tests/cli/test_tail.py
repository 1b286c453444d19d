"""The tail of a log: where it begins, what it lets through, and how it comes through a lost server."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from centralita import centres
from centralita.operating import Operator
from centralita.server import NatsServer
from contracts import registry
from contracts.protocol import PLAIN
from eventlog.codec import Message
from tests.cli.keyboard import environment, typed, until

CENTRE = "acme"
TYPES = ("call.offered", "call.answered", "call.ended")


async def record(client: Operator, first: int, last: int) -> None:
    """Events `first` to `last` of three calls, as intake would record them, at positions two higher."""
    await client.log(CENTRE).append(
        [(registry.log_subject(CENTRE, "intake", f"c-{n % 3}"), event(n)) for n in range(first, last + 1)]
    )


def event(number: int) -> Message:
    """One event; its id is its number."""
    at = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    return Message(
        f"c-{number % 3}", TYPES[number % 3], b'{"queue":"q"}', str(number), "/acme/intake", time=at
    )


@asynccontextmanager
async def recorded(store: Path, count: int) -> AsyncIterator[tuple[NatsServer, Operator]]:
    """A server with a centre whose log holds this many events."""
    async with NatsServer.start(store) as server, Operator(server.url) as client:
        await centres.add(client.connection, CENTRE, PLAIN)
        await record(client, 1, count)
        yield server, client


async def tailed(server: NatsServer, *words: str) -> list[str]:
    """The ids that a tail with these options shows; it must end by itself."""
    words = ("tail", "-c", CENTRE, "--nats", server.url, "--json", *words)
    answer = await asyncio.to_thread(typed, *words)
    assert (answer.code, answer.err) == (0, "")
    return [line["id"] for line in answer.lines]


async def test_where_it_begins_and_what_it_lets_through(tmp_path: Path) -> None:
    """--all, --last, --since, --count, --type, --service and --call, alone and together."""
    async with recorded(tmp_path, 700) as (server, client):
        assert await tailed(server, "--count", "10") == [str(n) for n in range(691, 701)]
        assert await tailed(server, "--all", "--count", "4") == ["acme-1", "acme-2", "1", "2"]
        assert await tailed(server, "--last", "2", "--count", "2") == ["699", "700"]
        assert await tailed(server, "--last", "3", "--call", "c-1", "--count", "3") == ["694", "697", "700"]
        assert await tailed(server, "--last", "1", "--type", "call.o*", "--count", "1") == ["699"]
        assert await tailed(server, "--last", "1", "--type", "centre.*", "--count", "1") == ["acme-1"]
        assert await tailed(server, "--all", "--service", "intake", "--count", "1") == ["1"]
        assert await tailed(server, "--since", "1h", "--count", "3") == ["acme-1", "acme-2", "1"]
        await asyncio.sleep(0.01)
        now = datetime.now(UTC).isoformat()
        await record(client, 701, 705)
        assert await tailed(server, "--since", now, "--count", "5") == [str(n) for n in range(701, 706)]


async def test_a_line_for_the_eye_says_when_who_what_and_about_whom(tmp_path: Path) -> None:
    """Time, service, type, id and short facts, without a colour where there is no terminal."""
    async with recorded(tmp_path, 1) as (server, _):
        words = ("tail", "-c", CENTRE, "--nats", server.url, "--last", "1", "--count", "1")
        answer = await asyncio.to_thread(typed, *words)
        assert answer.out == "2026-03-02 08:00:00.000  intake   call.answered          c-1  queue=q\n"


async def test_a_tail_comes_through_a_restart_without_a_gap_or_a_repeat(tmp_path: Path) -> None:
    """The server is killed and started again under a tail, twice; every event is shown once, in order."""
    async with recorded(tmp_path, 5) as (server, client):
        process = await started(server, "--all")
        assert [await shown(process) for _ in range(7)][2:] == [str(n) for n in range(1, 6)]
        for first in (6, 11):
            server.kill()
            await server.restart()
            await until(lambda: client.connection.is_connected)
            await record(client, first, first + 4)
            assert [await shown(process) for _ in range(5)] == [str(n) for n in range(first, first + 5)]
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 20)
        assert (process.returncode, out, err) == (0, b"", b"")


async def test_only_what_is_new(tmp_path: Path) -> None:
    """--new shows nothing of what was recorded before it began."""
    async with recorded(tmp_path, 5) as (server, client):
        process = await started(server, "--new")
        js, following = client.connection.jetstream(), list[object]()
        for _ in range(3000):  # until the tail has its consumer
            following = await js.consumers_info(registry.log_stream(CENTRE)) or following
            if following:
                break
            await asyncio.sleep(0.02)
        await record(client, 6, 6)
        assert await shown(process) == "6"
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_a_reader_that_does_not_read_holds_up_nothing_but_itself(tmp_path: Path) -> None:
    """Unread, a tail waits, loses nothing, and ends when it is told to."""
    async with recorded(tmp_path, 1000) as (server, client):
        process = await started(server, "--all")
        assert process.stdout
        assert await shown(process) == "acme-1"
        process.stdout._transport.pause_reading()  # type: ignore[attr-defined]
        await record(client, 1001, 2000)
        await asyncio.sleep(1)
        process.stdout._transport.resume_reading()  # type: ignore[attr-defined]
        assert [await shown(process) for _ in range(2001)][1:] == [str(n) for n in range(1, 2001)]
        process.stdout._transport.pause_reading()  # type: ignore[attr-defined]
        await record(client, 2001, 3000)
        await asyncio.sleep(1)
        process.send_signal(signal.SIGINT)
        await until(lambda: process.returncode is not None)
        process.stdout._transport.resume_reading()  # type: ignore[attr-defined]
        assert await asyncio.wait_for(process.wait(), 20) == 0


async def started(server: NatsServer, *words: str) -> Process:
    """A tail in a process of its own."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "centralita.cli", "tail", "-c", CENTRE, "--json", *words),
        stdout=PIPE,
        stderr=PIPE,
        env=environment(CENTRALITA_NATS=server.url),
    )


async def shown(process: Process) -> str:
    """The id of the next event that a tail shows."""
    assert process.stdout
    line = await asyncio.wait_for(process.stdout.readline(), 40)
    return str(json.loads(line)["id"])
