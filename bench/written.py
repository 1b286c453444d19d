"""A service's log as its real core writes it, with the read model and the checkpoint that go with it, at speed."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from centralita.operating import Operator
from contracts import registry
from contracts.deciding import World
from eventlog.codec import Message, headers_of
from eventlog.core import Core
from eventlog.decider import Arrival
from eventlog.stream import MAX_BATCH, Raw
from eventlog.view import View
from services.decider import Decider, Service
from services.seat import checkpoint_of, view_path

T = TypeVar("T")


class Written:
    """A service with a read model, without its process; nothing else may be recorded in the centre meanwhile.

    `last` is where the log ends, up to which the service has read.
    """

    def __init__(self, client: Operator, centre: str, service: Service, store: Path) -> None:
        assert service.reading
        self._log, self._centre, self._service, self._store = client.log(centre), centre, service, store
        self._core: Core[World[Any, Any]] = Core(
            Decider(service, centre), registry.source(centre, service.name)
        )
        self._view = View(service.reading, Decider(service, centre), view_path(service, centre, store))
        self.last = 0

    async def open(self) -> None:
        """Take in what the centre says of itself."""
        reference = registry.log_subject(self._centre, registry.CENTRE, self._centre)
        raws = await self._log.read_subject(reference)
        for raw in raws:
            self._core.refer(raw.message())
        await asyncio.to_thread(self._view.take, raws)
        self._core.log = self.last = raws[-1].seq

    async def take(self, causes: Iterable[T], arrival: Callable[[T], Arrival]) -> None:
        """Decide on what each of these becomes, and store it."""
        writing: asyncio.Task[None] | None = None
        for part in _parts(causes):
            messages = [event for cause in part for event in self._core.handle(arrival(cause))]
            if writing:
                await writing
            writing = asyncio.create_task(self._write(messages))
            await asyncio.sleep(0)  # the server stores one part while the next is decided on
        if writing:
            await writing

    async def _write(self, messages: list[Message]) -> None:
        subjects = [registry.log_subject(self._centre, self._service.name, it.aggregate) for it in messages]
        sequences = await self._log.append(list(zip(subjects, messages, strict=True)))
        self._core.stored(messages, sequences)
        self._core.log = self.last = sequences[-1]  # a service reads its own part of the log too
        now = datetime.now(UTC)
        stored = [
            Raw(subject, headers_of(message), message.data, seq, now, 0)
            for subject, message, seq in zip(subjects, messages, sequences, strict=True)
        ]
        await asyncio.to_thread(self._view.take, stored)

    async def close(self) -> None:
        """Leave the read model and a checkpoint where the service finds them."""
        self._view.close()
        await checkpoint_of(self._service, self._centre, self._store).save(self._core)


def _parts(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, MAX_BATCH)):
        yield part
