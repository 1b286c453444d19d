"""Centralita as it is run: in one process with its server, or as four processes beside a server of their own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

from centralita.process import die_with_parent
from centralita.server import NatsServer
from centralita.stack import running
from contracts.registry import SERVICES

ROOT = Path(__file__).parents[2]


class OneProcess:
    """Server and services on an event loop of a thread of their own; `url` is where they are."""

    def __init__(self, store: Path) -> None:
        self.url = ""
        self._store, self._ready = store, threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure:
            raise self._failure

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with running(self._store) as stack:
                self.url = stack.url
                self._ready.set()
                await self._stop.wait()
        except BaseException as failure:
            self._failure = failure
            self._ready.set()
            raise

    def stop(self) -> None:
        """Stop everything, and wait until it has ended."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        assert not self._thread.is_alive(), "the stack does not stop"


class FourProcesses:
    """A server started by hand, and each service a process that knows its URL; all work in `store`."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(self._start(store / "server"))
        self.url = self._server.url
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for service in SERVICES:
            self.start(service)

    @staticmethod
    async def _start(store: Path) -> NatsServer:
        return await NatsServer.start(store)

    def start(self, service: str) -> None:
        """Start a service; it may take a second or two until it answers."""
        options = ["--nats", self.url, "--service", service, "--store", str(self.store)]
        command = [sys.executable, "-m", "centralita.cli", "up", *options]
        with (self.store / f"{service}.log").open("ab") as log:
            self.processes[service] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.store,
                env=os.environ | {"PYTHONPATH": str(ROOT)}, preexec_fn=die_with_parent(),
            )  # fmt: skip

    def kill(self, service: str) -> None:
        """SIGKILL, as a power failure would."""
        process = self.processes.pop(service)
        process.kill()
        process.wait()

    def log_of(self, service: str) -> str:
        """What the service's process wrote."""
        return (self.store / f"{service}.log").read_text(errors="replace")

    def stop(self) -> None:
        """Ask every process to end, and see that it does."""
        for process in self.processes.values():
            process.terminate()
        late = []
        for service, process in self.processes.items():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                late.append(service)
                process.kill()
                process.wait()
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._server.stop())
        assert not late, f"SIGTERM does not stop {late}"


Stack = OneProcess | FourProcesses
STACKS: dict[str, type[OneProcess] | type[FourProcesses]] = {
    "one process": OneProcess,
    "four processes": FourProcesses,
}
