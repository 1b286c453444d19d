"""Beats: a clock moves no further than what was read, and nobody who was replaced moves it at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from centralita.server import NatsServer
from eventlog.beats import Beat, Heard
from eventlog.client import Connection
from eventlog.codec import moment
from tests.eventlog.instances import until

NINE, TEN = "2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z"


@asynccontextmanager
async def listening(server: NatsServer) -> AsyncIterator[tuple[Heard, dict[str, Heard]]]:
    """One that listens for sla, with intake and routing upstream, and the voices of all three services."""
    connection, beats = Connection(), f"beat.{uuid4().hex}"
    await connection.connect(server.url)
    heard = Heard(connection, beats, "sla", "me", ("intake", "routing"))
    await heard.start()
    try:
        yield heard, {name: Heard(connection, beats, name, "x", ()) for name in ("intake", "routing", "sla")}
    finally:
        await connection.close()


async def all_heard(heard: Heard) -> None:
    """Wait until what was said has been listened to."""
    await heard._connection.flush()
    await until(lambda: not any(it.pending_msgs for it in heard._connection._subs.values()))
    await asyncio.sleep(0.01)


def beat(term: int, own: int, clock: str = NINE, state: str = "active") -> Beat:
    """A beat of an instance that has written up to `own`."""
    return Beat("other", state, term, inbox=own, log=own, own=own, clock=clock)


async def test_time_waits_for_the_log(log_server: NatsServer) -> None:
    """A time is passed on once all upstream have said it and the log was read as far as they wrote."""
    async with listening(log_server) as (heard, voices):
        await voices["intake"].say(beat(1, own=10))
        await all_heard(heard)
        assert heard.passed(100) is None
        await voices["routing"].say(beat(1, own=20))
        await voices["routing"].say(beat(1, own=20, clock=TEN))
        await voices["routing"].say(beat(1, own=30, clock=TEN))
        await all_heard(heard)
        assert heard.passed(9) is None
        assert heard.passed(19) is None
        passed = heard.passed(20)
        assert passed
        assert (passed.time, passed.inbox) == (moment(NINE), 20)


async def test_the_replaced_are_not_heard(log_server: NatsServer) -> None:
    """An instance of an older term, woken from a long pause, passes no time on and is no sign of life."""
    async with listening(log_server) as (heard, voices):
        for name in ("intake", "routing", "sla"):
            await voices[name].say(beat(7, own=10))
        await all_heard(heard)
        assert heard.own_heard
        heard._own_at -= 60
        for name in ("intake", "routing", "sla"):
            await voices[name].say(beat(6, own=5, clock=TEN))
        await all_heard(heard)
        passed = heard.passed(100)
        assert passed
        assert passed.time == moment(NINE)
        assert heard.own_age() > 50


async def test_a_stop_ends_the_wait(log_server: NatsServer) -> None:
    """Whoever waits for silence learns at once that the active instance stops."""
    async with listening(log_server) as (heard, voices):
        await voices["sla"].say(beat(1, own=10, state="stopped"))
        await all_heard(heard)
        await heard.own_silent(60)


async def test_what_nobody_takes_stays_small(log_server: NatsServer) -> None:
    """A standby that hears ten thousand beats keeps a bounded number, the newest among them."""
    async with listening(log_server) as (heard, voices):
        for own in range(10_000):
            await voices["intake"].say(beat(1, own))
        await voices["routing"].say(beat(1, 0))
        await until(lambda: heard._pending["routing"])
        assert sum(map(len, heard._pending.values())) < 5000
        passed = heard.passed(10_000)
        assert passed
        assert passed.inbox == 9999
