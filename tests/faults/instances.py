"""Instances of the services as processes: forked from one that has loaded everything, so that they start at once."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import sys
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

_NURSERY = get_context("forkserver")
_NURSERY.set_forkserver_preload(
    ["tests.faults.mortal", "centralita.cli", "centralita.commands.up", "centralita.logs", "centralita.stack"]
)


def die_with_parent() -> None:
    """Have this process killed, asleep or awake, when the one that started it ends (on Linux)."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)


def _serve(arguments: list[str], said: Path, log: Path) -> None:
    """Be `centralita`, with a life that ends when that of whoever forked us does."""
    die_with_parent()
    for number, file, mode in ((1, said, os.O_TRUNC), (2, log, os.O_APPEND)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | mode, 0o644), number)
    from centralita.cli import main

    sys.exit(main(arguments))


class Instance:
    """One instance of a service; `start` it, and do to it what may happen to a process."""

    def __init__(self, service: str, which: str, directory: Path, url: str) -> None:
        self.service, self.name = service, f"{service}-{which}"
        self.log = directory / f"{self.name}.log"
        self._said = directory / f"{self.name}.said"
        options = ["--nats", url, "--service", service, "--store", str(directory / which), "--json"]
        self._arguments = ["up", *options]
        self._page = ""

    def start(self) -> None:
        """Start it, or start it again; it takes part after a moment."""
        self._page = ""
        self._said.write_text("")
        self._process = _NURSERY.Process(
            target=_serve, args=(self._arguments, self._said, self.log), daemon=True, name=self.name
        )
        self._process.start()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it lives."""
        if self._process.is_alive():
            with suppress(ProcessLookupError):
                assert self._process.pid
                os.kill(self._process.pid, number)

    async def ended(self, seconds: float = 15) -> int:
        """Wait until it is gone; its exit code. TimeoutError if it stays."""
        async with asyncio.timeout(seconds):
            while self._process.is_alive():
                await asyncio.sleep(0.01)
        return self._process.exitcode or 0

    @property
    def alive(self) -> bool:
        """Whether the process is there, be it at work or not."""
        return self._process.is_alive()

    async def state(self, centre: str) -> str:
        """How it stands in a centre, "" if it does not say so."""
        if not self._page:
            with suppress(OSError, ValueError):
                self._page = json.loads(self._said.read_text())["services"][self.service]
        if not self._page:
            return ""
        with suppress(OSError, ValueError, TimeoutError):
            async with asyncio.timeout(0.5):
                return str(json.loads(await _page(self._page))["centres"].get(centre, ""))
        return ""


async def _page(url: str) -> bytes:
    """What stands there; the connection is closed at once, for it may be a process that sleeps."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(b"GET /readyz HTTP/1.0\r\n\r\n")
        return (await reader.read()).partition(b"\r\n\r\n")[2]
    finally:
        writer.transport.abort()
