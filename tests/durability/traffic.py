"""What is told to a traced server: facts one by one and in groups, what four services make of it, commands."""

from __future__ import annotations

from pathlib import Path

from centralita import centres
from centralita.client import Fact
from centralita.operating import Operator
from centralita.stack import running
from contracts import registry
from contracts.protocol import PLAIN
from eventlog.place import Pace
from tests.unit.given import at

CENTRE = "acme"
PACE = Pace(trim=3600)


def facts(first: int, number: int) -> list[Fact]:
    """So many calls that come in, from so far into the day on."""
    return [
        Fact("call.offered", f"c{call}", {"queue": "main"}, at(call), id=f"fact-{call}")
        for call in range(first, first + number)
    ]


async def told(
    url: str, store: Path, groups: tuple[int, ...] = (1, 3, 200), rounds: int = 1, replicas: int = 1
) -> dict[tuple[str, int], str]:
    """Tell it, and say which event id stands where, by stream and sequence."""
    count = 0
    async with Operator(url, timeout=20) as client:
        async with running(store, url=url, pace=PACE):
            await centres.add(client.connection, CENTRE, PLAIN, clock="virtual", replicas=replicas)
            for number in groups * rounds:
                await client.publish(CENTRE, facts(count, number))
                count += number
                await client.settle(CENTRE)
                ticket = {"category": "complaint", "need": "it leaks", "by": "ana"}
                await client.command(CENTRE, "tickets", "register", ticket, id=f"command-{count}")
            await client.settle(CENTRE)
        topics = [registry.inbox_subject(CENTRE, topic, ">") for topic in registry.TOPICS]
        ids = {}
        for stream, subjects in ((client.inbox(CENTRE), topics), (client.log(CENTRE), [f"log.{CENTRE}.>"])):
            async for part in stream.read(subjects, 0, await stream.last_sequence()):
                ids |= {(stream.name, raw.seq): raw.headers["ce-id"] for raw in part}
        return ids
