"""The connection to the server: nats-py's, but quicker with what is read, and no message can break it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, TypeAlias

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import (
    BadSubjectError,
    ConnectionClosedError,
    ConnectionDrainingError,
    MaxPayloadError,
    OutboundBufferLimitError,
)

from eventlog import headers as header
from eventlog.answers import Answers
from eventlog.reading import Reader, Take

Sent: TypeAlias = tuple[str, str, bytes, bytes]
"""A message to publish: its subject, where to answer ("" for nowhere), its header block (b"" for none), its data."""

_SUBJECT = re.compile(r"[^ \t\r\n]+")
_PIECE = 1 << 20


def urls(servers: str) -> list[str]:
    """The URLs of servers that were typed as one text."""
    return [url.strip() for url in servers.split(",") if url.strip()]


class Connection(Client):
    """A nats-py client that can be listened to without its queues and tasks, and reads headers quicker.

    Headers that nats-py cannot parse, and a subject that is no UTF-8, end its reading for good, without a
    word. Here such headers are absent, and such bytes U+FFFD: whoever judges the message finds both wrong.
    """

    def __init__(self) -> None:
        super().__init__()
        self._ps = self._reader = Reader(self)
        self.answers = Answers(self)

    async def listen(self, subject: str, take: Take) -> Subscription:
        """Have messages given to a function, all that came together at once; it must neither wait nor raise."""

        async def nobody(message: Msg) -> None:
            raise AssertionError(f"{message.subject} has come another way")

        sid = b"%d" % (self._sid + 1)
        self._reader.takers[sid] = take
        try:
            return await self.subscribe(subject, cb=nobody)
        except BaseException:
            self._reader.takers.pop(sid, None)
            raise

    async def send(self, messages: Iterable[Sent]) -> None:
        """Publish messages in as few pieces as can be; raises what `publish` raises."""
        if self.is_closed:
            raise ConnectionClosedError
        if self.is_draining_pubs:
            raise ConnectionDrainingError
        parts: list[bytes] = []
        size = 0
        for subject, reply, block, data in messages:
            if not _SUBJECT.fullmatch(subject):
                raise BadSubjectError
            if len(data) > self._max_payload:
                raise MaxPayloadError
            sizes = f"{len(block)} {len(block) + len(data)}" if block else f"{len(data)}"
            parts += f"{'H' if block else ''}PUB {subject} {reply} {sizes}\r\n".encode(), block, data, b"\r\n"
            size += len(block) + len(data)
            if size > _PIECE:
                await self._write(parts)
                parts, size = [], 0
        await self._write(parts)

    async def _write(self, parts: list[bytes]) -> None:
        piece = b"".join(parts)
        room = self._max_pending_size - self._pending_data_size
        if not self.is_connected and (self._max_pending_size <= 0 or len(piece) > room):
            raise OutboundBufferLimitError
        self.stats["out_msgs"] += len(parts) // 4
        self.stats["out_bytes"] += len(piece)
        await self._send_command(piece)
        await self._flush_pending()

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        try:
            await super()._close(status, do_cbs)
        finally:  # what could not be sent any more may fail on the way
            self.answers.wake()

    def _remove_sub(self, sid: int, max_msgs: int = 0) -> None:
        self._reader.takers.pop(b"%d" % sid, None)
        super()._remove_sub(sid, max_msgs)

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None
    ) -> None:
        if take := self._reader.takers.get(b"%d" % sid):
            take([(bytes(subject), bytes(reply), headers or b"", data)])
        else:
            await super()._process_msg(sid, subject, reply, data, headers)  # type: ignore[arg-type]

    _parse_header_lines = staticmethod(header.lines)

    async def _process_headers(self, headers: Any) -> dict[str, str] | None:
        return header.parsed(headers or b"") or None

    def _build_message(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: dict[str, str] | None
    ) -> Msg:
        return self.msg_class(
            subject=bytes(subject).decode(errors="replace"),
            reply=bytes(reply).decode(errors="replace"),
            data=data,
            headers=headers,
            _client=self,
            _sid=sid,
        )
