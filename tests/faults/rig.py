"""What stands while cycles go by: servers, every service twice as processes, and a link before each of them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from centralita.cluster import start_cluster
from centralita.operating import Operator
from centralita.server import NatsServer
from contracts.registry import SERVICES
from tests.faults.instances import Instance
from tests.faults.link import Link
from tests.faults.load import PUBLISHERS

Ground = str
"""What the servers stand on: `disk`, `small` (a file system of their own with little room) or `cluster`."""
ROOM = 96
"""MiB of a small file system."""
BOTH = ("a", "b")


def may_mount() -> bool:
    """Whether a disk can be filled without harm to others."""
    return sys.platform == "linux" and os.geteuid() == 0


@dataclass
class Rig:
    """All that stands; the links of the services bear the names of their instances."""

    ground: Ground
    directory: Path
    servers: list[NatsServer] = field(default_factory=list)
    links: dict[str, Link] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)
    publishers: list[Operator] = field(default_factory=list)
    control: Operator = field(default_factory=lambda: Operator(""))
    cycles: int = 0

    @property
    def replicas(self) -> int:
        """How many servers hold each stream."""
        return len(self.servers)

    def of(self, service: str) -> list[Instance]:
        """The instances of a service."""
        return [self.instances[f"{service}-{which}"] for which in BOTH]

    async def active(self, service: str, centre: str) -> Instance:
        """The instance that decides for a service. TimeoutError if there is none in time."""
        async with asyncio.timeout(30):
            while True:
                for instance in self.of(service):
                    if await instance.state(centre) == "active":
                        return instance
                await asyncio.sleep(0.05)

    async def paired(self, centre: str, seconds: float = 30) -> None:
        """Wait until of each service one instance is active and the other stands by; TimeoutError says which not."""
        states = dict[str, list[str]]()
        try:
            async with asyncio.timeout(seconds):
                while states.keys() != set(SERVICES) or any(
                    it != ["active", "standby"] for it in states.values()
                ):
                    for service in SERVICES:
                        if states.get(service) != ["active", "standby"]:
                            states[service] = sorted([await it.state(centre) for it in self.of(service)])
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise TimeoutError(
                f"{centre} is not one active and one standing by everywhere: {states}"
            ) from None


@asynccontextmanager
async def standing(ground: Ground, directory: Path) -> AsyncIterator[Rig]:
    """A rig, stopped at the end with all its processes."""
    directory.mkdir(parents=True)
    async with AsyncExitStack() as stack:
        rig = Rig(ground, directory)
        store = directory / "servers"
        if ground == "small":
            if may_mount():
                stack.enter_context(mounted(directory))
            rig.servers = [await NatsServer.start(store, max_file_store=ROOM // 2 << 20)]
        elif ground == "cluster":
            rig.servers = await start_cluster(store)
        else:
            rig.servers = [await NatsServer.start(store)]
        stack.push_async_callback(_stop_servers, rig)
        ports = [server.port for server in rig.servers]
        for number, name in enumerate([f"{service}-{which}" for which in BOTH for service in SERVICES]):
            turned = ports[number % len(ports) :] + ports[: number % len(ports)]
            link = rig.links[name] = await stack.enter_async_context(Link(*turned))
            service, which = name.split("-")
            rig.instances[name] = Instance(service, which, directory, link.url)
        link = rig.links["backends"] = await stack.enter_async_context(Link(*ports))
        stack.push_async_callback(_stop_instances, rig)
        for instance in rig.instances.values():
            instance.start()
        for number in range(PUBLISHERS):
            rig.publishers.append(
                await stack.enter_async_context(Operator(link.url, name=f"backend-{number}", timeout=2))
            )
        rig.control = await stack.enter_async_context(Operator(rig.servers[0].url, name="control"))
        yield rig


@contextmanager
def mounted(directory: Path) -> Iterator[None]:
    """A small file system on a directory as long as this lasts. OSError where that may not be had."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}m", "none", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"cannot mount a small file system on {directory}: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)


async def _stop_servers(rig: Rig) -> None:
    await asyncio.gather(*(server.stop() for server in rig.servers))


async def _stop_instances(rig: Rig) -> None:
    for instance in rig.instances.values():
        instance.send(signal.SIGKILL)
    for instance in rig.instances.values():
        await instance.ended()
