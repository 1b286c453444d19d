"""Any number of deadlines pending: the log of promises as its real core writes it, read model and checkpoint."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from bench import flow
from centralita.operating import Operator
from contracts import registry
from contracts.deciding import World
from contracts.facts import MessageReceived
from contracts.protocol import Promise, Protocol
from eventlog.codec import Message, headers_of
from eventlog.core import Core
from eventlog.decider import Arrival
from eventlog.stream import MAX_BATCH, Raw
from eventlog.view import View
from services.decider import Decider
from services.seat import checkpoint_of, view_path
from services.sla.app import SERVICE

WITHIN = timedelta(days=3)
"""How soon the benchmark's protocol promises that a message is answered."""
PROMISE = Promise(name="reply", rule="R61", about="message", within_s=WITHIN.total_seconds())
PROTOCOL = Protocol(**{**dict(flow.PROTOCOL), "promises": (PROMISE,)})


class Pending:
    """A centre's deadlines in the making; nothing else may be recorded in the centre meanwhile."""

    def __init__(self, client: Operator, centre: str, store: Path) -> None:
        self._log, self._centre, self._store = client.log(centre), centre, store
        self._core: Core[World[Any, Any]] = Core(
            Decider(SERVICE, centre), registry.source(centre, SERVICE.name)
        )
        assert SERVICE.reading
        self._view = View(SERVICE.reading, Decider(SERVICE, centre), view_path(SERVICE, centre, store))
        self._count = self._last = 0

    async def open(self) -> None:
        """Take in what the centre says of itself."""
        reference = registry.log_subject(self._centre, registry.CENTRE, self._centre)
        raws = await self._log.read_subject(reference)
        for raw in raws:
            self._core.refer(raw.message())
        await asyncio.to_thread(self._view.take, raws)
        self._core.log = self._last = raws[-1].seq

    async def set(self, dues: Iterable[datetime]) -> None:
        """Have one message each wait for an answer until then, its deadline decided and stored."""
        writing: asyncio.Task[None] | None = None
        for part in _parts(dues):
            messages = [event for due in part for event in self._core.handle(self._received(due))]
            if writing:
                await writing
            writing = asyncio.create_task(self._write(messages))
            await asyncio.sleep(0)  # the server stores one part while the next is decided on
        if writing:
            await writing

    def _received(self, due: datetime) -> Arrival:
        """What intake says of a message that is to be answered by then; its own log of them is not kept."""
        self._count += 1
        name, version, data = registry.encode(MessageReceived(channel="email", category="information"))
        aggregate = registry.aggregate_of("message", f"m-{self._count:08d}")
        received = Message(
            aggregate, name, data, f"received-{self._count:08d}", registry.source(self._centre, "intake"),
            version, time=due - WITHIN, seq=self._last,
            subject=registry.log_subject(self._centre, "intake", aggregate),
        )  # fmt: skip
        return Arrival("event", aggregate, received)

    async def _write(self, messages: list[Message]) -> None:
        subjects = [registry.log_subject(self._centre, SERVICE.name, it.aggregate) for it in messages]
        sequences = await self._log.append(list(zip(subjects, messages, strict=True)))
        self._core.stored(messages, sequences)
        self._last = sequences[-1]
        stored = [
            Raw(subject, headers_of(message), message.data, seq, datetime.now(UTC), 0)
            for subject, message, seq in zip(subjects, messages, sequences, strict=True)
        ]
        await asyncio.to_thread(self._view.take, stored)

    async def close(self) -> None:
        """Leave the read model and a checkpoint where the service finds them."""
        self._view.close()
        await checkpoint_of(SERVICE, self._centre, self._store).save(self._core)


def _parts(dues: Iterable[datetime]) -> Iterator[list[datetime]]:
    rest = iter(dues)
    while part := list(islice(rest, MAX_BATCH)):
        yield part
