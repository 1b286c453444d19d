"""The connection to the server: nats-py's, but quicker with what is read, and no message can break it."""

from __future__ import annotations

from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from eventlog import headers as header
from eventlog.reading import Reader, Take


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

    async def listen(self, subject: str, take: Take) -> Subscription:
        """Have messages given to a function, all that came together at once; it must neither wait nor raise."""

        async def nobody(message: Msg) -> None:
            raise AssertionError(f"{message.subject} has come another way")

        subscription = await self.subscribe(subject, cb=nobody)
        self._reader.takers[b"%d" % self._sid] = take
        return subscription

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
