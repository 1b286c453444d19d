"""A server that acknowledges before anything is on disk, as nats-server does unless it is told otherwise."""

import asyncio
import json
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bench.report import Wrong
from centralita.process import HOST, die_with_parent, find_binary, has_jetstream
from centralita.server import NatsServer


@asynccontextmanager
async def relaxed(server: NatsServer, directory: Path) -> AsyncIterator[str]:
    """Run a server as the given one is, but for its fsync, which is every two minutes; gives its URL."""
    config = json.loads((server.store_dir / "server.conf").read_text())
    config |= {"port": -1, "ports_file_dir": str(directory)}
    config["jetstream"] |= {"store_dir": str(directory), "sync_interval": "2m"}
    (directory / "server.conf").write_text(json.dumps(config))
    with (directory / "server.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            await find_binary(), "-c", directory / "server.conf",
            stdin=DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent(), start_new_session=True,
        )  # fmt: skip
    try:
        yield await _listening(process, directory)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _listening(process: Process, directory: Path) -> str:
    ports = directory / f"nats-server_{process.pid}.ports"
    async with asyncio.timeout(30):
        while True:
            if process.returncode is not None:
                raise Wrong(
                    f"the second server did not start: {(directory / 'server.log').read_text()[-500:]}"
                )
            with suppress(ValueError, OSError):
                port = int(json.loads(ports.read_bytes())["nats"][0].rpartition(":")[2])
                if await has_jetstream(port):
                    return f"nats://{HOST}:{port}"
            await asyncio.sleep(0.01)
