"""A centre copied in the midst of its work and put back elsewhere: nothing lost, nothing twice, nothing moved."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import protocols
from centralita import centres
from centralita.backup import backup
from centralita.client import Fact
from centralita.cluster import start_cluster
from centralita.copies import Copy, Manifest, read
from centralita.operating import Operator
from centralita.restore import restore
from centralita.server import NatsServer
from centralita.stack import running
from centralita.verify import verify
from contracts import registry
from eventlog.place import Pace
from tests.e2e.centre import Centre, advanced, fact, offered
from tests.e2e.stacks import Background
from tests.e2e.test_restart import CUSTOMER, traffic


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The URLs of two servers, each with the four services at work on a loop of its own; the first trims at once."""
    here = Background(running(tmp_path_factory.mktemp("here"), pace=Pace(trim=0.02)))
    there = Background(running(tmp_path_factory.mktemp("there")))
    yield here.value.url, there.value.url
    here.stop()
    there.stop()


async def stored(client: Operator, centre: str, last: int) -> list[dict[str, Any]]:
    """The log up to a position as the server keeps it: subjects, headers, bytes, sequences and times."""
    api, found = "$JS.API.STREAM.MSG.GET", list[dict[str, Any]]()
    for seq in range(1, last + 1):
        query = json.dumps({"seq": seq}).encode()
        reply = await client.connection.request(f"{api}.{registry.log_stream(centre)}", query, timeout=5)
        found.append(json.loads(reply.data)["message"])
    return found


async def outcomes(client: Operator, centre: str, until: int = 1 << 62) -> Counter[str]:
    """How often each fact was decided on up to a position of the log, by its id."""
    readers = set(registry.TOPICS.values())
    log = (it for it in await Centre(client, centre).log() if it.seq <= until and it.place[0] == 1)
    return Counter(it.cause for it in log if it.subject.split(".")[2] in readers)


def last_of(manifest: Manifest, stream: str) -> int:
    """The last sequence of a stream when it was copied."""
    return int(next(copy.state["last_seq"] for copy in manifest.streams if copy.name == stream))


def waiting(seconds: float) -> Callable[[Copy], None]:
    """Stops this loop once the log is through, while the services go on: they decide on more, and look for centres."""
    return lambda copy: time.sleep(seconds if copy.name.startswith("LOG_") else 0)


async def opened(client: Operator, centre: str, protocol: str = "cold-industry", **options: Any) -> None:
    """The centre, open and settled."""
    await centres.add(client.connection, centre, protocols.load(protocol), clock="virtual", **options)
    await client.settle(centre)


async def test_a_backup_in_the_midst_of_work_loses_and_doubles_nothing(
    two: tuple[str, str], tmp_path: Path
) -> None:
    """All that was acknowledged before it has one outcome after the restore; the log up to it is the same."""
    centre = "busy"
    async with Operator(two[0]) as here, Operator(two[1], timeout=30) as there:
        await opened(here, centre)
        facts = [fact("customer.registered", "42", 0, **CUSTOMER), *traffic(40)]
        acknowledged: list[Fact] = []

        async def load() -> None:
            for start in range(0, len(facts), 160):
                await here.publish(centre, facts[start : start + 160])
                acknowledged.extend(facts[start : start + 160])

        loading = asyncio.create_task(load())
        while len(acknowledged) < 160:
            await asyncio.sleep(0)
        before = [it.id for it in acknowledged]
        manifest = await backup(here.connection, centre, tmp_path / "copy", waiting(0.5))
        await loading
        await here.settle(centre)
        last = last_of(manifest, registry.log_stream(centre))
        decided = await outcomes(here, centre, last)
        assert any(decided[id] == 0 for id in before), "the log was ahead: this shows nothing"

        put_back = await restore(there, tmp_path / "copy", read(tmp_path / "copy"), told=waiting(1.5))
        assert put_back.wrong == [], "a service has written before it was opened"
        await there.settle(centre)
        assert await stored(there, centre, last) == await stored(here, centre, last)
        found = await outcomes(there, centre)
        assert {id: found[id] for id in before} == dict.fromkeys(before, 1)
        assert max(found[it.id] for it in facts) == 1
        await there.publish(centre, [offered("afterwards", 990), advanced(1_000)])
        await there.settle(centre)
        assert (await outcomes(there, centre))[offered("afterwards", 990).id] == 1
        assert (await verify(there, centre)).wrong == []


async def test_what_was_in_memory_alone_is_in_no_backup(two: tuple[str, str], tmp_path: Path) -> None:
    """Of a centre that forgets strangers there is the log; its inbox is made anew, and positions go on."""
    centre = "discreet"
    async with Operator(two[0]) as here, Operator(two[1], timeout=30) as there:
        await opened(here, centre, "insurer")
        await here.publish(centre, traffic(6))
        await here.settle(centre)
        manifest = await backup(here.connection, centre, tmp_path / "copy")
        inbox, last = registry.inbox_stream(centre), last_of(manifest, registry.log_stream(centre))
        files = {file.name for file in (tmp_path / "copy").iterdir()}
        assert files == {"manifest.json", f"{registry.log_stream(centre)}.snapshot"}

        assert (await restore(there, tmp_path / "copy", read(tmp_path / "copy"))).wrong == []
        await there.publish(centre, [offered("afterwards", 200), advanced(500)])
        await there.settle(centre)
        assert await stored(there, centre, last) == await stored(here, centre, last)
        made = await there.connection.jetstream().stream_info(inbox)
        assert (made.config.storage, made.state.last_seq) == ("memory", last_of(manifest, inbox) + 2)
        assert (await outcomes(there, centre))[offered("afterwards", 200).id] == 1
        assert (await verify(there, centre)).wrong == []


async def test_a_replicated_centre_is_copied_and_put_back(tmp_path: Path) -> None:
    """With three replicas it is the same, on the three servers or, if so wished, on one of its own."""
    centre = "replicated"
    servers = await start_cluster(tmp_path / "servers")
    try:
        servers.append(single := await NatsServer.start(tmp_path / "single"))
        async with Operator(servers[0].url, timeout=20) as here, Operator(single.url, timeout=20) as alone:
            async with running(tmp_path, url=servers[0].url):
                await opened(here, centre, replicas=3)
                loading = asyncio.create_task(here.publish(centre, traffic(8)))
                manifest = await backup(here.connection, centre, tmp_path / "copy")
                await loading
                await here.settle(centre)
                last = last_of(manifest, registry.log_stream(centre))
                original = await stored(here, centre, last)
                await centres.remove(here.connection, centre)

                assert (await restore(here, tmp_path / "copy", manifest)).wrong == []
                await here.publish(centre, [*traffic(8), advanced(500)])
                await here.settle(centre)
                assert await stored(here, centre, last) == original
                log = await here.connection.jetstream().stream_info(registry.log_stream(centre))
                assert log.config.num_replicas == 3
                assert (await verify(here, centre)).wrong == []
            assert (await restore(alone, tmp_path / "copy", manifest, replicas=1)).wrong == []
            assert await stored(alone, centre, last) == original
    finally:
        for server in servers:
            await server.stop()
