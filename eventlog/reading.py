"""Reading from the connection: messages are taken from the bytes as they came, many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from nats.aio.client import Client
from nats.protocol.parser import AWAITING_CONTROL_LINE, Parser

Frame: TypeAlias = tuple[bytes, bytes, bytes, bytes]
"""A message: its subject, where to answer, its header block (b"" where there is none) and its data."""
Take: TypeAlias = Callable[[list[Frame]], None]

_END = b"\r\n"


class Reader(Parser):
    """nats-py's parser for all but the messages of `takers` (by the id of their subscription), which must not raise.

    nats-py 2.16 spends 15 to 20 µs on a message: regular expressions tried in turn, headers read into a dict, a
    queue and a task for each subscription. Here it is 1 µs, and who takes the message reads of it what it needs.
    """

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.takers: dict[bytes, Take] = {}

    def reset(self) -> None:
        """Forget what has come of a message, and the rest of what is being parsed."""
        super().reset()
        self._parts: list[bytes] = []
        self._missing = 0
        self._life = object()

    async def parse(self, data: bytes = b"") -> None:
        """Take in what was read from the socket."""
        if self._amid:
            await super().parse(data)
            return
        self._parts.append(data)
        self._missing -= len(data)
        if self._missing > 0:
            return
        if len(self._parts) > 1:
            data = b"".join(self._parts)
        self._parts, life, at = [], self._life, 0
        while (at := self._taken(data, at)) < len(data):
            end = _end(data, at)
            if end > len(data):
                self._parts, self._missing = [data[at:]], end - len(data)
                return
            await super().parse(data[at:end])
            if self._life is not life:
                return
            at = end
            if self._amid:  # it was nothing that a server sends
                await super().parse(data[at:])
                return

    @property
    def _amid(self) -> bool:
        """Whether nats-py's parser waits for the rest of something."""
        return bool(self.buf) or self.state != AWAITING_CONTROL_LINE

    def _taken(self, data: bytes, at: int) -> int:
        """Give messages from a position on to their takers, up to the first that has none or is not complete."""
        size, find, takers = len(data), data.find, self.takers
        frames: list[Frame] = []
        listening, take = b"", None
        try:
            while (end := find(_END, at)) >= 0:
                middle = start = end + 2
                match data[at:end].split(b" "):
                    case b"HMSG", subject, sid, reply, head, total:
                        middle = start + int(head)
                    case b"HMSG", subject, sid, head, total:
                        middle, reply = start + int(head), b""
                    case b"MSG", subject, sid, reply, total:
                        pass
                    case b"MSG", subject, sid, total:
                        reply = b""
                    case _:
                        break
                if sid != listening:
                    if take and frames:
                        take(frames)
                    listening, take, frames = sid, takers.get(sid), []
                stop = start + int(total)
                if take is None or stop + 2 > size:
                    break
                frames.append((subject, reply, data[start:middle], data[middle:stop]))
                at = stop + 2
        except ValueError:
            pass  # nats-py says what is wrong with it
        if take and frames:
            take(frames)
        return at


def _end(data: bytes, at: int) -> int:
    """Where that ends which begins at a position; behind the end of the data if it is not complete."""
    end = data.find(_END, at)
    if end < 0:
        return len(data) + 1
    words = data[at:end].split(b" ")
    content = int(words[-1]) + 2 if words[0] in (b"MSG", b"HMSG") and words[-1].isdigit() else 0
    return end + 2 + content


__all__ = ["Frame", "Reader", "Take"]
