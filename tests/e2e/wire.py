"""The NATS protocol spoken byte by byte: what a client library would refuse to send goes out as it is."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self
from urllib.parse import urlsplit

INBOX = "_WIRE.answers"


class Refused(Exception):
    """The server did not take a message: its error, or its closing of the connection."""


class Wire:
    """One connection; `await Wire.open(url)`, and `close` in the end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect and listen for answers."""
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        wire = cls(reader, writer)
        await reader.readline()
        options = {
            "verbose": False,
            "pedantic": False,
            "headers": True,
            "no_responders": True,
            "name": "wire",
        }
        writer.write(f"CONNECT {json.dumps(options)}\r\nSUB {INBOX} 1\r\nPING\r\n".encode())
        while not (await reader.readline()).startswith(b"PONG"):
            pass
        return wire

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def publish(self, subject: bytes, headers: bytes | None, body: bytes) -> dict[str, Any]:
        """JetStream's answer to a message with these very bytes; Refused if the server does not take it."""
        if headers is None:
            head = b"PUB %s %s %d\r\n" % (subject, INBOX.encode(), len(body))
        else:
            sizes = (len(headers), len(headers) + len(body))
            head = b"HPUB %s %s %d %d\r\n" % (subject, INBOX.encode(), *sizes)
        return await self.send(head + (headers or b"") + body + b"\r\n")

    async def send(self, sent: bytes) -> dict[str, Any]:
        """What comes back after these bytes."""
        try:
            self._writer.write(sent)
            return await asyncio.wait_for(self._answer(), 5)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Refused("the server has closed the connection") from None

    async def _answer(self) -> dict[str, Any]:
        while True:
            line = await self._reader.readuntil(b"\r\n")
            if line.startswith(b"PING"):
                self._writer.write(b"PONG\r\n")
            elif line.startswith(b"-ERR"):
                raise Refused(line.decode().strip())
            elif line.startswith((b"MSG", b"HMSG")):
                content = await self._reader.readexactly(int(line.split()[-1]) + 2)
                if line.startswith(b"HMSG"):
                    raise Refused(content.split(b"\r\n")[0].decode())  # 503: nobody takes that subject
                answer: dict[str, Any] = json.loads(content)
                return answer
