"""A centre copied in the midst of its work and put back elsewhere: nothing lost, nothing twice, nothing moved."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import protocols
from centralita import centres
from centralita.backup import backup
from centralita.client import Client, Fact
from centralita.cluster import start_cluster
from centralita.copies import Copy, Manifest, read
from centralita.restore import restore
from centralita.server import NatsServer
from centralita.stack import Stack, running
from centralita.verify import verify
from contracts import registry
from eventlog.place import Pace
from tests.e2e.centre import Centre, advanced, fact, offered
from tests.e2e.stacks import Background
from tests.e2e.test_restart import CUSTOMER, traffic

CENTRE = "acme"


@contextmanager
def at_work(store: Path, **options: Any) -> Iterator[Stack]:
    """A server and the four services (or these on a server), on a loop of their own."""
    stack = Background(running(store, **options))
    try:
        yield stack.value
    finally:
        stack.stop()


async def stored(client: Client, last: int) -> list[dict[str, Any]]:
    """The log up to a position as the server keeps it: subjects, headers, bytes, sequences and times."""
    api, found = "$JS.API.STREAM.MSG.GET", list[dict[str, Any]]()
    for seq in range(1, last + 1):
        query = json.dumps({"seq": seq}).encode()
        reply = await client.connection.request(f"{api}.{registry.log_stream(CENTRE)}", query, timeout=5)
        found.append(json.loads(reply.data)["message"])
    return found


async def outcomes(client: Client, until: int = 1 << 62) -> Counter[str]:
    """How often each fact was decided on up to a position of the log, by its id."""
    readers = set(registry.TOPICS.values())
    log = (it for it in await Centre(client, CENTRE).log() if it.seq <= until and it.place[0] == 1)
    return Counter(it.cause for it in log if it.subject.split(".")[2] in readers)


def last_of(manifest: Manifest, stream: str) -> int:
    """The last sequence of a stream when it was copied."""
    return int(next(copy.state["last_seq"] for copy in manifest.streams if copy.name == stream))


async def opened(client: Client, protocol: str = "cold-industry", **options: Any) -> None:
    """The centre, open and settled."""
    await centres.add(client.connection, CENTRE, protocols.load(protocol), clock="virtual", **options)
    await client.settle(CENTRE)


async def test_a_backup_in_the_midst_of_work_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """All that was acknowledged before it has one outcome after the restore; the log up to it is the same."""
    log = registry.log_stream(CENTRE)

    def told(copy: Copy) -> None:
        if copy.name == log:
            time.sleep(0.5)  # the services, on a loop of their own, decide on more, and would trim it

    with at_work(tmp_path / "a", pace=Pace(trim=0.02)) as a, at_work(tmp_path / "b") as b:
        async with Client(a.url) as here, Client(b.url, timeout=30) as there:
            await opened(here)
            facts = [fact("customer.registered", "42", 0, **CUSTOMER), *traffic(40)]
            acknowledged: list[Fact] = []

            async def load() -> None:
                for start in range(0, len(facts), 20):
                    await here.publish(CENTRE, facts[start : start + 20])
                    acknowledged.extend(facts[start : start + 20])

            loading = asyncio.create_task(load())
            while len(acknowledged) < 160:
                await asyncio.sleep(0)
            before = [it.id for it in acknowledged]
            manifest = await backup(here.connection, CENTRE, tmp_path / "copy", told)
            await loading
            await here.settle(CENTRE)
            last = last_of(manifest, log)
            decided = await outcomes(here, last)
            assert sum(decided[id] == 0 for id in before) > 20, "the log was ahead: this shows nothing"

            assert (await restore(there, tmp_path / "copy", read(tmp_path / "copy"))).wrong == []
            await there.settle(CENTRE)
            assert await stored(there, last) == await stored(here, last)
            found = await outcomes(there)
            assert {id: found[id] for id in before} == dict.fromkeys(before, 1)
            assert max(found[it.id] for it in facts) == 1
            await there.publish(CENTRE, [offered("afterwards", 990), advanced(1_000)])
            await there.settle(CENTRE)
            assert (await outcomes(there))[offered("afterwards", 990).id] == 1
            assert (await verify(there, CENTRE)).wrong == []


async def test_what_was_in_memory_alone_is_in_no_backup(tmp_path: Path) -> None:
    """Of a centre that forgets strangers there is the log; its inbox is made anew, and positions go on."""
    with at_work(tmp_path / "a") as a, at_work(tmp_path / "b") as b:
        async with Client(a.url) as here, Client(b.url, timeout=30) as there:
            await opened(here, "insurer")
            await here.publish(CENTRE, traffic(6))
            await here.settle(CENTRE)
            manifest = await backup(here.connection, CENTRE, tmp_path / "copy")
            inbox, last = registry.inbox_stream(CENTRE), last_of(manifest, registry.log_stream(CENTRE))
            files = {file.name for file in (tmp_path / "copy").iterdir()}
            assert files == {"manifest.json", f"{registry.log_stream(CENTRE)}.snapshot"}

            assert (await restore(there, tmp_path / "copy", read(tmp_path / "copy"))).wrong == []
            await there.publish(CENTRE, [offered("afterwards", 200), advanced(500)])
            await there.settle(CENTRE)
            assert await stored(there, last) == await stored(here, last)
            made = await there.connection.jetstream().stream_info(inbox)
            assert (made.config.storage, made.state.last_seq) == ("memory", last_of(manifest, inbox) + 2)
            assert (await outcomes(there))[offered("afterwards", 200).id] == 1
            assert (await verify(there, CENTRE)).wrong == []


async def test_a_replicated_centre_is_copied_and_put_back(tmp_path: Path) -> None:
    """With three replicas it is the same, on the three servers or, if so wished, on one of its own."""
    servers = await start_cluster(tmp_path / "servers")
    try:
        servers.append(single := await NatsServer.start(tmp_path / "single"))
        async with Client(servers[0].url, timeout=20) as here, Client(single.url, timeout=20) as alone:
            async with running(tmp_path, url=servers[0].url):
                await opened(here, replicas=3)
                loading = asyncio.create_task(here.publish(CENTRE, traffic(8)))
                manifest = await backup(here.connection, CENTRE, tmp_path / "copy")
                await loading
                await here.settle(CENTRE)
                last = last_of(manifest, registry.log_stream(CENTRE))
                original = await stored(here, last)
                await centres.remove(here.connection, CENTRE)

                assert (await restore(here, tmp_path / "copy", manifest)).wrong == []
                await here.publish(CENTRE, [*traffic(8), advanced(500)])
                await here.settle(CENTRE)
                assert await stored(here, last) == original
                log = await here.connection.jetstream().stream_info(registry.log_stream(CENTRE))
                assert log.config.num_replicas == 3
                assert (await verify(here, CENTRE)).wrong == []
            assert (await restore(alone, tmp_path / "copy", manifest, replicas=1)).wrong == []
            assert await stored(alone, last) == original
    finally:
        for server in servers:
            await server.stop()
