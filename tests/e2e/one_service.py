"""One service in a process of its own, until it is told to stop: `one_service.py URL SERVICE STORE`."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from centralita.stack import running


async def main(url: str, service: str, store: Path) -> None:
    """Run the service until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with running(store, url=url, services=[service]):
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
