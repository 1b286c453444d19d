"""A disk that was full: the embedded server is started again once there is room, for it does not go on by itself."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from centralita.server import NatsServer

LEAST = 32 << 20
"""Bytes that must be free again on the disk before the server is started anew."""
_NONE = 1 << 20
_SAID = b"no space left on device"
_EVERY = 1.0


async def keep_going(
    server: NatsServer, report: Callable[[str, dict[str, Any]], None], least: int = LEAST
) -> None:
    """Watch the disk of a server for ever, and restart it when the disk was full and has `least` bytes free again.

    A stream of nats-server to which a write has failed takes nothing more until the server is started anew.
    """
    full, seen = False, 0
    while True:
        await asyncio.sleep(_EVERY)
        free, (said, seen) = shutil.disk_usage(server.store_dir).free, _new(server.log_file, seen)
        if not full and (free < _NONE or _SAID in said):
            full = True
            report("disk.full", {"store": str(server.store_dir), "free": free})
        if full and free > least:
            await server.restart()
            full, seen = False, _new(server.log_file, seen)[1]
            report("server.restarted", {"reason": "its disk was full and has room again", "free": free})


def _new(log: Path, seen: int) -> tuple[bytes, int]:
    """What the server has logged since it had logged so many bytes."""
    try:
        with log.open("rb") as file:
            file.seek(seen)
            said = file.read()
    except OSError:
        return b"", seen
    return said, seen + len(said)


__all__ = ["LEAST", "keep_going"]
