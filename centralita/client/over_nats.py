"""The way over NATS itself: what the HTTP door does, without HTTP in between."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from typing import Any

from pydantic import ValidationError

from centralita.addressing import check, subjects
from centralita.client.events import Accepted, Event, to_json
from centralita.client.problems import Problem, error_of
from centralita.door.behind import Behind
from centralita.door.facts import structured
from centralita.door.log import event_of
from centralita.door.problems import Wrong, told
from centralita.operating import Operator
from contracts import registry
from contracts.http import LogQuery
from eventlog import errors
from eventlog.codec import Message, headers_of

__all__ = ["OverNats"]


class OverNats:
    """One connection to the server, which reconnects by itself."""

    def __init__(self, url: str, name: str) -> None:
        self._operator, self._name = Operator(url, name=name), name
        self._behind = Behind(self._operator)

    async def open(self) -> None:
        """Connect."""
        with _translated():
            await self._operator.__aenter__()

    async def close(self) -> None:
        """Disconnect."""
        await self._operator.__aexit__(None, None, None)

    async def store(
        self, centre: str, facts: Sequence[Mapping[str, Any]], left: float, alone: bool
    ) -> list[Accepted]:
        """One commit; all facts are stored or none."""
        with _translated():
            told = json.loads(to_json(facts))
            judged = [structured(fact, "", "" if alone else f"[{n}].") for n, fact in enumerate(told)]
            addressed = [(registry.inbox_subject(centre, topic, it.aggregate), it) for topic, it in judged]
            positions = await self._behind.store(centre, addressed)
        stored = zip(judged, positions, strict=True)
        return [Accepted(fact.id, fact.source, position) for (_, fact), position in stored]

    async def command(
        self, centre: str, service: str, verb: str, data: bytes, about: Mapping[str, str], left: float
    ) -> Any:
        """The service's answer, as it stands in JSON."""
        check("command", service, verb, registry.COMMANDS)
        message = Message("", verb, b"", about["id"], self._name, actor=about["actor"], trace=about["trace"])
        subject = registry.command_subject(centre, service, verb)
        return await self._asked(centre, subject, data, headers_of(message), left)

    async def query(self, centre: str, service: str, name: str, data: Mapping[str, Any], left: float) -> Any:
        """The service's answer, as it stands in JSON."""
        check("query", service, name, registry.QUERIES)
        return await self._asked(
            centre, registry.query_subject(centre, service, name), to_json(data), {}, left
        )

    async def _asked(
        self, centre: str, subject: str, content: bytes, headers: dict[str, str], left: float
    ) -> Any:
        with _translated():
            reply = await self._behind.ask(centre, subject, content, headers, left)
        answer = json.loads(reply.data)
        if (reply.headers or {}).get("content-type", "").startswith("application/problem+json"):
            raise error_of(Problem.of(answer))
        return answer

    async def log(
        self, centre: str, after: int, until: int | None, services: Sequence[str], about: str
    ) -> AsyncGenerator[Event, None]:
        """What is on the log and comes to it; Unavailable where it ends before `until` has passed."""
        with _translated():
            LogQuery.model_validate({"service": tuple(services), "about": about or None})
            wanted = subjects(await self._behind.centre(centre), services, about)
            async with aclosing(self._behind.read(centre, wanted, after, until)) as parts:
                async for part in parts:
                    for raw in part:
                        if not raw.subject.endswith(f".{registry.TERM}"):  # who writes is no event
                            yield Event.of(raw.seq, event_of(raw.message()))

    async def settled(self, centre: str, left: float) -> int:
        """The position; Unavailable says what is waited for."""
        with _translated():
            return await self._operator.settle(await self._behind.centre(centre), left)


@contextmanager
def _translated() -> Iterator[None]:
    """What goes wrong is told as the door tells it."""
    try:
        yield
    except (errors.LogError, Wrong, ValidationError) as reason:
        raise error_of(Problem.of(told(reason).model_dump(exclude_none=True))) from reason
