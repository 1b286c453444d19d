"""What is behind the door: the inboxes and logs of open centres, and the services that answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence

from nats.aio.msg import Msg

from centralita import centres
from centralita.operating import Operator
from contracts import registry
from eventlog import errors
from eventlog.codec import Message, headers_of
from eventlog.inputs import end
from eventlog.stream import Raw, Settings, Stream

PATIENCE = 6.0
"""Seconds that a service may take to answer: a little longer than it waits for a position it is to have reached."""
BATCHES = 16
"""Batches of facts on their way at once; the server takes at most 50 of a stream, from everybody together."""
FOLLOWING = Settings(window=256, window_bytes=2 << 20, heartbeat=0.5)
"""No more than this of a log is on its way to one reader, however slow that is."""

_ANSWERED = 0.25
"""Seconds within which the server has mostly answered; after that it may have said that it does not permit it."""
_SOON, _LATER = 0.05, 0.5
"""Seconds after which it is seen whether a log has come to where a reader ends: first, and where nothing happens."""


class Behind:
    """The only way from the door to NATS; names are judged here, so that none can stand for a wildcard."""

    def __init__(self, client: Operator) -> None:
        self.client, self.connection = client, client.connection
        self._batches = asyncio.Semaphore(BATCHES)

    async def names(self) -> list[str]:
        """The centres that are open."""
        self.reachable()
        return await centres.names(self.connection)

    async def centre(self, name: str) -> str:
        """The name, once it is sure that there is such a centre; else errors.NoStream."""
        if _named(name) not in await self.names():
            raise _none(name)
        return name

    def reachable(self) -> None:
        """errors.Unavailable while there is no connection to the server."""
        if not self.connection.is_connected:
            raise errors.Unavailable("the NATS server cannot be reached")

    def log(self, centre: str) -> Stream:
        """The log of a centre, as fast as its reader takes it."""
        return Stream(self.connection, registry.log_stream(_named(centre)), FOLLOWING)

    async def store(self, centre: str, facts: Sequence[tuple[str, Message]]) -> list[int]:
        """Store facts, all or none, under their subjects, and say at which positions, once they are on disk."""
        _named(centre)
        self.reachable()
        self.client.denied = None
        storing = asyncio.create_task(self._stored(centre, facts))
        try:
            while not (await asyncio.wait((storing,), timeout=_ANSWERED))[0]:
                if self.client.denied:
                    raise self.client.denied
            return storing.result()
        except errors.NoStream:
            await self.centre(centre)
            # a replicated stream that has lost its leader looks like none until it has another
            raise errors.Unavailable(f"the inbox of {centre} has no leader just now") from None
        finally:
            await end(storing)

    async def _stored(self, centre: str, facts: Sequence[tuple[str, Message]]) -> list[int]:
        if len(facts) == 1:
            return [await self._store_one(*facts[0])]
        async with self._batches:
            return await Stream(self.connection, registry.inbox_stream(centre)).append(facts, atomic=True)

    async def _store_one(self, subject: str, fact: Message) -> int:
        try:
            reply = await self.connection.request(
                subject, fact.data, timeout=PATIENCE, headers=headers_of(fact)
            )
        except Exception as error:
            raise errors.of(error) from error
        answer = json.loads(reply.data)
        errors.check(answer)
        return int(answer["seq"])

    async def ask(
        self, centre: str, subject: str, content: bytes, headers: Mapping[str, str], timeout: float = PATIENCE
    ) -> Msg:
        """A service's answer; errors.NoStream where there is no such centre, errors.Unavailable without one."""
        _named(centre)
        self.reachable()
        return await self.client.ask(centre, subject, content, headers, timeout)

    async def read(
        self, centre: str, subjects: Sequence[str], after: int, until: int | None
    ) -> AsyncGenerator[list[Raw], None]:
        """What a log holds after a position, in lists: up to another, or for ever, over lost connections.

        errors.NoStream where the centre is removed meanwhile.
        """
        log, pause = self.log(centre), _SOON
        while until is None or after < until:
            try:
                await log.bind()
                if until is None:
                    async for part in log.follow(subjects, after):
                        yield part
                        after = part[-1].seq
                else:
                    last = min(until, await log.last_sequence())
                    pause = _SOON if after < last else min(2 * pause, _LATER)
                    async for part in log.read(subjects, after, last):
                        yield part
                        after = part[-1].seq
                    after = max(after, last)
                    await asyncio.sleep(pause if after < until else 0)
            except errors.Unavailable:
                await asyncio.sleep(0.2)


def _named(centre: str) -> str:
    try:
        return registry.centre_name(centre)
    except ValueError:
        raise _none(centre) from None


def _none(centre: str) -> errors.NoStream:
    return errors.NoStream(f"there is no centre {centre[:40]!r}")
