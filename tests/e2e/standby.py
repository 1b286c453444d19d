"""How long takeovers take, by hand: `python -m tests.e2e.standby --rounds 10 --replicas 3 --centres 20 --apart`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import protocols
from centralita import centres
from centralita.client import Fact
from centralita.cluster import start_cluster
from centralita.operating import Operator
from centralita.server import NatsServer
from centralita.verify import verify
from tests.e2e.instances import answering, instances, taken
from tests.unit.given import at

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGTERM, "pause": signal.SIGSTOP}


async def main() -> None:
    """Replace the active instances again and again while facts arrive, and say how long it took."""
    words = argparse.ArgumentParser(prog="python -m tests.e2e.standby", description=__doc__)
    words.add_argument("--rounds", type=int, default=10)
    words.add_argument("--replicas", type=int, choices=(1, 3), default=1)
    words.add_argument("--centres", type=int, default=1)
    words.add_argument("--how", choices=SIGNALS, default="kill")
    words.add_argument("--apart", action="store_true", help="each service a process of its own")
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory, terms, answers = Path(name), list[float](), list[float]()
        if given.replicas == 3:
            servers = await start_cluster(directory / "servers")
        else:
            servers = [await NatsServer.start(directory / "server")]
        url, names = servers[0].url, [f"c{number}" for number in range(given.centres)]
        try:
            async with Operator(url, timeout=60) as client:
                for centre in names:
                    protocol = protocols.load("cold-industry")
                    await centres.add(
                        client.connection, centre, protocol, clock="virtual", replicas=given.replicas
                    )
                leaving = AsyncExitStack()
                active = await leaving.enter_async_context(instances(url, directory / "0", given.apart))
                for each in active:
                    await each.reach("active", len(names))
                for number in range(1, given.rounds + 1):
                    next_leaving = AsyncExitStack()
                    standby = await next_leaving.enter_async_context(
                        instances(url, directory / str(number), given.apart)
                    )
                    for each in standby:
                        await each.reach("standby", len(names))
                    for centre in names:
                        facts = [Fact("call.offered", f"c{number}-{n}", {}, at(n)) for n in range(50)]
                        await client.publish(centre, facts)
                    since = min([each.send(SIGNALS[given.how]) for each in active])
                    answers += await answering(client, names, since)
                    terms += await taken(client, names, since)
                    if given.how == "pause":
                        before = [await client.settle(centre) for centre in names]
                        for each in active:
                            each.send(signal.SIGCONT)
                            await each.reach("standby", len(names))
                        after = [await client.settle(centre) for centre in names]
                        assert after == before, "the woken instance wrote"
                    await leaving.aclose()
                    leaving, active = next_leaving, standby
                for centre in names:
                    await client.settle(centre)
                    assert (await verify(client, centre)).wrong == []
                    figures = await client.query(centre, "sla", "figures")
                    assert figures["queues"]["all"]["offered"] == 50 * given.rounds
                await leaving.aclose()
        finally:
            await asyncio.gather(*(server.stop() for server in servers))
    for what, seconds in (("term taken", sorted(terms)), ("answers", sorted(answers))):
        middle = seconds[len(seconds) // 2]
        sys.stdout.write(
            f"{given.how} R{given.replicas} {what}: {len(seconds)} seats, "
            f"p50 {middle:.2f} s, max {seconds[-1]:.2f} s\n"
        )


if __name__ == "__main__":
    asyncio.run(main())
