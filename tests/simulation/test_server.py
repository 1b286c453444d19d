"""One specification, two servers: the one in memory does what nats-server does, as far as the log rests on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from nats.js.api import DiscardPolicy, StreamConfig

from centralita.server import NatsServer
from eventlog import errors
from eventlog.codec import Message
from eventlog.stream import Raw, Settings, Stream, streams
from tests.eventlog.conftest import log_server  # noqa: F401  a fixture
from tests.eventlog.instances import until
from tests.eventlog.test_stream import event, everything, stream_on
from tests.simulation.server import Server
from tests.simulation.wire import Weather, Wire

Opened = Callable[..., AbstractAsyncContextManager[Stream]]
BATCH = {"Nats-Batch-Id": "b"}


@asynccontextmanager
async def in_memory(**config: Any) -> AsyncIterator[Stream]:
    """An empty stream of one's own in memory, `<name>.>`."""
    server = Server(asyncio.get_running_loop(), lambda: datetime.now(UTC))
    connection, name = Wire(server, Random(1), Weather(), "test"), f"s{uuid4().hex[:8]}"
    common = StreamConfig(name=name, subjects=[f"{name}.>"], allow_atomic=True, allow_direct=True)
    await connection.jetstream().add_stream(common.evolve(**config))
    yield Stream(connection, name)  # type: ignore[arg-type]
    await connection.close()


@pytest.fixture(params=["memory", "nats-server"])
def opened(request: pytest.FixtureRequest) -> Opened:
    """Opens streams on the one or the other."""
    if request.param == "memory":
        return in_memory
    server: NatsServer = request.getfixturevalue("log_server")
    return partial(stream_on, server)


async def answered(
    stream: Stream, subject: str, headers: dict[str, str], data: bytes = b"{}"
) -> dict[str, Any]:
    """What the server answers to a message."""
    reply = await stream.connection.request(f"{stream.name}.{subject}", data, timeout=5, headers=headers)
    answer: dict[str, Any] = json.loads(reply.data)
    return answer


@pytest.mark.parametrize("number", [1, 23, 24, 1001])
async def test_appends_keep_their_order(opened: Opened, number: int) -> None:
    """However many are appended at once, they are there in this order, at the sequences returned."""
    async with opened() as stream:
        messages = [event(stream, f"a{n % 7}", b"%d" % n) for n in range(number)]
        sequences = await stream.append(messages)
        found = await everything(stream)
        assert [raw.seq for raw in found] == sequences == list(range(1, number + 1))
        assert [raw.message().id for raw in found] == [message.id for _, message in messages]


async def test_expected_sequences(opened: Opened) -> None:
    """An expectation that does not hold refuses all of an append, of a subject, another one or a wildcard."""
    async with opened() as stream:
        await stream.append([event(stream, "b")])
        both = [event(stream, name) for name in ("a", "b")]
        subjects = [f"{stream.name}.{name}" for name in ("a", "b")]
        with pytest.raises(errors.Conflict):
            await stream.append(both, expected=dict.fromkeys(subjects, 0))
        assert await stream.append(both, expected=dict(zip(subjects, (0, 1), strict=True))) == [2, 3]
        for number in (1, 3, 30):
            several = [event(stream, "c") for _ in range(number)]
            with pytest.raises(errors.Conflict, match="wrong last sequence"):
                await stream.append(several, fence=(subjects[0], 1))
        assert await stream.append([event(stream, "c")], fence=(subjects[0], 2)) == [4]
        expected = {"Nats-Expected-Last-Subject-Sequence": "3"}
        above = expected | {"Nats-Expected-Last-Subject-Sequence-Subject": f"{stream.name}.>"}
        refused = (await answered(stream, "d", above))["error"]
        assert (refused["err_code"], refused["description"]) == (10071, "wrong last sequence: 4")


async def test_a_batch_is_all_or_nothing(opened: Opened) -> None:
    """Parts are not there before the last one; what lacks a part is refused, and what was refused is forgotten."""
    async with opened() as stream:
        first, last = BATCH | {"Nats-Batch-Sequence": "1"}, BATCH | {"Nats-Batch-Sequence": "2"}
        commit = last | {"Nats-Batch-Commit": "1"}
        await stream.connection.publish(f"{stream.name}.a", b"1", headers=first)
        assert await stream.last_sequence() == 0
        answer = await answered(stream, "a", commit)
        assert (answer["seq"], answer["batch"], answer["count"]) == (2, "b", 2)
        assert (await answered(stream, "a", commit))["error"]["err_code"] == 10176
        await stream.connection.publish(f"{stream.name}.a", b"1", headers=first)
        third = BATCH | {"Nats-Batch-Sequence": "3", "Nats-Batch-Commit": "1"}
        assert (await answered(stream, "a", third))["error"]["err_code"] == 10176
        assert await stream.last_sequence() == 2


async def test_a_message_id_is_known_for_a_while(opened: Opened) -> None:
    """A message published again under its id is acknowledged as a repeat, and not stored."""
    async with opened() as stream:
        one = await answered(stream, "a", {"Nats-Msg-Id": "1"})
        two = await answered(stream, "a", {"Nats-Msg-Id": "1"})
        assert (one["seq"], two["seq"], two["duplicate"]) == (1, 1, True)
        assert await stream.last_sequence() == 1


async def test_limits(opened: Opened) -> None:
    """What is too large, or has no room, is refused whole."""
    async with opened(max_msg_size=5000) as stream:
        refused = (await answered(stream, "a", {}, b"x" * 5001))["error"]
        assert refused["err_code"] == 10054
        with pytest.raises(errors.TooLarge):
            await stream.append([event(stream, "a"), event(stream, "b", b"x" * 5000)])
        assert await stream.last_sequence() == 0
    async with opened(max_bytes=64_000, discard=DiscardPolicy.NEW) as stream:
        await stream.append([event(stream, "a", b"x" * 40_000)])
        with pytest.raises(errors.Declined, match="maximum bytes"):
            await stream.append(
                [event(stream, name, b"x" * size) for name, size in (("a", 9), ("b", 30_000))]
            )
        assert await stream.last_sequence() == 1


async def test_reading(opened: Opened) -> None:
    """By subject, wildcard, sequence, pages; what is not there is told from what is."""
    async with opened() as stream:
        await stream.append([event(stream, name) for name in ("a", "b", "a", "b", "b")])

        def seqs(raws: list[Raw]) -> list[int]:
            return [raw.seq for raw in raws]

        async def read(subject: str, after: int, until: int) -> list[int]:
            return [
                seq
                async for part in stream.read([f"{stream.name}.{subject}"], after, until)
                for seq in seqs(part)
            ]

        assert [await read("a", 0, 5), await read("a", 3, 5), await read("none", 0, 5)] == [[1, 3], [], []]
        assert await read(">", 1, 4) == [2, 3, 4]
        assert seqs(await stream.read_subject(f"{stream.name}.b")) == [2, 4, 5]
        assert seqs(await stream.read_subject(f"{stream.name}.b", 4)) == [5]
        assert await stream.read_subject(f"{stream.name}.none") == []
        pages = [await stream.page(f"{stream.name}.{name}", 0, 2) for name in ("b", ">", "none")]
        assert [seqs(page) for page in pages] == [[2, 4], [1, 2], []]
        assert [raw.pending for raw in pages[0]] == [2, 1]
        names = [f"{stream.name}.{name}" for name in "abc"]
        assert await stream.existing(names) == set(names[:2])
        assert await stream.existing(names[2:]) == set()
        last, third = await stream.last(f"{stream.name}.*"), await stream.get(3)
        following = await stream.first_after(names[1], 2)
        assert last
        assert third
        assert following
        assert (last.seq, third.subject, following.seq) == (5, names[0], 4)
        assert (third.message().name, third.data, third.stored.tzinfo) == ("happened", b"{}", UTC)
        assert [await stream.last(names[2]), await stream.get(9), await stream.first_after(names[0], 3)] == [
            None
        ] * 3


async def test_removing(opened: Opened) -> None:
    """A purge takes what is below a sequence under a subject, a removal one message; sequences go on."""
    async with opened() as stream:
        await stream.append([event(stream, name) for name in ("a.1", "b.1", "a.2", "b.2", "a.3")])
        await stream.purge(f"{stream.name}.a.>", 4)
        await stream.remove(4)
        assert [raw.seq for raw in await everything(stream)] == [2, 5]
        with pytest.raises(errors.Declined):
            await stream.remove(4)
        await stream.purge(f"{stream.name}.>", 0)
        assert await everything(stream) == []
        assert await stream.append([event(stream, "a")]) == [6]
        assert await stream.append([event(stream, "b")], expected={f"{stream.name}.b": 0}) == [7]


async def test_following(opened: Opened) -> None:
    """Over small windows, filters and consumers that are deleted nothing is missed, and nothing comes twice."""
    async with opened() as stream:
        stream.settings = Settings(window=10, heartbeat=0.3)
        found: list[int] = []

        async def follow() -> None:
            async for part in stream.follow([f"{stream.name}.a.>", f"{stream.name}.b.>"], 2):
                found.extend(raw.seq for raw in part)

        following = asyncio.create_task(follow())
        for turn in range(1, 4):
            await stream.append([event(stream, f"{name}.{turn}") for name in "abc" for _ in range(20)])
            await until(lambda turn=turn: len(found) == 40 * turn - 2)
            js = stream.connection.jetstream()
            for consumer in await js.consumers_info(stream.name):
                await js.delete_consumer(stream.name, consumer.name)
        await asyncio.sleep(0.7)
        await stream.append([event(stream, "a.x")])
        await until(lambda: len(found) == 119)
        following.cancel()
        assert found == [seq for seq in range(3, 182) if (seq - 1) % 60 < 40]


async def test_what_is_not_there(opened: Opened) -> None:
    """A stream that does not exist, and a subject that nobody stores, are told at once."""
    async with opened() as stream:
        assert stream.name in await streams(stream.connection)
        nowhere = Stream(stream.connection, "nowhere")
        with pytest.raises(errors.NoStream):
            await nowhere.last_sequence()
        for number in (1, 2):
            message = Message("x", "happened", b"{}", uuid4().hex, "/test")
            with pytest.raises(errors.NoStream):
                await nowhere.append([("nowhere.x", message)] * number)
