"""Checkpoints are a cache: one that is not borne out is left aside, and deleting one loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
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
        lambda path: path.write_bytes(b"\\0" * len(path.read_bytes())),
        lambda path: Checkpoint(path, "2")._write(Checkpoint(path, "2").content(core())),
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


def test_one_that_had_read_further_than_its_successor_wrote(tmp_path: Path) -> None:
    """What was read behind the last event is read again, so an event written from before it folds."""
    checkpoint = Checkpoint(tmp_path / "tickets", "1")

    def register(at: Core[Any], number: int) -> Message:
        data = c.RegisterTicket(category="invoice", need="paid twice", by="ana").model_dump_json().encode()
        time = START + timedelta(seconds=number)
        command = Message("", "register", data, f"m{number}", "/test", time=time, actor="ana")
        (event,) = at.handle(Arrival("command", "", command))
        stored = event._replace(seq=10 * number, subject=PLACE.subject(event.aggregate))
        at.stored([event], [stored.seq])
        return stored

    first = core("tickets")
    event = register(first, 1)
    first.log = 15  # nothing came of what was read up to there
    checkpoint._write(checkpoint.content(first))
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
