"""Servers joined into one cluster on this machine, for failure tests and trials."""

import asyncio
import sys
from pathlib import Path

import nats
from nats.errors import Error as NatsError
from nats.js.api import StorageType, StreamConfig

from centralita.process import HOST, reserve_port
from centralita.server import POLL, NatsServer, ServerError

__all__ = ["start_cluster"]

PROBE = "CENTRALITA_PROBE"


async def start_cluster(
    directory: Path, size: int = 3, *, binary: Path | None = None, ready_within: float = 30.0
) -> list[NatsServer]:
    """Start `size` servers joined by routes, in directories n1, n2, …; ready when an R3 stream can be made.

    The caller stops each. Raises ServerError.
    """
    reserved = [reserve_port() for _ in range(size)]
    addresses = [f"{HOST}:{held.getsockname()[1]}" for held in reserved]
    if sys.platform != "linux":  # elsewhere a bound port cannot be listened on by another
        for held in reserved:
            held.close()

    async def node(name: str, address: str) -> NatsServer:
        cluster = {"name": "centralita", "listen": address, "routes": [f"nats://{to}" for to in addresses]}
        return await NatsServer.start(
            directory / name, name=name, cluster=cluster, binary=binary, ready_within=ready_within
        )

    # All at once: a node that waits for its peers puts off the election by seconds.
    starts = [asyncio.create_task(node(f"n{number}", to)) for number, to in enumerate(addresses, 1)]
    try:
        servers = await asyncio.gather(*starts)
        async with asyncio.timeout(ready_within):
            await _replicates(servers[0], min(size, 3))
        return servers
    except BaseException as error:
        for start in starts:
            start.cancel()
        for started in await asyncio.gather(*starts, return_exceptions=True):
            if isinstance(started, NatsServer):
                started.kill()
                await started.stop()
        if isinstance(error, TimeoutError):
            raise ServerError(
                f"the {size} servers in {directory} chose no leader in {ready_within:g} s;"
                " allow them more, or see their server.log"
            ) from error
        raise
    finally:
        for held in reserved:
            held.close()


async def _replicates(server: NatsServer, replicas: int) -> None:
    client = await nats.connect(server.url)
    try:
        js, soon = client.jetstream(timeout=1.0), client.jetstream(timeout=0.1)
        probe = StreamConfig(
            name=PROBE, subjects=["centralita.probe"], num_replicas=replicas, storage=StorageType.MEMORY
        )
        while True:
            try:
                await soon.account_info()  # answered by the meta leader alone
                await js.add_stream(probe)
                await js.delete_stream(PROBE)
                return
            except NatsError:
                await asyncio.sleep(POLL)
    finally:
        await client.close()
