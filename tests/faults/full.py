"""No room: the server's file system is full to the last byte, or its store has reached its limit."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from uuid import uuid4

from nats.errors import Error as NatsError
from nats.js.api import StorageType, StreamConfig

from tests.faults.scene import Scene

BLOCK = b"\0" * (256 * 1024)


def fill(directory: Path) -> Path:
    """Write into a file until nothing more fits; the file."""
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (len(BLOCK), 4096, 1):
            try:
                while True:
                    file.write(BLOCK[:size])
            except OSError as reason:
                if reason.errno != errno.ENOSPC:
                    raise
    return ballast


async def disk_full(scene: Scene) -> None:
    """The file system of server and services is full for a while; then there is room, and the server starts again.

    Without that a stream whose write has failed takes nothing more, whatever room there is.
    """
    (server,) = scene.rig.servers
    ballast = fill(scene.rig.directory)
    await scene.wait(0.3, 2)
    ballast.unlink()
    await scene.wait(0, 0.5)
    await server.restart()


async def store_full(scene: Scene) -> None:
    """The server's store has reached its limit for a while."""
    js = scene.rig.control.connection.jetstream(timeout=5)
    name = f"BALLAST_{uuid4().hex[:8]}"
    await js.add_stream(StreamConfig(name=name, subjects=[f"ballast.{name}"], storage=StorageType.FILE))
    size = 900_000
    while size > 100:
        try:
            await js.publish(f"ballast.{name}", os.urandom(size))
        except (NatsError, TimeoutError):
            size //= 4
    await scene.wait(0.3, 2)
    await js.delete_stream(name)
