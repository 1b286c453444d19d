"""A stream on a real server: appends as a prefix, following without gap or repeat, a full disk, poison."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from nats.js.api import DiscardPolicy, StreamConfig

from centralita.server import NatsServer
from contracts import registry
from eventlog import append, errors
from eventlog.client import Connection
from eventlog.codec import Message
from eventlog.memory import TERM
from eventlog.stream import Raw, Settings, Stream
from tests.eventlog.instances import (
    CENTRE,
    calls,
    expected,
    instance,
    opened,
    recorded,
    records,
    told,
    until,
)
from tests.eventlog.proxy import Proxy


async def ignored(error: Exception) -> None:
    """Lost connections are part of the tests."""


@asynccontextmanager
async def stream_on(server: NatsServer, *, reconnect: bool = False, **config: Any) -> AsyncIterator[Stream]:
    """An empty stream of one's own, `<name>.>`, through a connection of its own."""

    connection, name = Connection(), f"s{uuid4().hex[:8]}"
    attempts = {"max_reconnect_attempts": -1, "reconnect_time_wait": 0.1} if reconnect else {}
    await connection.connect(server.url, allow_reconnect=reconnect, error_cb=ignored, **attempts)
    try:
        common = StreamConfig(name=name, subjects=[f"{name}.>"], allow_atomic=True, allow_direct=True)
        await connection.jetstream().add_stream(common.evolve(**config))
        yield Stream(connection, name)
    finally:
        await connection.close()


def event(stream: Stream, subject: str, data: bytes = b"{}") -> tuple[str, Message]:
    """Something to append."""
    return f"{stream.name}.{subject}", Message(subject, "happened", data, uuid4().hex, "/test")


async def everything(stream: Stream) -> list[Raw]:
    """What the stream holds."""
    until = await stream.last_sequence()
    return [raw async for part in stream.read([f"{stream.name}.>"], 0, until) for raw in part]


async def test_a_limit_that_is_set_meanwhile_is_heeded(
    log_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a stream is given a limit as it is written to, nothing is stored behind a message that had no room."""
    monkeypatch.setattr(append, "_KNOWN", 0.0, raising=False)
    async with stream_on(log_server, discard=DiscardPolicy.NEW) as stream:
        await stream.append([event(stream, "a"), event(stream, "b")])
        js = stream.connection.jetstream()
        await js.update_stream((await js.stream_info(stream.name)).config, max_bytes=3000)
        with pytest.raises(errors.Full):
            await stream.append([event(stream, "c"), event(stream, "d", b"x" * 5000), event(stream, "e")])
        assert [raw.seq for raw in await everything(stream)] == [1, 2]


async def test_what_is_lost_on_a_broken_link_is_read_after_all(log_server: NatsServer) -> None:
    """Messages that were on their way when the link broke are missed, and read again, while all else is quiet."""
    async with stream_on(log_server) as stream:
        with Proxy(log_server.port) as proxy:
            connection = Connection()
            await connection.connect(
                proxy.url, max_reconnect_attempts=-1, reconnect_time_wait=0.1, error_cb=ignored
            )
            found: list[int] = []
            following = Stream(connection, stream.name, Settings(heartbeat=0.2)).follow(
                [f"{stream.name}.>"], 0
            )

            async def read() -> None:
                async for part in following:
                    found.extend(raw.seq for raw in part)

            reading = asyncio.create_task(read())
            await stream.append([event(stream, "a")])
            async with asyncio.timeout(10):
                while found != [1]:
                    await asyncio.sleep(0.02)
                proxy.cut, proxy.on_message = True, lambda: False
                await stream.append([event(stream, "a") for _ in range(5)])
                while found != [1, 2, 3, 4, 5, 6]:
                    await asyncio.sleep(0.02)
            reading.cancel()
            await connection.close()


@pytest.mark.parametrize("number", [1, 2, 23, 24, 1000, 1001, 2500])
async def test_appends_keep_their_order(log_server: NatsServer, number: int) -> None:
    """However many are appended at once, they are there in this order, at the sequences returned."""
    async with stream_on(log_server) as stream:
        messages = [event(stream, f"a{n % 7}", b"%d" % n) for n in range(number)]
        sequences = await stream.append(messages)
        found = await everything(stream)
        assert [raw.seq for raw in found] == sequences == list(range(1, number + 1))
        assert [raw.message().id for raw in found] == [message.id for _, message in messages]


async def test_an_expected_sequence_guards_all_of_an_append(log_server: NatsServer) -> None:
    """One expectation that does not hold refuses the whole append; if all hold, all is there."""
    async with stream_on(log_server) as stream:
        subjects = [f"{stream.name}.{name}" for name in ("a", "b", "c")]
        await stream.append([event(stream, "b")])
        messages = [event(stream, name) for name in ("a", "b", "c", "b")]
        with pytest.raises(errors.Conflict):
            await stream.append(messages, expected=dict.fromkeys(subjects, 0))
        assert await stream.last_sequence() == 1
        assert await stream.append(messages, expected=dict(zip(subjects, (0, 1, 0), strict=True))) == [
            2,
            3,
            4,
            5,
        ]


async def test_what_is_too_large_is_refused_before_anything_is_sent(log_server: NatsServer) -> None:
    """Whether the server's limit or the stream's is passed, nothing of the append is stored."""
    async with stream_on(log_server, max_msg_size=5000) as stream:
        for large in (b"x" * 5000, b"x" * (2 << 20)):
            with pytest.raises(errors.TooLarge):
                await stream.append([event(stream, "a"), event(stream, "b", large), event(stream, "c")])
            with pytest.raises(errors.TooLarge):
                await stream.append([event(stream, "b", large)])
        assert await stream.last_sequence() == 0


@pytest.mark.parametrize("number", [3, 12, 40])
async def test_where_there_is_no_room_nothing_of_an_append_is_stored(
    log_server: NatsServer, number: int
) -> None:
    """A limited stream takes no small event behind a large one that it refused."""
    async with stream_on(log_server, max_bytes=64_000, discard=DiscardPolicy.NEW) as stream:
        await stream.append([event(stream, "a", b"x" * 40_000)])
        sizes = [100] * (number // 2) + [30_000] + [100] * (number // 2)
        with pytest.raises(errors.Declined, match="maximum bytes"):
            await stream.append([event(stream, f"b{n}", b"x" * size) for n, size in enumerate(sizes)])
        assert await stream.last_sequence() == 1
        await stream.append([event(stream, "c"), event(stream, "d")])


async def test_a_gap_is_never_passed_over(log_server: NatsServer) -> None:
    """Should a server refuse one of several in flight and take a later one, that is an error of its own."""
    odd = {"max_msgs_per_subject": 1, "discard": DiscardPolicy.NEW, "discard_new_per_subject": True}
    async with stream_on(log_server, **odd) as stream:
        await stream.append([event(stream, "b")])
        with pytest.raises(errors.Corrupt, match="behind one that it refused"):
            await stream.append([event(stream, name) for name in ("a", "b", "c")])


async def test_no_more_bytes_are_under_way_than_the_window_has(log_server: NatsServer) -> None:
    """Large messages come few at a time, however many a reader may have; all of them come, in order."""
    async with stream_on(log_server) as stream:
        for number in range(40):
            await stream.append([event(stream, f"a{number}", b"x" * 100_000)])
        narrow = Stream(stream.connection, stream.name, Settings(window_bytes=500_000))
        parts = [part async for part in narrow.read([f"{stream.name}.>"], 0, 40)]
        assert [raw.seq for part in parts for raw in part] == list(range(1, 41))
        assert max(map(len, parts)) <= 10


async def test_reading_ends_by_itself(log_server: NatsServer) -> None:
    """A read of a subject ends at its last message before the end asked for, also when there is none."""
    async with stream_on(log_server) as stream:
        await stream.append([event(stream, name) for name in ("a", "b", "a", "b", "b")])

        async def read(subject: str, after: int, until: int) -> list[int]:
            parts = stream.read([f"{stream.name}.{subject}"], after, until)
            return [raw.seq async for part in parts for raw in part]

        async with asyncio.timeout(3):
            assert await read("a", 0, 5) == [1, 3]
            assert await read("a", 0, 2) == [1]
            assert await read("a", 3, 5) == await read("none", 0, 5) == await read("a", 5, 5) == []
            assert await read(">", 1, 4) == [2, 3, 4]
        by_subject = await stream.read_subject(f"{stream.name}.b")
        assert [raw.seq for raw in by_subject] == [2, 4, 5]
        assert [raw.seq for raw in await stream.read_subject(f"{stream.name}.b", 4)] == [5]
        assert await stream.read_subject(f"{stream.name}.none") == []
        assert await stream.existing([f"{stream.name}.{name}" for name in "abc"]) == {
            f"{stream.name}.a",
            f"{stream.name}.b",
        }


async def test_a_long_subject_is_read_whole(log_server: NatsServer) -> None:
    """1,200 events of one subject among others come in order and once, also where replicas may be behind."""
    async with stream_on(log_server) as stream:
        await stream.append([event(stream, "ab"[n % 2]) for n in range(2400)])
        for settings in (stream.settings, replace(stream.settings, replicated=True)):
            stream.settings = settings
            found = await stream.read_subject(f"{stream.name}.a")
            assert [raw.seq for raw in found] == list(range(1, 2400, 2))


async def test_purging_a_subject_leaves_the_others(log_server: NatsServer) -> None:
    """What goes is what is below the sequence and under the subject."""
    async with stream_on(log_server) as stream:
        await stream.append([event(stream, name) for name in ("a.1", "b.1", "a.2", "b.2", "a.3")])
        await stream.purge(f"{stream.name}.a.>", 4)
        assert [raw.seq for raw in await everything(stream)] == [2, 4, 5]
        await stream.purge(f"{stream.name}.a.>", 1)
        assert len(await everything(stream)) == 3


async def _follow(stream: Stream, into: list[int]) -> None:
    while True:
        try:
            async for part in stream.follow([f"{stream.name}.>"], into[-1] if into else 0):
                into += [raw.seq for raw in part]
        except errors.LogError:
            await asyncio.sleep(0.1)


async def test_a_consumer_that_is_lost_is_replaced(log_server: NatsServer) -> None:
    """Whoever follows misses nothing and sees nothing twice, though its consumer is deleted under way."""
    async with stream_on(log_server) as stream:
        found: list[int] = []
        following = asyncio.create_task(_follow(stream, found))
        for _ in range(4):
            await stream.append([event(stream, "a") for _ in range(3000)])
            await until(lambda: len(found) > 500)
            js = stream.connection.jetstream()
            for consumer in await js.consumers_info(stream.name):
                await js.delete_consumer(stream.name, consumer.name)
        await stream.append([event(stream, "a")])
        await until(lambda: len(found) >= 12_001, 20)
        following.cancel()
        assert found == list(range(1, 12_002))


async def test_a_server_that_restarts_is_followed_on(tmp_path: Path) -> None:
    """Over a connection that comes back, neither a gap nor a repeat."""
    async with NatsServer.start(tmp_path) as server, stream_on(server, reconnect=True) as stream:
        stream.settings = replace(stream.settings, heartbeat=0.3)
        found: list[int] = []
        following = asyncio.create_task(_follow(stream, found))
        for turn in range(1, 4):
            await stream.append([event(stream, "a") for _ in range(100)])
            await until(lambda: len(found) > 0)
            server.kill()
            await server.restart()
            await until(lambda: stream.connection.is_connected)
            await stream.append([event(stream, "a") for _ in range(100)])
            await until(lambda turn=turn: len(found) >= 200 * turn, 15)
        following.cancel()
        assert found == list(range(1, 601))


@pytest.mark.parametrize(
    ("subject", "headers"),
    [
        (b"a", b"NATS/1.0\r\nStatus: 404\r\n\r\n"),
        (b"a", b"NATS/1.0 409 Consumer Deleted\r\nce-id: 1\r\n\r\n"),
        (b"a", b"NATS/1.0"),
        (b"a", b"NATS/1.0\r\n"),
        (b"a", b"garbage garbage"),
        (b"a", b"NATS/1.0\r\n\xff\xfe: \xff\r\n\r\n"),
        (b"\xff\xfe", b"NATS/1.0\r\n\r\n"),
    ],
)
async def test_no_message_stops_a_reader(log_server: NatsServer, subject: bytes, headers: bytes) -> None:
    """What others publish raw, with headers or a subject that cannot be read, comes like everything else."""
    async with stream_on(log_server) as stream:
        with socket.create_connection(("127.0.0.1", log_server.port)) as raw:
            raw.sendall(b'CONNECT {"verbose":false,"headers":true}\r\n')
            to = stream.name.encode() + b"." + subject
            raw.sendall(b"HPUB %s %d %d\r\n%s{}\r\nPING\r\n" % (to, len(headers), len(headers) + 2, headers))
            while b"PONG" not in raw.recv(4096):
                pass
        await stream.append([event(stream, "b")])
        found: list[int] = []
        following = asyncio.create_task(_follow(stream, found))
        await until(lambda: len(found) == 2, 3)
        following.cancel()
        assert found == [1, 2]


async def test_a_full_log_is_one_clear_error_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """A service whose stream is full says so; given room, it goes on, and its log is as if it had had it."""
    async with NatsServer.start(tmp_path) as server, opened(server.url, max_bytes=60_000) as client:
        await client.publish(CENTRE, calls(60))
        wanted = await expected(client)
        async with instance(server.url) as runner:
            await until(lambda: "maximum bytes" in runner.failure)
            await asyncio.sleep(0.5)
            before = told(await recorded(client))
            assert before == wanted[: len(before)]
            assert len(before) < len(wanted)
            js, name = client.connection.jetstream(), registry.log_stream(CENTRE)
            config = (await js.stream_info(name)).config
            await js.update_stream(config.evolve(max_bytes=10_000_000))
            await records(client, len(wanted))
            assert told(await recorded(client)) == wanted


@pytest.mark.parametrize(("number", "room"), [(4, 0), (16, 1), (40, 1), (300, 4)])
async def test_a_full_disk_is_survived(tmp_path: Path, number: int, room: int) -> None:
    """A server that runs out of room in mid-commit leaves a prefix; given room, the service goes on."""
    async with (
        NatsServer.start(tmp_path, max_file_store=4 << 20) as server,
        opened(server.url) as client,
        stream_on(server) as filler,
    ):
        await client.publish(CENTRE, calls(number))
        wanted = await expected(client)
        for size in (20_000, 500):  # to the brim, so that there is as much room as is made
            with suppress(errors.Declined):
                while True:
                    await filler.append([event(filler, "a", b"x" * size)])
        await filler.purge(f"{filler.name}.>", 1 + room)
        async with instance(server.url) as runner:
            await until(lambda: "insufficient resources" in runner.failure, 15)
            before = told(await recorded(client))
            assert before == wanted[: len(before)]
            assert bool(before) == bool(room)
            await filler.connection.jetstream().delete_stream(filler.name)
            await records(client, len(wanted))
            assert told(await recorded(client)) == wanted
            assert {m.name for m in await recorded(client) if m.aggregate == TERM} == {"term.taken"}
