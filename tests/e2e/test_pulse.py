"""Timers on the real clock: the services pass a time on when one of them waits for it, and not before."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from centralita import centres
from centralita.client import Fact
from centralita.operating import Operator
from centralita.stack import running
from contracts import registry
from contracts.protocol import Limits, Protocol
from eventlog.place import Pace

HOUR = Pace(beat=3600, silence=3600)
GRACE = timedelta(seconds=1)


async def test_a_timer_waits_for_no_beat(tmp_path: Path) -> None:
    """Services that beat once an hour break a promise when its time has come, for sla says what it waits for."""
    protocol = Protocol(name="brisk", limits=Limits(answer_s=1))
    async with running(tmp_path, pace=HOUR) as stack, Operator(stack.url) as client:
        await centres.add(client.connection, "acme", protocol)
        offered = datetime.now(UTC) - timedelta(seconds=0.5)
        await client.publish("acme", [Fact("call.offered", "c1", {"queue": "main"}, offered)])
        async with asyncio.timeout(20):
            async for part in client.log("acme").follow([registry.log_subject("acme", "sla", ">")], 0):
                broken = [raw for raw in part if raw.message().name == "deadline.breached"]
                if broken:
                    break
        assert broken[0].stored >= offered + timedelta(seconds=1) + GRACE
