"""What is written at speed is what nats-py would write, and who waits for an answer learns what becomes of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from nats.aio.msg import Msg
from nats.errors import BadSubjectError, ConnectionClosedError, MaxPayloadError, NoRespondersError

from centralita.server import NatsServer
from eventlog import errors
from eventlog.client import Connection
from eventlog.codec import Message, headers_of
from eventlog.inputs import end
from tests.eventlog.instances import until
from tests.eventlog.test_stream import stream_on

FULL = Message(
    "c 1", "call.ringing", b'{"a":1}', "id 1", "/test", 2, 7, datetime(2026, 3, 2, 7, tzinfo=UTC), "cause", "/phone",
    (2, 3), 4, 5, 6, 'eva "é"', "00-" + "1" * 32 + "-" + "2" * 16 + "-01", "", 8, "mended",
)  # fmt: skip


@pytest.mark.parametrize("message", [FULL, Message("", "n", b"", "i", "s")])
async def test_the_same_bytes_are_stored(log_server: NatsServer, message: Message) -> None:
    """The header block and data of an event are those that nats-py makes of its headers, and read back they are it."""
    async with stream_on(log_server) as stream:
        subject = f"{stream.name}.c-1"
        await stream.append([(subject, message)])
        await stream.connection.request(subject, message.data, headers=headers_of(message))
        ours, theirs = await stream.get(1), await stream.get(2)
    assert ours
    assert theirs
    assert (ours.block, ours.data) == (theirs.block, theirs.data)
    assert ours.message() == theirs.message()._replace(seq=1, stored=ours.stored)


async def test_many_megabytes_are_one_batch(log_server: NatsServer) -> None:
    """A commit that is sent in several pieces is stored whole and in order."""
    async with stream_on(log_server) as stream:
        data = [b"%d " % number * 100_000 for number in range(30)]
        events = [(f"{stream.name}.{number}", FULL._replace(data=each)) for number, each in enumerate(data)]
        assert await stream.append(events, atomic=True) == list(range(1, 31))
        parts = [part async for part in stream.read([f"{stream.name}.>"], 0, 30)]
    assert [raw.data for part in parts for raw in part] == data


async def test_what_could_not_be_sent_is_refused(log_server: NatsServer) -> None:
    """A subject that would be two words, data larger than the server takes, a subject that nobody listens on."""
    async with stream_on(log_server) as stream:
        send, answers = stream.connection.send, stream.connection.answers
        for subject in ("a b", "a\r\nPUB b 0\r\n", ""):
            with pytest.raises(BadSubjectError):
                await send([(subject, "", b"", b"")])
        with pytest.raises(MaxPayloadError):
            await send([("a", "", b"", b"x" * (stream.connection.max_payload + 1))])
        with pytest.raises(NoRespondersError):
            await answers.to(("nobody.listens", b"", b""), 5)
    with pytest.raises(ConnectionClosedError):
        await send([("a", "", b"", b"")])


async def test_who_waits_is_told_that_the_connection_was_closed(log_server: NatsServer) -> None:
    """At once, and not when patience ends; and nothing of it is kept."""
    async with stream_on(log_server) as stream:

        async def silent(message: object) -> None:
            """No answer."""

        connection = stream.connection
        await connection.subscribe("silence", cb=silent)
        waiting = asyncio.ensure_future(connection.answers.to(("silence", b"", b""), 60))
        await connection.flush()
        await connection.close()
        async with asyncio.timeout(10):
            with pytest.raises(ConnectionClosedError):
                await waiting
            with pytest.raises(errors.Unavailable):
                await stream.append([(f"{stream.name}.c-1", FULL)])
    assert not connection.answers._open


async def test_an_answer_under_no_number_is_nobodys(log_server: NatsServer) -> None:
    """Whatever is published to the inbox of answers, those who ask get theirs."""
    async with stream_on(log_server) as stream:
        connection = stream.connection

        async def meddle(message: Msg) -> None:
            await connection.publish(f"{message.reply.rpartition('.')[0]}.x", b"not yours")
            await connection.flush()
            await message.respond(b"yours")

        await connection.subscribe("ask", cb=meddle)
        for _ in range(2):
            assert await connection.answers.to(("ask", b"", b""), 5) == b"yours"


async def test_who_waits_learns_of_a_loss_with_much_unsent() -> None:
    """Whoever waits for an answer is told that the connection is lost, also where closing it fails."""
    told: list[asyncio.StreamWriter] = []

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told.append(writer)
        writer.write(b'INFO {"server_id":"x","headers":true,"max_payload":67108864}\r\n')
        while not (await reader.readline()).startswith(b"PING"):
            pass
        writer.write(b"PONG\r\n")

    async def ignored(error: Exception) -> None:
        """It is lost on purpose."""

    server = await asyncio.start_server(deaf, "127.0.0.1")
    connection = Connection()
    url = f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await connection.connect(url, allow_reconnect=False, max_reconnect_attempts=1, error_cb=ignored)
    waiting = asyncio.create_task(connection.answers.to(("a", b"", b""), 5))

    async def fill() -> None:
        with suppress(ConnectionClosedError):
            for _ in range(40):
                await connection.send([("a", "", b"", bytes(1_000_000))] * 2)
                await asyncio.sleep(0.01)

    filling = asyncio.create_task(fill())
    await until(lambda: connection.pending_data_size)
    told[0].transport.abort()
    with pytest.raises(ConnectionClosedError):
        await waiting
    await end(filling)
    server.close()
