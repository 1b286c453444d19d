"""Timers on the real clock: the services pass a time on when one of them waits for it, and not before."""

from __future__ import annotations

import asyncio
import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nats.aio.msg import Msg

from centralita import centres
from centralita.client import Fact
from centralita.operating import Operator
from centralita.stack import running
from contracts import registry
from contracts.protocol import Limits, Protocol
from eventlog.beats import Beat
from eventlog.codec import timestamp
from eventlog.place import Pace

BRISK = Protocol(name="brisk", limits=Limits(answer_s=1))
HOUR = Pace(beat=3600, silence=3600)
GRACE = timedelta(seconds=1)


async def test_a_timer_waits_for_no_beat(tmp_path: Path) -> None:
    """Services that beat once an hour break a promise when its time has come, for sla says what it waits for."""
    async with running(tmp_path, pace=HOUR) as stack, Operator(stack.url) as client:
        await centres.add(client.connection, "acme", BRISK)
        offered = datetime.now(UTC) - timedelta(seconds=0.5)
        await client.publish("acme", [Fact("call.offered", "c1", {"queue": "main"}, offered)])
        async with asyncio.timeout(20):
            async for part in client.log("acme").follow([registry.log_subject("acme", "sla", ">")], 0):
                broken = [raw for raw in part if raw.message().name == "deadline.breached"]
                if broken:
                    break
        assert broken[0].stored >= offered + timedelta(seconds=1) + GRACE


async def test_a_timer_that_is_due_fires_before_anybody_is_told(tmp_path: Path) -> None:
    """One beat says that it has fired and what is waited for next, and each says something new."""
    async with running(tmp_path, pace=HOUR) as stack, Operator(stack.url) as client:
        await centres.add(client.connection, "acme", BRISK)
        heard: list[Beat] = []

        async def hear(message: Msg) -> None:
            heard.append(Beat(*json.loads(message.data)))

        await client.connection.subscribe(registry.beat_subject("acme", "sla"), cb=hear)
        first = datetime.now(UTC)
        times = [first + timedelta(seconds=0.05 * number) for number in range(8)]
        calls = [
            Fact("call.offered", f"c{n}", {"queue": "main"}, at, id=f"o{n}") for n, at in enumerate(times)
        ]
        await client.publish("acme", calls)
        broken: list[int] = []
        async with asyncio.timeout(20):
            async for part in client.log("acme").follow([registry.log_subject("acme", "sla", ">")], 0):
                broken += [raw.seq for raw in part if raw.name == "deadline.breached"]
                if len(broken) == len(calls):
                    break
        assert {beat.state for beat in heard} == {"active"}
        due = {timestamp(at + timedelta(seconds=1) + GRACE) for at in times}
        assert due & {beat.wants for beat in heard}
        for before, beat in itertools.pairwise(heard):
            assert beat.own > before.own or beat.wants != before.wants or beat.log > before.log
