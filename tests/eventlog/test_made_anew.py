"""A centre that is removed and made anew in the wink of an eye: who has read the old log begins anew as well."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest

from centralita import centres
from centralita.server import NatsServer
from contracts import registry
from eventlog import errors
from eventlog.feed import Feed
from eventlog.stream import Stream
from tests.eventlog.gate import Gate
from tests.eventlog.instances import (
    CENTRE,
    COLD,
    calls,
    expected,
    instance,
    opened,
    recorded,
    records,
    told,
    until,
)

ASKS = b"PUB $JS.API."
"""How everything begins that is asked about a stream."""


@pytest.mark.parametrize("standing_by", [False, True], ids=["active", "standing by"])
async def test_an_instance_that_sees_nothing_of_the_removal_works_in_the_new_centre(
    tmp_path: Path, *, standing_by: bool
) -> None:
    """What it asks for next is held up until the new streams are there: nothing of the old centre is left in it."""
    async with NatsServer.start(tmp_path) as server, Gate(server.port) as gate, opened(server.url) as client:
        await client.publish(CENTRE, calls(20))
        async with AsyncExitStack() as stack:
            before = await stack.enter_async_context(instance(server.url))
            await records(client, 80)
            runner = await stack.enter_async_context(instance(gate.url))
            if not standing_by:
                before.stop()
            await until(lambda: runner.active != standing_by and runner.core.own > 80)
            gate.stop_at(ASKS, 0)
            await centres.remove(client.connection, CENTRE)
            await asyncio.wait_for(gate.held.wait(), 10)
            before.stop()
            await centres.add(client.connection, CENTRE, COLD)
            gate.release()
            await client.publish(CENTRE, calls(2))  # as in the old one, where they would be repeats
            await records(client, 8)
            assert told(await recorded(client)) == await expected(client)
            assert runner.active


async def test_a_reader_is_told_that_the_log_is_another(tmp_path: Path) -> None:
    """It would wait for ever behind the end of the new one."""
    async with (
        NatsServer.start(tmp_path) as server,
        Gate(server.port) as gate,
        opened(gate.url) as reading,
        opened(server.url) as client,
        aclosing(reading.log(CENTRE).follow([f"log.{CENTRE}.>"], 0)) as parts,
    ):
        assert len(await anext(parts)) == centres.OPENING
        gate.stop_at(ASKS, 0)
        waiting = asyncio.ensure_future(anext(parts))
        await centres.remove(client.connection, CENTRE)
        await asyncio.wait_for(gate.held.wait(), 10)
        await centres.add(client.connection, CENTRE, COLD)
        gate.release()
        with pytest.raises(errors.NoStream):
            await asyncio.wait_for(waiting, 10)


async def test_a_read_model_is_not_fed_with_another_log(tmp_path: Path) -> None:
    """Nor when the instance beside it has begun to read that one meanwhile: it would pass over what is there."""
    subjects = [f"log.{CENTRE}.>"]
    async with NatsServer.start(tmp_path) as server, opened(server.url) as client:
        log, feed = Stream(client.connection, registry.log_stream(CENTRE)), Feed()
        await log.bind()
        async with aclosing(feed.parts(log, subjects, 0)) as parts:  # type: ignore[type-var]
            assert [len(part) for _, part in [await anext(parts), await anext(parts)]] == [centres.OPENING, 0]
            await centres.remove(client.connection, CENTRE)
            await centres.add(client.connection, CENTRE, COLD)
            feed.begin(500)
            with pytest.raises(errors.NoStream):
                await asyncio.wait_for(anext(parts), 10)
