"""A service's log as its real core writes it, with the read model and the checkpoint that go with it, at speed."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from centralita.operating import Operator
from contracts import registry
from contracts.deciding import World
from eventlog.codec import Message
from eventlog.core import Core
from eventlog.decider import Arrival
from eventlog.inputs import end
from eventlog.stream import MAX_BATCH
from eventlog.view import View
from services.decider import Decider, Service
from services.seat import checkpoint_of, view_path

T = TypeVar("T")
VIEW_WITHIN_S = 120.0


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
        self._subjects = [registry.log_subject(centre, name, ">") for name in service.reading.services]
        self.last = 0

    async def open(self) -> None:
        """Take in what the centre says of itself, and have the read model follow."""
        reference = registry.log_subject(self._centre, registry.CENTRE, self._centre)
        for raw in await self._log.read_subject(reference):
            self._core.refer(raw.message())
            self._core.log = self.last = raw.seq
        self._following = asyncio.create_task(self._view.run(self._log, self._subjects))

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

    async def close(self) -> None:
        """Leave the read model and a checkpoint where the service finds them."""
        await self._view.reached(self._log, self._subjects, self.last, VIEW_WITHIN_S)
        await end(self._following)
        self._view.close()
        await checkpoint_of(self._service, self._centre, self._store).save(self._core)


def _parts(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while part := list(islice(rest, MAX_BATCH)):
        yield part
