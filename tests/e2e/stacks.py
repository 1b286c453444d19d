"""Centralita as it is run: in one process with its server, or as four processes beside a server."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Generic, TypeVar

from centralita.process import die_with_parent
from centralita.server import NatsServer
from centralita.stack import running
from contracts.registry import SERVICES

ROOT = Path(__file__).parents[2]
T = TypeVar("T")


class Background(Generic[T]):
    """Something entered on an event loop of a thread of its own, where it stays until `stop`."""

    def __init__(self, context: AbstractAsyncContextManager[T]) -> None:
        self.value: T
        self._context, self._failure, self._ready = context, list[BaseException](), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure:
            raise self._failure[0]

    async def _run(self) -> None:
        self.loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with self._context as self.value:
                self._ready.set()
                await self._stop.wait()
        except BaseException as failure:
            self._failure.append(failure)
            raise
        finally:
            self._ready.set()

    def stop(self) -> None:
        """Leave it, and wait until that is done."""
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        assert not self._thread.is_alive(), "it does not stop"
        assert not self._failure


class OneProcess:
    """Server, services and HTTP door in this process; `url` and `door` are where they are."""

    def __init__(self, store: Path) -> None:
        self._stack = Background(running(store, door_port=0))
        self.url, self.hosts = self._stack.value.url, self._stack.value.hosts
        self.server, self.door = self._stack.value.server, str(self._stack.value.door)

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this on the loop of the stack."""
        asyncio.run_coroutine_threadsafe(work, self._stack.loop).result(30)

    def stop(self) -> None:
        """Stop everything."""
        self._stack.stop()


class FourProcesses:
    """A server started by hand, and each service a process that knows its URL; all work in `store`."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self._server = Background[NatsServer](NatsServer.start(store / "server"))
        self.url = self._server.value.url
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for service in SERVICES:
            self.start(service)

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

    def end(self, service: str) -> None:
        """SIGTERM: the service leaves everything in order."""
        process = self.processes.pop(service)
        process.terminate()
        assert process.wait(10) == 0, (
            f"{service} ended with {process.returncode}: {self.log_of(service)[-2000:]}"
        )

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
        self._server.stop()
        assert not late, f"SIGTERM does not stop {late}"


Stack = OneProcess | FourProcesses
STACKS: dict[str, type[OneProcess | FourProcesses]] = {
    "one process": OneProcess,
    "four processes": FourProcesses,
}
