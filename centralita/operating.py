"""What operators and the command line work with: a centre over NATS, its log and its inbox as they are."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import nats
from nats.aio.msg import Msg

from centralita.addressing import addressed, check, subjects
from centralita.client.events import Fact, to_json
from centralita.client.problems import Problem, Refusal
from centralita.client.retrying import heed_cancelling
from centralita.settling import Settling
from contracts import registry
from eventlog import errors
from eventlog.client import Connection, urls
from eventlog.codec import Message, headers_of
from eventlog.inputs import end
from eventlog.stream import MAX_BATCH, Raw, Settings, Stream, streams
from services.sealed import Keys

_IDLE = 2.0
"""Seconds without a message after which the server is asked whether there is one."""


class Operator:
    """A connection to the NATS server; `async with Operator(url) as operator`. It reconnects by itself.

    `url` may be several with commas between, of the servers of a cluster: whichever answers.
    """

    def __init__(self, url: str, *, name: str = "centralita-operator", timeout: float = 5.0) -> None:
        self.url, self.name, self.timeout = url, name, timeout
        self.connection = Connection()
        self._streams: dict[str, Stream] = {}
        self._settling: dict[str, Settling] = {}
        self.denied: errors.Denied | None = None

    async def __aenter__(self) -> Self:
        reasons: list[Exception] = []

        async def on_error(error: Exception) -> None:
            reasons[:] = [error]  # what fails for good is raised where it was asked
            if isinstance(error, nats.errors.Error) and isinstance(denied := errors.of(error), errors.Denied):
                self.denied = denied

        try:
            await self.connection.connect(
                urls(self.url),
                name=self.name,
                connect_timeout=2,
                max_reconnect_attempts=1,  # for now: with -1 nats-py would try the first connection for ever
                reconnect_time_wait=0,
                error_cb=on_error,
            )
        except (nats.errors.Error, OSError, ValueError) as error:
            reason = str(reasons[0] if reasons else error)
            raise errors.Unavailable(f"no NATS server answers at {self.url}: {reason}") from error
        self.connection.options |= {"max_reconnect_attempts": -1, "reconnect_time_wait": 0.25}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(nats.errors.Error, OSError):  # a server that is gone already is no news
            await self.connection.close()

    def log(self, centre: str) -> Stream:
        """The log of a centre."""
        return self._stream(registry.log_stream(centre))

    def inbox(self, centre: str) -> Stream:
        """The inbox of a centre."""
        return self._stream(registry.inbox_stream(centre))

    def _stream(self, name: str) -> Stream:
        if name not in self._streams:
            self._streams[name] = Stream(self.connection, name, Settings(timeout=self.timeout))
        return self._streams[name]

    async def publish(self, centre: str, facts: Iterable[Fact], *, wait: float = 0) -> int:
        """Publish facts in this order; when it returns, all are on disk. Says how many.

        errors.NoStream if there is no such centre, errors.Full if its inbox or the server has no room (for so many
        seconds as `wait` says it is tried again), errors.Denied and errors.TooLarge as they say, errors.Unavailable
        if it is not known how many of the last thousand were stored: publishing them again does no harm, repeats
        are known by source and id.
        """
        until = asyncio.get_running_loop().time() + wait
        count, part = 0, list[tuple[str, Message]]()
        for fact in facts:
            part.append(addressed(fact, centre))
            if len(part) == MAX_BATCH:
                count += await self._store(centre, part, until)
                part = []
                heed_cancelling()
        if part:
            count += await self._store(centre, part, until)
        heed_cancelling()
        return count

    async def _store(self, centre: str, part: list[tuple[str, Message]], until: float) -> int:
        loop, pause = asyncio.get_running_loop(), 0.05
        while True:
            try:
                return await self._append(centre, part)
            except errors.Full:
                if loop.time() + pause > until:
                    raise
            await asyncio.sleep(pause)
            heed_cancelling()
            pause = min(2 * pause, 1.0)
            if len(part) > 1:  # there may never be room for all of them at once
                half = len(part) // 2
                return await self._store(centre, part[:half], until) + await self._store(
                    centre, part[half:], until
                )

    async def _append(self, centre: str, part: list[tuple[str, Message]]) -> int:
        self.denied = None
        try:
            return len(await self.inbox(centre).append(part))
        except errors.Full as full:
            raise errors.Full(f"the inbox of {centre} takes no more facts: {full}", full.limit) from full
        except errors.Unavailable:
            if self.denied:
                raise self.denied from None
            raise
        except errors.NoStream as error:
            if not registry.centres(await streams(self.connection)) & {centre}:
                raise
            # a replicated stream that has lost its leader looks like none until it has another
            raise errors.Unavailable(f"the inbox of {centre} has no leader just now") from error

    async def command(
        self, centre: str, service: str, verb: str, data: Mapping[str, Any], *, id: str = "", actor: str = ""
    ) -> dict[str, Any]:
        """Ask a service to do something; what it recorded, or Refusal. The same `id` again does it only once.

        What is refused for a moment only is asked again until `timeout` is over.
        """
        check("command", service, verb, registry.COMMANDS)
        asked = Message("", verb, b"", id or uuid4().hex, self.name, actor=actor)
        return await self._ask(
            centre, registry.command_subject(centre, service, verb), data, headers_of(asked)
        )

    async def query(
        self, centre: str, service: str, name: str, data: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask a service something; Refusal where it will not answer."""
        check("query", service, name, registry.QUERIES)
        return await self._ask(centre, registry.query_subject(centre, service, name), data or {}, {})

    async def _ask(
        self, centre: str, subject: str, data: Mapping[str, Any], headers: dict[str, str]
    ) -> dict[str, Any]:
        content, loop = to_json(data), asyncio.get_running_loop()
        until = loop.time() + self.timeout
        while True:
            reply = await self.ask(centre, subject, content, headers, until - loop.time())
            answer: dict[str, Any] = json.loads(reply.data)
            heed_cancelling()
            if not (reply.headers or {}).get("content-type", "").startswith("application/problem+json"):
                return answer
            problem = Problem.of(answer)
            # not all who were refused at once again
            pause = (problem.retry_after or 0) * (1 + random.random())
            if not pause or loop.time() + pause > until:
                raise Refusal(problem)
            await asyncio.sleep(pause)

    async def ask(
        self, centre: str, subject: str, content: bytes, headers: Mapping[str, str], timeout: float
    ) -> Msg:
        """A service's answer, be it a problem; errors.NoStream without such a centre, errors.Unavailable without one.

        Who takes over just now may not have heard it: it is asked again, and done once all the same.
        """
        until, patience = asyncio.get_running_loop().time() + timeout, 0.25
        asked = set[asyncio.Task[Msg]]()
        self.denied = None
        try:
            while (left := until - asyncio.get_running_loop().time()) > 0:
                request = self.connection.request(subject, content, timeout=left, headers=dict(headers))
                asked.add(asyncio.create_task(request))
                done, _ = await asyncio.wait(
                    asked, timeout=min(patience, left), return_when=asyncio.FIRST_COMPLETED
                )
                if done:
                    return done.pop().result()
                if self.denied:
                    raise self.denied
                await self._exists(centre)
                patience *= 2
        except nats.errors.MaxPayloadError as error:
            raise errors.TooLarge(f"{len(content)} bytes are more than the server takes") from error
        except (nats.errors.Error, TimeoutError, OSError) as error:
            if self.denied:
                raise self.denied from error
            await self._exists(centre)
        finally:
            await end(*asked)
        raise errors.Unavailable(f"no active {subject.split('.')[2]} answers for the centre {centre!r}")

    async def _exists(self, centre: str) -> None:
        if centre not in registry.centres(await streams(self.connection)):
            raise errors.NoStream(f"there is no centre {centre!r}")

    async def follow(
        self, centre: str, *, after: int = 0, services: Sequence[str] = (), about: str = ""
    ) -> AsyncIterator[list[Raw]]:
        """The log after a position, for ever: over lost connections without a gap or a repeat."""
        log = Stream(self.connection, registry.log_stream(centre), Settings(timeout=self.timeout))
        while True:
            try:
                await log.bind()
                async for part in log.follow(subjects(centre, services, about), after):
                    yield part
                    after = part[-1].seq
            except errors.Unavailable:
                await asyncio.sleep(0.2)

    async def recorded(self, centre: str, until: int | None = None) -> AsyncIterator[list[Raw]]:
        """All that can be read of a centre's log, up to a position or to its present end, in lists.

        What the server has lost of it is not waited for: the positions on either side show that it is missing.
        """
        log, subject, position = self.log(centre), f"log.{centre}.>", 0
        last = await log.last_sequence() if until is None else until
        while position < last:
            async with aclosing(log.follow([subject], position)) as parts:
                with suppress(TimeoutError):
                    while position < last:
                        async with asyncio.timeout(_IDLE):
                            part = await anext(parts)
                        position = part[-1].seq
                        yield part if position <= last else [raw for raw in part if raw.seq <= last]
                    return
            try:
                if await log.first_after(subject, position) is None:
                    return
            except errors.Declined:
                return

    async def story(self, centre: str, call: str) -> list[Message]:
        """Everything that all services recorded of a call and of what is kept beside it, in order.

        What is sealed is opened where its key was kept.
        """
        stream = self.log(centre)
        kept = [] if ":" in call else [registry.beside(kind, call) for kind in registry.BESIDE]
        parts = [
            await stream.read_subject(registry.log_subject(centre, name, id))
            for name in registry.SERVICES
            for id in (call, *kept)
        ]
        story = sorted((raw.message() for part in parts for raw in part), key=lambda message: message.seq)
        return list(map(Keys(story).open, story))

    async def settle(self, centre: str, timeout: float = 60.0) -> int:
        """Wait until every fact is decided on, nothing is due and every service has read the whole log.

        Returns the log's last position; errors.Unavailable if it is not so in time.
        """
        idle = [each for each in self._settling.values() if each.idle]
        for each in idle:  # all at once: while one is stopped, somebody may begin to wait for another
            del self._settling[each.centre]
        for each in idle:
            await each.stop()
        if centre not in self._settling:
            self._settling[centre] = Settling(self.connection, centre, self.inbox(centre), self.log(centre))
        return await self._settling[centre].wait(timeout)
