"""What a loop reads reaches its read model once and in order, whatever of it was dropped or came too early."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from centralita.operating import Operator
from centralita.server import NatsServer
from contracts.examples import examples
from contracts.registry import decode, recorded_types
from eventlog import feed as feeding
from eventlog.codec import Message
from eventlog.feed import Feed
from eventlog.readers import Readers
from eventlog.stream import Raw
from eventlog.view import Reading
from services.sla.app import SERVICE as SLA
from services.tickets.app import SERVICE as TICKETS
from tests.eventlog.instances import CENTRE, calls, expected, instance, opened, records, until
from tests.unit.given import START

SUBJECTS = [f"log.{CENTRE}.intake.>"]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Operator]:
    """A client of a server where intake has recorded what comes of some calls."""
    async with NatsServer.start(tmp_path / "server") as server, opened(server.url) as client:
        await client.publish(CENTRE, calls(10))
        wanted = await expected(client)
        async with instance(client.url):
            await records(client, len(wanted))
        yield client


async def stored(client: Operator, subjects: list[str]) -> list[Raw]:
    """All that the log has under these."""
    log = client.log(CENTRE)
    return [raw async for part in log.read(subjects, 0, await log.last_sequence()) for raw in part]


@pytest.mark.parametrize("most", [0, 3, 1000])
@pytest.mark.parametrize("start", [0, 7])
@pytest.mark.parametrize("begin", [2, 9])
async def test_all_arrives_once_and_in_order(
    client: Operator, monkeypatch: pytest.MonkeyPatch, most: int, start: int, begin: int
) -> None:
    """Behind its own position, whether the loop began before or after it, and however much was dropped meanwhile."""
    monkeypatch.setattr(feeding, "_MOST", most)
    feed, log = Feed(), client.log(CENTRE)
    everything, wanted = await stored(client, [f"log.{CENTRE}.>"]), await stored(client, SUBJECTS)
    last, found, position = everything[-1].seq, list[Raw](), start
    feed.begin(begin)
    for at in range(begin, len(everything), 2):
        feed.offer(everything[at : at + 2])
    async with asyncio.timeout(10), aclosing(feed.parts(log, SUBJECTS, start)) as parts:  # type: ignore[type-var]
        async for reached, part in parts:
            assert all(position < raw.seq <= reached for raw in part)
            position, found = reached, found + part
            if reached >= last:
                break
    assert [raw.seq for raw in found] == [raw.seq for raw in wanted if raw.seq > start]


async def test_it_ends_with_the_loop(client: Operator) -> None:
    """When the loop's session is over the parts end; while there was none the log itself is looked at."""
    feed, log, last = Feed(), client.log(CENTRE), await client.log(CENTRE).last_sequence()
    positions = []
    async with asyncio.timeout(10):
        async for reached, _ in feed.parts(log, SUBJECTS, 0):
            positions.append(reached)
            if reached == last:
                feed.begin(last)
                asyncio.get_running_loop().call_later(0.01, feed.end)
    assert positions[-1] == last


async def test_nothing_is_held_for_nobody(client: Operator) -> None:
    """A service without a read model keeps nothing of what its loop has read."""
    async with instance(client.url, "routing") as routing:
        end = await client.log(CENTRE).last_sequence()
        await until(lambda: routing.core.log >= end)
        assert not any(it._held for it in gc.get_objects() if isinstance(it, Feed))


@pytest.mark.parametrize("short", [True, False])
async def test_what_takes_long_is_answered_all_the_same(tmp_path: Path, short: bool) -> None:
    """A question said to be short that is not gets its answer too, and none waits for a transaction."""
    path = tmp_path / "some.sqlite"
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("pragma journal_mode = wal")
    database.execute("create table number (n integer)")
    database.execute("begin immediate")
    database.execute("insert into number values (1)")
    readers = Readers(path)
    count = "with recursive up(n) as (select 1 union all select n + 1 from up where n < 100000) select count(*) from up"
    assert await readers.ask(lambda db: db.execute(count).fetchone(), short=short) == (100_000,)
    assert await readers.ask(lambda db: db.execute("select * from number").fetchall(), short=short) == []
    database.execute("commit")
    assert await readers.ask(lambda db: db.execute("select * from number").fetchall(), short=short) == [(1,)]
    readers.close()
    database.close()


@pytest.mark.parametrize("reading", [SLA.reading, TICKETS.reading], ids=lambda reading: reading.name)
def test_what_is_passed_over_changes_nothing(reading: Reading) -> None:
    """The tables are touched by no event that is not even read."""
    database, touched = sqlite3.connect(":memory:", isolation_level=None), list[str]()
    database.executescript(reading.schema)
    database.set_trace_callback(touched.append)
    for name in reading.passes:
        example = next(it for title, it in examples().items() if title.startswith(f"{name}.v"))
        event = decode(
            name, 1, recorded_types()[name].model_validate(example).model_dump_json(by_alias=True).encode()
        )
        reading.apply(database, Message("ticket:1", name, b"", "1", "/", time=START, seq=1), event)
    assert touched == []
    assert len(reading.passes) > 50
