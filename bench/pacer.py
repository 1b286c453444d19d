"""A client that sends each message when it is due: a process that does nothing else, on a socket of its own.

`python -m bench.pacer HOST:PORT FILE` sends what `paced` has put into FILE, and prints what it saw. No library's
queues and no event loop stand between the clock and the socket, so what is late is hardly ever the client.
"""

import gc
import json
import pickle
import re
import select
import socket
import sys
import time
from asyncio import create_subprocess_exec
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

LEAD_S = 1.0
"""Seconds that the process is given to start before the first message is due."""
ANSWERED_WITHIN_S = 10.0
_REFUSALS = (b'"error"', b"NATS/1.0 503", b"application/problem+json")
_OPERATION = re.compile(rb"(H?MSG) (\S+) (?:\S+ ){1,2}?(?:(\d+) )?(\d+)\r\n")


class Due(NamedTuple):
    """A message with the time (seconds since 1970) at which it is to be sent."""

    at: float
    subject: str
    headers: dict[str, str]
    data: bytes


@dataclass(frozen=True, slots=True)
class Paced:
    """What became of the messages, in ms from when each was due: sent, and answered; `refused` is what was said."""

    sent: list[float]
    answered: list[float]
    refused: list[str]


async def paced(url: str, make: Callable[[float], Sequence[Due]], count: int, file: Path) -> Paced:
    """Send what `make` gives for the time at which the first is due, `count` messages; RuntimeError if that fails."""
    _prepare(make(time.time() + LEAD_S + count * 60e-6), file)
    process = await create_subprocess_exec(
        *(sys.executable, "-m", "bench.pacer", url.rpartition("/")[2], str(file)),
        stdin=DEVNULL, stdout=PIPE, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"the client has ended with code {process.returncode}")
    return Paced(**json.loads(said))


def _prepare(messages: Sequence[Due], file: Path) -> None:
    inbox = f"_INBOX.{uuid4().hex}"
    frames = [(due.at, _frame(due, f"{inbox}.{n}")) for n, due in enumerate(messages)]
    file.write_bytes(pickle.dumps((inbox, frames)))


def _frame(due: Due, reply: str) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in due.headers.items())
    block = f"NATS/1.0\r\n{lines}\r\n".encode()
    size = f"{len(block)} {len(block) + len(due.data)}"
    return f"HPUB {due.subject} {reply} {size}\r\n".encode() + block + due.data + b"\r\n"


class _Client:
    """One connection; `answers` are the times at which the nth message was answered."""

    def __init__(self, address: str, inbox: str) -> None:
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers: dict[int, float] = {}
        self.refused: list[str] = []
        self._unread = bytearray()
        options = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True}
        self.socket.sendall(f"CONNECT {json.dumps(options)}\r\nSUB {inbox}.* 1\r\nPING\r\n".encode())

    def send_at(self, at: float, frame: bytes) -> float:
        """Wait until then, send, and return how late that was, in seconds."""
        while (left := at - time.time()) > 0:
            self.hear(left)
        late = time.time() - at
        self.socket.sendall(frame)
        return late

    def hear(self, patience: float) -> None:
        """Read what has come, or comes within so many seconds."""
        readable, _, _ = select.select([self.socket], [], [], patience)
        if not readable:
            return
        now, unread = time.time(), self._unread
        unread += self.socket.recv(1 << 18)
        while True:
            line_end = unread.find(b"\r\n") + 2
            if line_end < 2:
                return
            operation = _OPERATION.match(unread)
            if operation is None:
                line = bytes(unread[:line_end])
                if line.startswith(b"PING"):
                    self.socket.sendall(b"PONG\r\n")
                elif line.startswith(b"-ERR"):
                    raise SystemExit(line.decode())
                del unread[:line_end]
                continue
            end = line_end + int(operation[4]) + 2
            if len(unread) < end:
                return
            self._take(int(operation[2].rpartition(b".")[2]), bytes(unread[line_end:end]), now)
            del unread[:end]

    def _take(self, number: int, answer: bytes, at: float) -> None:
        self.answers[number] = at
        if any(mark in answer for mark in _REFUSALS):
            self.refused.append(answer.decode(errors="replace"))


def main(address: str, file: str) -> dict[str, Any]:
    """Send everything, wait for the answers, and tell how it went."""
    gc.disable()
    inbox, frames = pickle.loads(Path(file).read_bytes())
    client = _Client(address, inbox)
    sent = [client.send_at(at, frame) for at, frame in frames]
    until = time.time() + ANSWERED_WITHIN_S
    while len(client.answers) < len(frames) and time.time() < until:
        client.hear(0.1)
    answered = [client.answers[n] - frames[n][0] for n in sorted(client.answers)]
    return {
        "sent": [late * 1000 for late in sent],
        "answered": [late * 1000 for late in answered],
        "refused": client.refused,
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
