"""A log of any length in a few minutes: calls that are over, as intake's real core records them.

The core decides on the first calls and the last ones; those between are stamped out after the first, with ids,
positions and links of their own, once a second part has come out of the core and of the stamp alike. The calls are
such that no other service has anything to record of them, so their checkpoints say only how far they have read;
read models begin behind them.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from bench import flow, made
from bench.report import Wrong
from bench.rig import CENTRE
from centralita import centres
from centralita.addressing import addressed
from centralita.client import Fact
from centralita.operating import Operator
from centralita.stack import ALL
from contracts import registry
from contracts.protocol import Protocol
from eventlog.chain import linked
from eventlog.codec import Message, time_of
from eventlog.core import Core
from eventlog.decider import Arrival
from eventlog.numbering import event_id, salt_of
from eventlog.stream import MAX_BATCH
from eventlog.view import View
from services.decider import Decider
from services.intake.app import SERVICE
from services.seat import checkpoint_of, view_path

PLAIN = Protocol(name="bench")
AFTERWARDS = Protocol(**{**dict(flow.PROTOCOL), "version": 2})
EVENTS_PER_CALL = 5
CALLS = MAX_BATCH // EVENTS_PER_CALL
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
APART = timedelta(milliseconds=2500)
"""Between calls; 400 calls a second would be a thousand times as many, and their times before us."""
FIRST = 50_000_000
"""The number of the first of these calls: the flow's own begin at 0."""


class Grown(NamedTuple):
    """What there is: events, calls, and where the log ends."""

    events: int
    calls: int
    last: int


def facts(part: int) -> list[Fact]:
    """The facts of the calls of a part: a thousand, each of which leads to one event."""
    given: list[Fact] = []
    for n in range(FIRST + part * CALLS, FIRST + (part + 1) * CALLS):
        call, at = flow.call_id(n), BEGAN + (n - FIRST) * APART
        offered = {"from": f"+346{n:08d}", "to": "+34931234567", "queue": "after_sales"}
        for second, (kind, data) in enumerate(
            (
                ("call.offered", offered),
                ("call.answered", {"agent": f"agent-{n % 50:02d}"}),
                ("call.held", {"agent": f"agent-{n % 50:02d}"}),
                ("call.resumed", {"agent": f"agent-{n % 50:02d}"}),
                ("call.ended", {"by": "caller", "disposition": "resolved"}),
            )
        ):
            time = at + timedelta(seconds=second)
            given.append(Fact(kind, call, data, time, id=f"{call}-{kind}", source="/bench"))
    return given


async def grown(client: Operator, store: Path, events: int) -> Grown:
    """Open the centre with a log of so many events, and what the services keep of it below `store`.

    Behind it the centre works by the benchmark's protocol. The inbox is empty, trimmed behind what was decided on.
    """
    parts = max(3, events // MAX_BATCH)
    await centres.add(client.connection, CENTRE, PLAIN)
    await _trimmed(client, parts * MAX_BATCH)
    log = client.log(CENTRE)
    core = await made.core_of(client, CENTRE)
    position = core.log
    stamp = Stamp(_decided(core, 0, position), position, core.beside)
    other = await made.core_of(client, CENTRE)
    _decided(other, 0, position)
    other.log = position + MAX_BATCH
    if _decided(other, 1, position + MAX_BATCH) != (second := stamp.part(1)):
        raise Wrong("what is stamped out is not what intake records")
    writing = asyncio.create_task(log.append(_placed(stamp.part(0))))
    for number in range(1, parts - 1):
        part = second if number == 1 else stamp.part(number)
        for message in part[::EVENTS_PER_CALL]:
            core.seen.add(message.aggregate)
        await writing
        writing = asyncio.create_task(log.append(_placed(part)))
        await asyncio.sleep(0)  # the server stores one part while the next is made
    core.stored(stamp.last, await writing)
    core.inbox, core.log, core.chain = (parts - 1) * MAX_BATCH, core.own, stamp.last[-1].chain
    messages = _decided(core, parts - 1, core.own)
    core.stored(messages, await log.append(_placed(messages)))
    last = await centres.publish(client.connection, CENTRE, AFTERWARDS)
    await _kept(client, store, core, last)
    return Grown(parts * MAX_BATCH, parts * CALLS, last)


class Stamp:
    """The events of the first part, from which those of any other are made, one part after the other.

    `position` is that of the log before the first; `last` is the part made last.
    """

    def __init__(self, first: Sequence[Message], position: int, beside: str) -> None:
        self.last, self._first, self._position, self._beside = list(first), first, position, beside

    def part(self, number: int) -> list[Message]:
        """The events of a part, linked behind the one made before; part 0 as it was given."""
        if not number:
            return list(self._first)
        made, chain = [], self.last[-1].chain
        log, later = self._position + number * MAX_BATCH, number * CALLS * APART
        for place, event in enumerate(self._first):
            old, new = _digits(place // EVENTS_PER_CALL), _digits(number * CALLS + place // EVENTS_PER_CALL)
            cause = event.cause.replace(old, new)
            fact = Arrival("fact", "", Message("", "", b"", cause, event.cause_source))
            event = event._replace(
                aggregate=event.aggregate.replace(old, new), data=event.data.replace(old.encode(), new.encode()),
                id=event_id(salt_of(event.source, fact), 1), time=time_of(event) + later, cause=cause,
                inbox=event.inbox + number * MAX_BATCH, log=log, chain="",
            )  # fmt: skip
            event = linked(chain, event, self._beside)
            chain = event.chain
            made.append(event)
        self.last = made
        return made


def _digits(n: int) -> str:
    return f"{FIRST + n:08d}"


def _decided(core: made.Intake, part: int, position: int) -> list[Message]:
    core.log = position
    stored = [addressed(fact, CENTRE) for fact in facts(part)]
    return [event for _, event in made.decided(core, CENTRE, stored, part * MAX_BATCH + 1)]


def _placed(messages: Iterable[Message]) -> list[tuple[str, Message]]:
    return [(registry.log_subject(CENTRE, SERVICE.name, it.aggregate), it) for it in messages]


async def _trimmed(client: Operator, until: int) -> None:
    """Have the inbox begin behind this position, as it does when all that was before was decided on."""
    streams, name = client.connection.jetstream(timeout=10), registry.inbox_stream(CENTRE)
    config = (await streams.stream_info(name)).config
    await streams.delete_stream(name)
    await streams.add_stream(config.evolve(first_seq=until + 1))


async def _kept(client: Operator, store: Path, intake: made.Intake, last: int) -> None:
    """Leave checkpoints and read models that have read up to here where the services find them."""
    raw = await client.log(CENTRE).get(last)
    assert raw
    for name, service in ALL.items():
        core = intake
        if name != SERVICE.name:
            core = Core(Decider(service, CENTRE), registry.source(CENTRE, name))
            core.recorded = (0, last)
        checkpoint = checkpoint_of(service, CENTRE, store)
        await checkpoint.save(core)
        if path := view_path(service, CENTRE, store):
            assert service.reading
            view = View(service.reading, Decider(service, CENTRE), path)
            view.take([raw])
            view.close()
