"""`GET /v1/{centre}/log`: what was recorded, as server-sent events that go on where a reader left off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from centralita.addressing import subjects
from centralita.door.endpoint import Door, header, query
from centralita.door.problems import malformed, response, told
from contracts import registry
from contracts.http import LogQuery
from eventlog import errors
from eventlog.codec import Message, headers_of
from eventlog.inputs import end
from eventlog.stream import Raw
from eventlog.structured import packed
from services.limits import Exceeded

__all__ = ["followed"]
SILENCE = 15.0
"""Seconds without an event after which a comment is sent."""
RETRY = 500
"""Milliseconds after which an EventSource comes back."""


async def followed(door: Door, request: Request) -> Response:
    """Each event under its position; `Last-Event-ID` goes on after the last one read."""
    wanted = query(request, LogQuery, lists=("service",))
    after = wanted.after
    if last := header(request, "last-event-id").strip():
        if not (last.isascii() and last.isdigit() and len(last) < 19):
            raise malformed("last-event-id", "a position, as the id of an event has it")
        after = int(last)
    centre = await door.behind.centre(request.path_params["centre"])
    if request.method == "HEAD":
        return Response(media_type=EventSource.media_type)
    found = subjects(centre, wanted.service, wanted.about or "")
    return EventSource(door, door.behind.read(centre, found, after, wanted.until), wanted.until)


class EventSource(Response):
    """Sends what comes, no faster than it is taken; ends with what it reads, its reader or the door."""

    media_type = "text/event-stream"

    def __init__(self, door: Door, parts: AsyncGenerator[list[Raw], None], until: int | None) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._door, self._parts, self._until = door, parts, until

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one reader."""
        try:
            with self._door.room.reader():
                await self._serve(receive, send, scope["state"]["abort"])
        except Exceeded as full:
            await response(told(full))(scope, receive, send)

    async def _serve(self, receive: Receive, send: Send, abort: Callable[[], None]) -> None:
        telling = asyncio.create_task(self._tell(send))
        gone = asyncio.create_task(_gone(receive))
        leaving = asyncio.create_task(self._door.leaving.wait())
        try:
            await asyncio.wait((telling, gone, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end(telling, gone, leaving)
        reason = None if telling.cancelled() else telling.exception()
        if reason and not isinstance(reason, errors.NoStream):  # the centre was removed
            structlog.get_logger().warning("door.reader_lost", reason=type(reason).__name__)
        try:
            async with asyncio.timeout(0 if isinstance(reason, TimeoutError) else 0.5):
                await send({"type": "http.response.body", "body": b""})
        except TimeoutError:  # it takes nothing, and what it was sent would lie here for as long as it likes
            abort()
            await _gone(receive)

    async def _tell(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await self._send(send, f"retry: {RETRY}\n")
        async with aclosing(self._parts) as parts:
            while True:
                coming = asyncio.create_task(_next(parts))
                try:
                    while not (await asyncio.wait((coming,), timeout=SILENCE))[0]:
                        await self._send(send, ": nothing new\n")
                finally:
                    await end(coming)
                if (part := coming.result()) is None:
                    if self._until is not None:
                        await self._send(send, f"id: {self._until}\n\n")  # so far, and not only cut off
                    return
                await self._send(send, "".join(map(_text, part)))

    async def _send(self, send: Send, text: str) -> None:
        async with asyncio.timeout(self._door.room.most.patience):
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


def event_of(message: Message) -> dict[str, Any]:
    """A message as a CloudEvent in JSON: the attributes of its headers, and its data."""
    return packed(headers_of(message), message.data)


def _text(raw: Raw) -> str:
    if raw.subject.endswith(f".{registry.TERM}"):
        return ""  # who writes for a service is no event
    message = raw.message()
    told = json.dumps(event_of(message))  # ASCII: there are readers for whom U+2028 ends a line
    return f"id: {raw.seq}\nevent: {message.name}\ndata: {told}\n\n"


async def _next(parts: AsyncGenerator[list[Raw], None]) -> list[Raw] | None:
    return await anext(parts, None)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
