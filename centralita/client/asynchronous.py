"""The client for programs that use asyncio."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from centralita.client.events import Accepted, Event, Fact, Recorded, timestamp, to_json
from centralita.client.problems import Problem, Refusal, Unavailable
from centralita.client.retrying import Pauses, insist
from centralita.client.transport import Transport

__all__ = ["Client"]

MOST, LARGEST = 1000, 1 << 20
"""Facts of a batch, and bytes of all of them."""


class Client:
    """A connection to Centralita: `http://…` to its HTTP door, `nats://…` (or several with commas) to NATS itself.

        async with Client("http://127.0.0.1:8422", token="…") as client:
            await client.publish("acme", Fact("call.offered", "c-1", {"queue": "general"}))

    Both ways do the same and refuse the same. What fails for a moment is tried again, with growing pauses, for
    `timeout` seconds. Raises Refusal where something is not done, Unavailable where nobody answers in time.
    """

    def __init__(
        self, url: str, *, token: str | None = None, timeout: float = 5.0, name: str = "centralita-client"
    ) -> None:
        self.url, self.timeout = url, timeout
        self._transport = _transport(url, token, name)

    async def __aenter__(self) -> Self:
        try:
            await self._transport.open()
        except BaseException:
            await self._transport.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.close()

    async def publish(
        self, centre: str, facts: Fact | Iterable[Fact], *, timeout: float = 30.0
    ) -> list[Accepted]:
        """Publish one fact or many, in this order; when it returns, all are on disk, at the positions it gives.

        They go in batches of up to a thousand, each stored whole or not at all. A full inbox or a busy door is waited
        for, a batch for `timeout` seconds at most. What is wrong with a fact is known before anything of its batch is
        stored: Refusal says which field, as `[2].data.from` counted from the first fact of all, and `accepted` which
        facts before it are stored. After Unavailable publish again: repeats are known by source and id.

            await client.publish("acme", [Fact("call.offered", "c-1"), Fact("call.abandoned", "c-1")])
        """
        alone = isinstance(facts, Fact)
        accepted = list[Accepted]()
        try:
            for batch in _batches([facts] if isinstance(facts, Fact) else facts):
                accepted += await self._store(centre, batch, timeout, alone)
        except (Refusal, Unavailable) as reason:
            stored = [*accepted, *reason.accepted]
            if isinstance(reason, Refusal) and not alone:
                reason.problem = reason.problem.counted(len(stored))
            reason.accepted = stored
            raise
        return accepted

    async def _store(
        self, centre: str, batch: list[dict[str, Any]], timeout: float, alone: bool
    ) -> list[Accepted]:
        pauses, parts, stored = Pauses(timeout), deque([batch]), list[Accepted]()
        while parts:
            try:
                stored += await self._transport.store(centre, parts[0], max(pauses.left, 0.01), alone)
            except (Refusal, Unavailable) as reason:
                reason.accepted = stored
                full = isinstance(reason, Refusal) and reason.problem.rule == "inbox-full"
                if full and (half := len(parts[0]) // 2):  # for a part of them there may be room
                    part = parts.popleft()
                    parts.extendleft((part[half:], part[:half]))
                else:
                    await pauses.take(reason)
            else:
                parts.popleft()
                pauses.reset()
                pauses.heed_cancelling()
        return stored

    async def command(
        self,
        centre: str,
        service: str,
        verb: str,
        data: Mapping[str, Any] | None = None,
        *,
        id: str = "",
        actor: str = "",
        trace: str = "",
    ) -> Recorded:
        """Ask a service to do something, and return what it recorded; with the same `id` it is done only once.

        Refusal says which rule stands against it.

            ticket = {"category": "complaint", "need": "no cooling", "by": "lucia"}
            recorded = await client.command("acme", "tickets", "register", ticket, id="order-17")
        """
        about = {"id": id or uuid4().hex, "actor": actor, "trace": trace}
        content = to_json(data or {})
        answer = await insist(
            lambda left: self._transport.command(centre, service, verb, content, about, left), self.timeout
        )
        return Recorded.of(answer)

    async def query(
        self, centre: str, service: str, name: str, data: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask a service something; with `position` it answers once it has read the log that far.

        figures = await client.query("acme", "sla", "figures", {"position": recorded.position})
        """
        answer: dict[str, Any] = await insist(
            lambda left: self._transport.query(centre, service, name, data or {}, left), self.timeout
        )
        return answer

    async def follow(
        self,
        centre: str,
        *,
        after: int = 0,
        until: int | None = None,
        services: Sequence[str] = (),
        about: str = "",
    ) -> AsyncGenerator[Event, None]:
        """The events of the log after a position, in order, for ever or up to another position.

        Lost connections and servers that start again leave no gap and no repeat; while nobody answers it waits. Keep
        the `position` of the last event that you have dealt with, and go on `after` it.

            async for event in client.follow("acme", after=120, services=["sla"]):
                print(event.position, event.type, event.about)
        """
        pauses = Pauses(float("inf"))
        while until is None or after < until:
            try:
                async with aclosing(self._transport.log(centre, after, until, services, about)) as events:
                    async for event in events:
                        after = event.position
                        pauses.reset()
                        yield event
                return
            except (Refusal, Unavailable) as reason:
                await pauses.take(reason)

    async def settle(self, centre: str, *, timeout: float = 30.0) -> int:
        """For tests: wait until every fact is decided on, nothing is due and every service has read the whole log.

        Returns the log's last position; Unavailable says what was still waited for.

            position = await client.settle("acme")
        """
        return await insist(lambda left: self._transport.settled(centre, left), timeout)

    async def advance(self, centre: str, to: datetime | timedelta, *, timeout: float = 30.0) -> int:
        """For tests: let time pass on a virtual clock, to a moment or by so much, with all that becomes due.

        Returns the log's last position. Refusal where the clock is the world's, has not begun, or is later already.

            await client.advance("acme", timedelta(minutes=11))
        """
        if isinstance(to, datetime):
            timestamp(to)  # ValueError where it has no offset
        status = await self.query(centre, "intake", "status")
        if not status["virtual"]:
            raise _refused("clock-real", f"{centre} goes by the real clock, which nobody advances")
        now = datetime.fromisoformat(status["clock"])
        if isinstance(to, timedelta):
            if now.year == _NEVER:
                raise _refused(
                    "clock-not-set", f"the clock of {centre} has not begun: advance it to a moment"
                )
            to = now + to
        if to < now:
            raise _refused(
                "clock-backwards", f"in {centre} it is {timestamp(now)} already, no clock runs back"
            )
        fact = Fact("clock.advanced", "clock", {"to": to}, to, id=f"clock-{timestamp(to)}")
        await self.publish(centre, fact, timeout=timeout)
        return await self.settle(centre, timeout=timeout)


_NEVER = 1970


def _transport(url: str, token: str | None, name: str) -> Transport:
    scheme, _, rest = url.partition("://")
    if not rest.strip("/"):
        scheme = ""
    if scheme in ("http", "https"):
        from centralita.client.over_http import OverHttp

        return OverHttp(url, token, name)
    if scheme in ("nats", "tls"):
        from centralita.client.over_nats import OverNats

        if token:
            raise ValueError("token: that is for HTTP; with NATS it stands in the URL, as nats://TOKEN@HOST")
        return OverNats(url, name)
    raise ValueError(f"url: expected http://, https://, nats:// or tls://, found {url!r}")


def _batches(facts: Iterable[Fact]) -> Iterable[list[dict[str, Any]]]:
    batch, size = list[dict[str, Any]](), 0
    for fact in facts:
        event = fact.cloudevent()
        bytes_ = len(to_json(event))
        if batch and (len(batch) == MOST or size + bytes_ > LARGEST):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += bytes_
    if batch:
        yield batch


def _refused(rule: str, detail: str) -> Refusal:
    return Refusal(Problem("Refused by a rule", 409, detail, f"/problems/{rule}", rule))
