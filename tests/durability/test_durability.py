"""An ack means: on disk. Killing a process does not show it, the file system has what was written; strace does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from centralita.cluster import start_cluster
from centralita.server import NatsServer
from tests.durability.trace import SKIPPED, complete, judged, possible, traced
from tests.durability.traffic import CENTRE, told

pytestmark = pytest.mark.skipif(not possible(), reason=SKIPPED)


async def test_every_ack_is_preceded_by_the_fsync_of_what_it_acknowledges(tmp_path: Path) -> None:
    """Facts and events, singly and in batches, terms and answers to commands: on disk before they are acknowledged."""
    async with NatsServer.start(tmp_path / "server", binary=traced(tmp_path)) as server:
        ids = await told(server.url, tmp_path)
    found = judged(await complete(tmp_path), ids, CENTRE)
    assert found.early == []
    assert found.messages >= len(ids), "every message was acknowledged, and looked at"


async def test_without_fsync_it_is_seen(tmp_path: Path) -> None:
    """The same with the server's own default finds acks of what is on no disk."""
    async with NatsServer.start(tmp_path / "server", binary=traced(tmp_path, sync="2m")) as server:
        ids = await told(server.url, tmp_path, groups=(1, 3))
    found = judged(await complete(tmp_path), ids, CENTRE)
    assert len(found.early) > len(ids) / 2


async def test_with_three_replicas_a_majority_has_it_on_disk(tmp_path: Path) -> None:
    """An ack of a replicated stream is preceded by the fsyncs of two of the three servers."""
    servers = await start_cluster(tmp_path / "servers", binary=traced(tmp_path))
    try:
        ids = await told(servers[0].url, tmp_path, replicas=3)
    finally:
        await asyncio.gather(*(server.stop() for server in servers))
    found = judged(await complete(tmp_path), ids, CENTRE, quorum=2)
    assert found.early == []
    assert found.messages >= len(ids)
