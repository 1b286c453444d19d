"""Replay: a file of call records, published as facts at its own times on the centre's virtual clock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from centralita import centres, records
from centralita.client import Fact
from centralita.operating import Operator
from contracts import registry
from contracts.protocol import PLAIN
from eventlog import errors
from eventlog.codec import timestamp

__all__ = ["Import", "Progress", "replay"]

BATCH = 1000
CLOCK_EVERY = 4000
LOOK_EVERY = 10_000
AHEAD = 50_000 - LOOK_EVERY
PATIENCE = 120.0
AFTERWARDS = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Progress = Callable[[str, int, int], None]
"""Told again and again: what (published, or a service), how far it is, and how far it has to go."""


class _Step(NamedTuple):
    """A fact to come: `key` orders it among all, `at` is when it occurred, `part` its place in its row."""

    key: datetime
    row: int
    part: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Import:
    """What a file tells, ready to be published in the order of its times.

    The order is that of the instants over all calls, and within a call that of its life: where the old clocks
    step back, a fact is placed at the latest instant before it. `source` is `/import/<digest of the unpacked
    content>`: a file keeps its facts' ids under whatever name, packed or not, and two files share none.
    """

    source: str
    rows: list[records.Row]
    steps: list[_Step]

    @classmethod
    def read(cls, path: Path, zone: ZoneInfo) -> Import:
        """Read the whole file; records.NotCallRecords, or OSError where it cannot be opened."""
        digest = blake2b(digest_size=8)
        rows = list(records.read(path, zone, digest))
        steps: list[_Step] = []
        first = next((row.offered for row in rows if isinstance(row, records.CallRecord)), EPOCH)
        now = first  # a row that is no call has no time of its own: that of the call above it in the file
        for number, row in enumerate(rows):
            if not isinstance(row, records.CallRecord):
                steps.append(_Step(now, number, 0, now))
                continue
            now = latest = row.offered
            for part, (_, at, _) in enumerate(records.facts(row)):
                latest = max(latest, at)
                steps.append(_Step(latest, number, part, at))
        steps.sort()
        return cls(f"/import/{digest.hexdigest()}", rows, steps)

    def facts(self) -> Iterator[Fact]:
        """The facts, and the advances of the virtual clock among them and after them.

        The clock is never ahead of a fact that is still to come. The same file gives the same ids.
        """
        ahead = self._least_to_come()
        for number, step in enumerate(self.steps):
            if number and number % CLOCK_EVERY == 0:
                yield self._advanced(ahead[number // CLOCK_EVERY])
            yield self._fact(step)
        if self.steps:
            yield self._advanced(max(step.at for step in self.steps) + AFTERWARDS)

    def _least_to_come(self) -> list[datetime]:
        """For every `CLOCK_EVERY`th step the earliest instant from there on."""
        least: list[datetime] = []
        earliest = datetime.max.replace(tzinfo=UTC)
        for number in range(len(self.steps) - 1, -1, -1):
            earliest = min(earliest, self.steps[number].at)
            if number % CLOCK_EVERY == 0:
                least.append(earliest)
        return least[::-1]

    def _advanced(self, to: datetime) -> Fact:
        return Fact("clock.advanced", registry.CLOCK, {"to": to}, to, f"clock/{timestamp(to)}", self.source)

    def _fact(self, step: _Step) -> Fact:
        row = self.rows[step.row]
        if isinstance(row, records.CallRecord):
            kind, at, data = records.facts(row)[step.part]
            return Fact(kind, row.call_id, data, at, f"{row.call_id}/{kind}", self.source)
        about, name = f"import-{row.line}", f"line/{row.line}"
        if isinstance(row, records.Ignored):
            reason = {"line": row.line, "reason": "PHANTOM: a call that never was"}
            return Fact("record.ignored", about, reason, step.at, name, self.source)
        refusal = {"line": row.line, "field": row.field, "reason": row.reason, "row": row.text[:4000]}
        return Fact("record.refused", about, refusal, step.at, name, self.source)


async def replay(client: Operator, centre: str, path: Path, progress: Progress) -> dict[str, Any]:
    """Publish a file of call records, wait until all is settled, and return the figures by queue.

    A centre that does not exist is opened with the plain protocol and a virtual clock. Replaying a file again,
    under whatever name, changes nothing. Raises records.NotCallRecords, OSError, errors.LogError
    (Conflict for a centre that goes by the world's clock).
    """
    await centres.add(client.connection, centre, PLAIN, clock="virtual")
    zone, virtual = await _nature(client, centre)
    if not virtual:
        raise errors.Conflict(f"{centre} goes by the world's clock: replay into a centre of its own")
    plan = await asyncio.to_thread(Import.read, path, zone)
    await _publish(client, centre, plan, progress)
    position = await _settle(client, centre, progress)
    return await client.query(centre, "sla", "figures", {"by": "queue", "position": position})


async def _nature(client: Operator, centre: str) -> tuple[ZoneInfo, bool]:
    """The time zone of the centre's protocol, as that of the file, and whether its clock is virtual."""
    zone, virtual = PLAIN.timezone, False
    for raw in await client.log(centre).read_subject(registry.log_subject(centre, registry.CENTRE, centre)):
        message = raw.message()
        data = json.loads(message.data)
        if message.name == "protocol.published":
            zone = data["protocol"].get("timezone", zone)
        if message.name == "centre.opened":
            virtual = data.get("clock") == "virtual"
    return ZoneInfo(zone), virtual


async def _publish(client: Operator, centre: str, plan: Import, progress: Progress) -> None:
    total, done, batch = len(plan.steps), 0, list[Fact]()
    for fact in plan.facts():
        batch.append(fact)
        if len(batch) == BATCH:
            await _store(client, centre, batch)
            done, batch = done + BATCH, []
            progress("published", min(done, total), total)
            if done % LOOK_EVERY == 0:
                await _room(client, centre)
    await _store(client, centre, batch)
    progress("published", total, total)


async def _store(client: Operator, centre: str, facts: list[Fact]) -> None:
    """Publish, and again if it is not known what was stored: repeats are known by their ids."""
    for attempt in range(20):
        try:
            await client.publish(centre, facts, wait=PATIENCE)
            return
        except errors.Unavailable:
            if attempt == 19:
                raise
            await asyncio.sleep(0.5)


async def _room(client: Operator, centre: str) -> None:
    """Wait while intake is too far behind; the server's disk is no place for what nobody has read."""
    waited, before = 0.0, -1
    while waited < PATIENCE:
        last = await client.inbox(centre).last(registry.inbox_subject(centre, "call", ">"))
        behind, position = 0, before
        with suppress(errors.Unavailable):  # a service that is away comes back, or does not: then we stop
            position = (await client.query(centre, "intake", "status"))["inbox"]
        if last is not None:
            behind = last.seq - max(position, 0)
        if behind < AHEAD:
            return
        waited, before = (0.0 if position != before else waited + 0.1), position
        await asyncio.sleep(0.1)
    raise errors.Unavailable(f"intake has read nothing of {centre} for {PATIENCE:g} s")


async def _settle(client: Operator, centre: str, progress: Progress) -> int:
    """Wait until all is settled, for as long as something moves."""
    settled = asyncio.create_task(client.settle(centre, timeout=float("inf")))
    loop = asyncio.get_running_loop()
    before, moved = -1, loop.time()
    try:
        while not settled.done():
            await asyncio.wait([settled], timeout=0.5)
            with suppress(errors.LogError):
                last = await client.log(centre).last_sequence()
                asked = (client.query(centre, name, "status") for name in registry.SERVICES)
                states = await asyncio.gather(*asked)
                for state in states:
                    progress(state["service"], min(state["log"], last), last)
                now = last + sum(state["log"] + state["inbox"] for state in states)
                if now != before:
                    before, moved = now, loop.time()
            if loop.time() - moved > PATIENCE:
                raise errors.Unavailable(f"{centre} is not settled, and nothing has moved for {PATIENCE:g} s")
        return settled.result()
    finally:
        settled.cancel()
        await asyncio.gather(settled, return_exceptions=True)
