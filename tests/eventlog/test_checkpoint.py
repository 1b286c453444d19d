"""Checkpoints are a cache: one that is not borne out is left aside, and deleting one loses nothing."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Callable, Coroutine
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from centralita.operating import Operator
from centralita.server import NatsServer
from centralita.stack import ALL
from contracts import commands as c
from contracts import registry
from eventlog.checkpoint import Checkpoint
from eventlog.codec import Message
from eventlog.core import Core
from eventlog.decider import Arrival
from eventlog.keeping import Keeping
from services.decider import Decider
from services.seat import place_of
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
from tests.unit.given import START

PLACE = place_of(CENTRE, ALL["tickets"])


def core(service: str = "intake") -> Core[Any]:
    """A core that knows nothing."""
    return Core(Decider(ALL[service], CENTRE), registry.source(CENTRE, service))


async def lived(client: Operator, checkpoint: Checkpoint, number: int, first: int) -> None:
    """An instance with this checkpoint records what comes of so many calls, and stops cleanly."""
    await client.publish(CENTRE, calls(number, first))
    wanted = await expected(client)
    async with instance(client.url, checkpoint=checkpoint):
        await records(client, len(wanted))


async def test_a_successor_goes_on_from_it(tmp_path: Path) -> None:
    """It is used when the log bears it out, also with nothing but terms behind it; the log is the same."""
    checkpoint = Checkpoint(tmp_path / "intake", "1")
    async with NatsServer.start(tmp_path / "server") as server, opened(server.url) as client:
        await lived(client, checkpoint, 3, first=1)
        for _ in range(2):  # the second time nothing but terms lies behind it
            fresh = core()
            assert await checkpoint.load(fresh, client.log(CENTRE))
            assert set(fresh.tracks) == {"c1", "c2", "c3"}
            async with instance(server.url, checkpoint=checkpoint) as idle:
                await until(lambda idle=idle: idle.active)
        await lived(client, checkpoint, 3, first=50)
        assert told(await recorded(client)) == await expected(client)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes()[:500] + b"?" + path.read_bytes()[501:]),
        lambda path: path.write_bytes(bytes(len(path.read_bytes()))),
        lambda path: Checkpoint(path, "2")._write(core()),
    ],
    ids=["deleted", "empty", "cut", "one byte", "zeros", "other schema"],
)
async def test_without_it_nothing_is_lost(tmp_path: Path, spoil: Callable[[Path], Any]) -> None:
    """Deleted, damaged or of another schema, it is not used, and the service goes on as if it had been."""
    checkpoint = Checkpoint(tmp_path / "intake", "1")
    async with NatsServer.start(tmp_path / "server") as server, opened(server.url) as client:
        await lived(client, checkpoint, 3, first=1)
        spoil(checkpoint.path)
        assert not await checkpoint.load(core(), client.log(CENTRE))
        await lived(client, checkpoint, 3, first=50)
        assert told(await recorded(client)) == await expected(client)


async def test_ahead_of_the_log_it_is_left_aside(tmp_path: Path) -> None:
    """A checkpoint of a log that was longer, or another, is not used."""
    checkpoint = Checkpoint(tmp_path / "intake", "1")
    async with NatsServer.start(tmp_path / "first") as server, opened(server.url) as client:
        await lived(client, checkpoint, 5, first=1)
    for number in (2, 9):
        async with NatsServer.start(tmp_path / f"other{number}") as server, opened(server.url) as client:
            await lived(client, Checkpoint(tmp_path / "unused", "1"), number, first=200)
            assert not await checkpoint.load(core(), client.log(CENTRE))
            await lived(client, checkpoint, 2, first=300)
            assert told(await recorded(client)) == await expected(client)
        checkpoint = Checkpoint(tmp_path / "intake", "1")


async def test_of_another_past_it_is_left_aside(tmp_path: Path) -> None:
    """A log on which the same was told in another order is not that of the checkpoint, though it ends the same."""
    checkpoint = Checkpoint(tmp_path / "intake", "1")
    one, two, three = (calls(1, number) for number in (1, 2, 3))
    for facts in (one + two + three, two + one + three):
        async with NatsServer.start(tmp_path / facts[0].id) as server, opened(server.url) as client:
            await client.publish(CENTRE, facts)
            wanted = await expected(client)
            async with instance(client.url):
                await records(client, len(wanted))
            if facts[0] is one[0]:
                killed = core()  # which was before it could give its term back
                for message in (await recorded(client))[:-1]:
                    killed.fold(message)
                await checkpoint.save(killed)
            assert await checkpoint.load(core(), client.log(CENTRE)) is (facts[0] is one[0])


async def test_a_place_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    """Where no checkpoint can be kept the service works on without."""
    (tmp_path / "file").write_text("not a directory")
    checkpoint = Checkpoint(tmp_path / "file" / "intake", "1")
    async with NatsServer.start(tmp_path / "server") as server, opened(server.url) as client:
        await lived(client, checkpoint, 3, first=1)
        assert [m.name for m in await recorded(client)][-1] == "term.released"


async def test_one_moment_is_kept_while_the_loop_goes_on(tmp_path: Path) -> None:
    """What is written by a copy of the process is the memory as it was then, whatever happens meanwhile."""
    checkpoint = Checkpoint(tmp_path / "tickets", "1", many=1)
    living = core("tickets")
    for number in range(1, 30):
        register(living, number)
    tracks, world, chain = dict(living.tracks), dict(living.world.aggregates), living.chain
    saving = checkpoint.save(living)
    for number in range(30, 200):
        register(living, number)
    await saving
    kept = checkpoint.read()
    assert kept
    assert checkpoint.fields(BytesIO(checkpoint.path.read_bytes())), "it is read wherever it is kept"
    assert (kept["tracks"], kept["world"].aggregates, kept["chain"]) == (tracks, world, chain)
    assert [file.name for file in tmp_path.iterdir()] == ["tickets"]


class Deadly:
    """Ends the process that writes it."""

    def __reduce__(self) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)


async def test_a_copy_that_is_killed_leaves_the_one_before(tmp_path: Path) -> None:
    """One that is not whole never takes the place of one that is, is reported, and is cleared away by the next."""
    checkpoint = Checkpoint(tmp_path / "tickets", "1", many=1)
    living = core("tickets")
    register(living, 1)
    await checkpoint.save(living)
    register(living, 2)
    living.commands["deadly"] = Deadly()  # type: ignore[assignment]
    with pytest.raises(OSError, match="ended"):
        await checkpoint.save(living)
    assert len((checkpoint.read() or {})["tracks"]) == 1
    del living.commands["deadly"]
    await checkpoint.save(living)
    assert len((checkpoint.read() or {})["tracks"]) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["tickets"]


async def test_a_copy_that_cannot_write_says_why(tmp_path: Path) -> None:
    """The reason is that of the copy."""
    (tmp_path / "file").write_text("not a directory")
    living = core("tickets")
    register(living, 1)
    with pytest.raises(OSError, match=f"{os.strerror(errno.ENOTDIR)}|{os.strerror(errno.EEXIST)}"):
        await Checkpoint(tmp_path / "file" / "tickets", "1", many=1).save(living)


def register(at: Core[Any], number: int) -> Message:
    """A ticket is registered; its event, stored."""
    data = c.RegisterTicket(category="invoice", need="paid twice", by="ana").model_dump_json().encode()
    time = START + timedelta(seconds=number)
    command = Message("", "register", data, f"m{number}", "/test", time=time, actor="ana")
    (event,) = at.handle(Arrival("command", "", command))
    stored = event._replace(seq=10 * number, subject=PLACE.subject(event.aggregate))
    at.stored([event], [stored.seq])
    return stored


def test_one_that_had_read_further_than_its_successor_wrote(tmp_path: Path) -> None:
    """What was read behind the last event is read again, so an event written from before it folds."""
    checkpoint = Checkpoint(tmp_path / "tickets", "1")
    first = core("tickets")
    event = register(first, 1)
    first.log = 15  # nothing came of what was read up to there
    checkpoint._write(first)
    second = core("tickets")
    second.fold(event)
    second.log = 12
    further = register(second, 2)
    assert further.log == 12
    third = core("tickets")
    for name, value in (checkpoint.read() or {}).items():
        setattr(third, name, value)
    assert third.log == 0
    third.fold(further)
    assert third.world.index.next == 3


class Noted(Checkpoint):
    """Notes where the log ended when it was to be kept."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "1")
        self.at: list[int] = []

    def save(self, core: Core[Any]) -> Coroutine[Any, Any, None]:
        """Note it, and keep nothing."""
        self.at.append(core.own)
        return asyncio.sleep(0)


async def test_the_services_of_a_centre_keep_theirs_one_after_another(tmp_path: Path) -> None:
    """Each after so much of the log, but not at the same place: all at once they would make facts late."""
    first: dict[str, int] = {}
    for service in ALL:
        noted, memory = Noted(tmp_path / service), core(service)
        keeping = Keeping(noted, 1000, lambda event, about: None)
        memory.own = 70
        keeping.begin(memory)
        for memory.own in range(71, 4071):
            keeping.look(memory)
            await asyncio.sleep(0)
        first[service] = noted.at[0]
        assert noted.at == list(range(first[service], 4071, 1000))
        assert first[service] <= 1070
    assert len(set(first.values())) == len(ALL)
