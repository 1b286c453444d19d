"""Read models: what is rebuilt equals what was kept, damage is repaired, a position is waited for."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from centralita.operating import Operator
from centralita.server import NatsServer
from centralita.stack import ALL
from contracts import registry
from eventlog import errors
from eventlog.inputs import end
from eventlog.stream import Raw
from eventlog.view import View
from services.decider import Decider
from tests.eventlog.instances import CENTRE, calls, expected, instance, opened, records, until

SLA = ALL["sla"]
assert SLA.reading
SUBJECTS = [registry.log_subject(CENTRE, name, ">") for name in SLA.reading.services]


def view_of(path: Path | None) -> View:
    """The read model of the figures."""
    assert SLA.reading
    return View(SLA.reading, Decider(SLA, CENTRE), path)


@asynccontextmanager
async def kept(client: Operator, path: Path | None) -> AsyncIterator[View]:
    """A read model that follows the log."""
    view = view_of(path)

    async def run() -> None:
        while True:
            with suppress(errors.LogError):
                await view.run(client.log(CENTRE), SUBJECTS)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(run())
    try:
        yield view
    finally:
        await end(task)
        view.close()


async def lived(client: Operator, number: int, first: int) -> None:
    """Intake records what comes of so many calls."""
    await client.publish(CENTRE, calls(number, first))
    wanted = await expected(client)
    async with instance(client.url):
        await records(client, len(wanted))


async def caught_up(client: Operator, view: View) -> dict[str, list[tuple[Any, ...]]]:
    """What is in the tables once they hold all of the log."""
    log = client.log(CENTRE)
    await view.reached(log, SUBJECTS, await log.last_sequence())
    return view.content()


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Operator]:
    """A client of a server where the centre is open."""
    async with NatsServer.start(tmp_path / "server") as server, opened(server.url) as client:
        yield client


async def test_rebuilt_it_is_the_same(client: Operator, tmp_path: Path) -> None:
    """Kept in parts over several starts, or built at once from nothing: the same rows."""
    path = tmp_path / "figures.sqlite"
    for first in (1, 50, 100):
        await lived(client, 4, first)
        async with kept(client, path) as view:
            rows = await caught_up(client, view)
    async with kept(client, None) as fresh:
        assert await caught_up(client, fresh) == rows
        assert sum(map(len, rows.values())) >= 12


async def test_two_that_keep_one_file_do_not_count_twice(client: Operator, tmp_path: Path) -> None:
    """Two instances with the same file leave it as one would."""
    path = tmp_path / "figures.sqlite"
    async with kept(client, path) as one, kept(client, path) as other:
        await lived(client, 4, 1)
        await lived(client, 4, 50)
        assert await caught_up(client, one) == await caught_up(client, other)
        rows = one.content()
    async with kept(client, None) as fresh:
        assert await caught_up(client, fresh) == rows


async def test_one_that_another_builds_anew_has_no_gap(client: Operator, tmp_path: Path) -> None:
    """What an instance takes in while another one with the same file begins it anew hides nothing from that one."""
    path = tmp_path / "figures.sqlite"
    await lived(client, 4, 1)
    async with kept(client, path) as one:
        await caught_up(client, one)
        _other_schema(path)
        other = view_of(path)
        await lived(client, 4, 50)
        rows = await caught_up(client, one)
        other.close()
    async with kept(client, None) as fresh:
        assert await caught_up(client, fresh) == rows


def test_the_tables_of_another_release_are_left_alone(tmp_path: Path) -> None:
    """An instance whose tables were made differently by another one writes nothing into them."""
    view = view_of(tmp_path / "figures.sqlite")
    _other_schema(tmp_path / "figures.sqlite")
    with pytest.raises(errors.Unavailable, match="anew"):
        view.take([Raw("log.acme.intake.c", b"NATS/1.0\r\nce-type: term.taken\r\n\r\n", b"", 1, 0, 0)])
    view.close()


async def test_who_else_writes_holds_up_nobody_but_the_tables(client: Operator, tmp_path: Path) -> None:
    """While another instance is in a transaction the loop goes on, and the tables follow when that has ended."""
    path = tmp_path / "figures.sqlite"
    await lived(client, 2, 1)
    log, view, other = client.log(CENTRE), view_of(path), sqlite3.connect(path, isolation_level=None)
    parts = [part async for part in log.read(SUBJECTS, 0, await log.last_sequence())]
    other.execute("begin immediate")
    view.feed.begin(0)
    following = asyncio.create_task(view.run(log, SUBJECTS))
    for part in parts:
        view.feed.offer(part)
    asyncio.get_running_loop().call_later(0.3, other.execute, "rollback")
    await view.reached(log, SUBJECTS, parts[-1][-1].seq)
    assert not following.done()
    await end(following)
    view.close()
    other.close()


async def test_what_could_not_be_built_anew_is_when_it_can(client: Operator, tmp_path: Path) -> None:
    """A directory that cannot be written to as a file is built anew ends nothing: it is built when it can be."""
    directory, away = tmp_path / "store", tmp_path / "away"
    await lived(client, 4, 1)
    async with kept(client, directory / "figures.sqlite") as view:
        rows = await caught_up(client, view)
    _other_log(directory / "figures.sqlite")
    view = view_of(directory / "figures.sqlite")
    directory.rename(away)
    with pytest.raises(errors.Unavailable, match="anew"):
        await view.run(client.log(CENTRE), SUBJECTS)
    with pytest.raises(errors.Unavailable, match="unable to open"):
        await view.reached(client.log(CENTRE), SUBJECTS, 1, 0.1)
    away.rename(directory)
    following = asyncio.create_task(view.run(client.log(CENTRE), SUBJECTS))
    assert await caught_up(client, view) == rows
    await end(following)
    view.close()


def _overwrite(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"?" * (len(content) - 4096)
    path.write_bytes(bytes(content))


def _other_schema(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("update reading set schema = 'another'")
    database.close()


def _other_log(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("update reading set id = 'another'")
    database.close()


def _ahead(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("update reading set position = 1000000")
    database.close()


@pytest.mark.parametrize(
    "spoil",
    [
        Path.unlink,
        lambda path: path.write_bytes(b"nothing of the sort" * 300),
        _overwrite,
        _other_schema,
        _other_log,
        _ahead,
        lambda path: Path(f"{path}-wal").write_bytes(b"?" * 5000),
    ],
    ids=["deleted", "no database", "damaged", "other schema", "other log", "ahead", "damaged journal"],
)
async def test_without_it_nothing_is_lost(
    client: Operator, tmp_path: Path, spoil: Callable[[Path], Any]
) -> None:
    """A file that is gone, damaged, of another schema or log, or ahead is built anew."""
    path = tmp_path / "figures.sqlite"
    await lived(client, 4, 1)
    async with kept(client, path) as view:
        rows = await caught_up(client, view)
    spoil(path)
    async with kept(client, path) as view:
        await until(lambda: view.position < 1000)
        assert await caught_up(client, view) == rows


async def test_damage_under_way_is_repaired(client: Operator, tmp_path: Path) -> None:
    """A file that turns out to be damaged while it is written is built anew."""
    path = tmp_path / "figures.sqlite"
    async with kept(client, path) as view:
        await lived(client, 4, 1)
        await caught_up(client, view)
        view._database.execute("pragma wal_checkpoint(truncate)")
        _overwrite(path)
        view._database.execute("pragma shrink_memory")
        await lived(client, 4, 50)
        rows = await caught_up(client, view)
    async with kept(client, None) as fresh:
        assert await caught_up(client, fresh) == rows


async def test_a_position_is_waited_for(client: Operator) -> None:
    """An answer asked for a position comes when that is reached, or says that it is not."""
    log = client.log(CENTRE)
    view = view_of(None)
    await lived(client, 2, 1)
    last = await log.last_sequence()
    with pytest.raises(errors.Unavailable, match="is at 0, asked for"):
        await view.reached(log, SUBJECTS, last, 0.1)
    waiting = asyncio.create_task(view.reached(log, SUBJECTS, last))
    following = asyncio.create_task(view.run(log, SUBJECTS))
    await asyncio.wait_for(waiting, 5)
    await view.reached(log, SUBJECTS, last + 1000, 0.1)  # what is not there yet is not waited for
    await end(following)
    view.close()
