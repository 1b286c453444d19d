"""A real nats-server with JetStream, started and stopped from Python (Linux and macOS)."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Coroutine, Generator, Mapping
from pathlib import Path
from typing import Any

from centralita.process import HOST, ServerError, StoreLock, die_with_parent, find_binary, has_jetstream

__all__ = ["NatsServer", "ServerError"]

POLL = 0.005
STOP_WITHIN = 5.0


class NatsServer:
    """One nats-server on 127.0.0.1, with its files and its log in `store_dir` and every ack on disk."""

    def __init__(self, store_dir: Path, port: int, config: Mapping[str, object], ready_within: float):
        """Not started yet: use `start`."""
        self.store_dir = store_dir
        self.log_file = store_dir / "server.log"
        self.port = port
        self._config = config
        self._ready_within = ready_within
        self._process: asyncio.subprocess.Process | None = None
        self._lock: StoreLock | None = None
        self._restarting = asyncio.Lock()

    @staticmethod
    def start(
        store_dir: Path,
        port: int = 0,
        *,
        name: str = "centralita",
        max_payload: int = 1 << 20,
        max_file_store: int | None = None,
        cluster: Mapping[str, object] | None = None,
        binary: Path | None = None,
        ready_within: float = 30.0,
    ) -> "Starting":
        """Start a server: `await` it, or `async with` it to have it stopped at the end.

        Port 0: a free one, kept over restarts. Sizes in bytes, `ready_within` in seconds (recovery of a large
        store counts). `cluster` is that section of the server's configuration. Raises ServerError.
        On Linux the server dies with the thread that started it (the event loop's), hence with the process.
        """
        store_dir = store_dir.absolute()
        jetstream: dict[str, object] = {"store_dir": str(store_dir), "sync_interval": "always"}
        if max_file_store is not None:
            jetstream["max_file_store"] = max_file_store
        config: dict[str, object] = {"host": HOST, "server_name": name, "max_payload": max_payload}
        config |= {"jetstream": jetstream, "ports_file_dir": str(store_dir)}
        if cluster is not None:
            config["cluster"] = cluster
        return Starting(NatsServer(store_dir, port, config, ready_within)._first(binary))

    @property
    def url(self) -> str:
        return f"nats://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of the latest start."""
        if self._process is None:
            raise ServerError("the server was never started")
        return self._process.pid

    async def ended(self) -> str:
        """Wait until the process is gone, but not for `restart`; says with which code, and where its log is."""
        assert self._process
        while True:
            code = await self._process.wait()
            async with self._restarting:
                if self._process.returncode is not None:
                    return f"nats-server has ended with code {code}, its log is {self.log_file}"

    async def stop(self) -> None:
        """SIGTERM, after 5 s SIGKILL; returns with the process gone and the store free. Safe to repeat."""
        try:
            await self._end()
        finally:
            self._release()

    def kill(self) -> None:
        """SIGKILL. The store stays locked for `restart`; `stop` frees it."""
        self._signal(signal.SIGKILL)

    def suspend(self) -> None:
        """SIGSTOP: connections stay open and nothing answers (at once on Linux, elsewhere soon)."""
        self._signal(signal.SIGSTOP)
        if sys.platform == "linux":
            with contextlib.suppress(ChildProcessError):  # gone already
                os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    async def restart(self) -> None:
        """Start again on the same port and store, stopping it first if it still runs. Raises ServerError."""
        async with self._restarting:
            await self._end()
            await self._launch()

    async def _first(self, binary: Path | None) -> "NatsServer":
        self._binary = await find_binary(binary)
        await self._launch()
        return self

    async def _launch(self) -> None:
        config = self.store_dir / "server.conf"
        try:
            self._lock = self._lock or StoreLock(self.store_dir)
            for stale in self.store_dir.glob("*.ports"):
                stale.unlink()
            text = json.dumps({**self._config, "port": self.port or -1}, indent=2, ensure_ascii=False)
            config.write_text(text, encoding="utf-8")
            log = self.log_file.open("ab")
        except OSError as error:
            self._release()
            raise ServerError(
                f"cannot write to the store directory {self.store_dir}: {error}; choose another"
            ) from error
        with log:
            seen = log.tell()
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *(self._binary, "-c", config), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                    pass_fds=[self._lock.fd], preexec_fn=die_with_parent(),
                    start_new_session=True,  # Ctrl-C reaches us alone, and we stop it last
                )  # fmt: skip
                async with asyncio.timeout(self._ready_within):
                    await self._ready(self._process, seen)
            except BaseException as error:
                self.kill()
                await self.stop()
                if isinstance(error, TimeoutError):
                    raise ServerError(
                        f"nats-server was not ready in {self._ready_within:g} s; allow it more, or see"
                        f" {self.log_file}{self._tail(seen)}"
                    ) from error
                if isinstance(error, OSError):
                    raise ServerError(f"cannot run {self._binary}: {error}") from error
                raise

    async def _ready(self, process: asyncio.subprocess.Process, seen: int) -> None:
        # The ports file carries our process id: a stranger on the same port is never taken for ours.
        while True:
            if process.returncode is not None:
                raise ServerError(
                    f"nats-server exited with code {process.returncode} before it was ready; mend what its"
                    f" log names ({self.log_file}){self._tail(seen)}"
                )
            for file in self.store_dir.glob(f"*_{process.pid}.ports"):
                with contextlib.suppress(ValueError, OSError):  # half written, or not listening yet
                    port = int(json.loads(file.read_bytes())["nats"][0].rpartition(":")[2])
                    if await has_jetstream(port):
                        self.port = port
                        return
            await asyncio.sleep(POLL)

    async def _end(self) -> None:
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_WITHIN):
                    await self._process.wait()
        finally:
            self.kill()
            await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        # not Popen's own: it looks for the end first, and what it reaps asyncio misses, with a warning
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _tail(self, seen: int, lines: int = 8) -> str:
        text = self.log_file.read_bytes()[seen:].decode(errors="replace").strip()
        return "\n" + "\n".join(text.splitlines()[-lines:]) if text else " (it logged nothing)"


class Starting:
    """A server about to start: `await` it, or enter it."""

    def __init__(self, launch: Coroutine[Any, Any, NatsServer]):
        self._launch = launch

    def __await__(self) -> Generator[Any, None, NatsServer]:
        return self._launch.__await__()

    async def __aenter__(self) -> NatsServer:
        self._server = await self._launch
        return self._server

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop()
