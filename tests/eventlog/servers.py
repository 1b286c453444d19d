"""Servers for tests that are not asynchronous."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from centralita.cluster import start_cluster
from centralita.server import NatsServer


class Servers:
    """Starts a server for one test alone, which may be filled, killed and restarted."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.loop = asyncio.new_event_loop()
        self.started: list[NatsServer] = []

    def start(self, **settings: Any) -> NatsServer:
        """A server with these settings of `NatsServer.start`."""

        async def start() -> NatsServer:
            return await NatsServer.start(self._directory, **settings)

        self.started.append(self.loop.run_until_complete(start()))
        return self.started[-1]

    def cluster(self) -> list[NatsServer]:
        """Three servers that replicate."""
        self.started += self.loop.run_until_complete(start_cluster(self._directory))
        return self.started

    def restart(self) -> None:
        """The same server again, on its store."""
        self.loop.run_until_complete(self.started[-1].restart())
