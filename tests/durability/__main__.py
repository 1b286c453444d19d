"""More of the same by hand: `python -m tests.durability --rounds 20 --replicas 3`; exit code 1 if an ack came early."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from centralita.cluster import start_cluster
from centralita.server import NatsServer
from tests.durability.trace import SKIPPED, complete, judged, possible, traced
from tests.durability.traffic import CENTRE, told


async def main() -> bool:
    """Run it and print the counts; whether no ack came before its fsyncs."""
    words = argparse.ArgumentParser(prog="python -m tests.durability", description=__doc__)
    words.add_argument("--rounds", type=int, default=10)
    words.add_argument("--replicas", type=int, choices=(1, 3), default=1)
    words.add_argument("--sync", default="always", help="the server's sync_interval")
    given = words.parse_args()
    if not possible():
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        binary = traced(directory, sync=given.sync)
        if given.replicas == 3:
            servers = await start_cluster(directory / "servers", binary=binary)
        else:
            servers = [await NatsServer.start(directory / "server", binary=binary)]
        try:
            ids = await told(servers[0].url, directory, rounds=given.rounds, replicas=given.replicas)
        finally:
            await asyncio.gather(*(server.stop() for server in servers))
        quorum = len(servers) // 2 + 1
        found = judged(await complete(directory), ids, CENTRE, quorum)
    lines = [
        f"{found.acks} acks of {found.messages} messages, {found.fsyncs} fsyncs",
        f"{len(found.early)} messages acknowledged before they were on {quorum} of {len(servers)} disks",
        *found.early[:5],
        f"{len(found.nameless)} files of messages whose directory was not fsynced after they were made",
        *sorted(found.nameless)[:10],
    ]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return not found.early


if __name__ == "__main__":
    raise SystemExit(not asyncio.run(main()))
