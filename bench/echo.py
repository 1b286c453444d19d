"""`python -m bench.echo URL`: answers what is asked on `echo.>` with nats-py alone, as bare request/reply would."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import nats
from nats.aio.msg import Msg

SUBJECT = "echo"


async def main(url: str) -> None:
    """Answer until the process is ended."""
    client = await nats.connect(url)

    async def answer(asked: Msg) -> None:
        await asked.respond(asked.data)

    await client.subscribe(f"{SUBJECT}.>", cb=answer)
    await client.flush()
    print("ready", flush=True)
    await asyncio.Event().wait()


@asynccontextmanager
async def answering(url: str) -> AsyncIterator[None]:
    """Run it in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.echo", url),
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    try:
        assert process.stdout
        if await process.stdout.readline() != b"ready\n":
            raise RuntimeError("the process that answers did not start")
        yield
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
