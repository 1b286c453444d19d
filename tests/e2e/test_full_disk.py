"""A disk that is full to the last byte: refused, reported, and all goes on when there is room."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from centralita import centres, room
from centralita.operating import Operator
from centralita.stack import running
from contracts.protocol import PLAIN
from eventlog import errors
from eventlog.place import Pace
from tests.e2e.centre import Centre, offered

NAME = "acme"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB; skipped where none can be mounted."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting takes root, on Linux")
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not permitted here")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


async def test_a_full_disk_loses_nothing_and_is_survived(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Facts that were acknowledged are there, others were refused; services, checkpoints and all work on after it."""
    monkeypatch.setattr(room.keep_going, "__defaults__", (4 << 20,))
    async with (
        running(small_disk, services=("intake", "sla"), pace=Pace(checkpoint=1)) as stack,
        Operator(stack.url, timeout=1) as client,
    ):
        await centres.add(client.connection, NAME, PLAIN)
        centre, acknowledged, filler = Centre(client, NAME), 0, small_disk / "filler"
        await client.publish(NAME, [offered("c0", 0)])
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):  # noqa: PT012
            while True:
                file.write(b"x" * 65536)
        with pytest.raises(errors.Unavailable):  # noqa: PT012
            for acknowledged in range(1000):
                await client.publish(NAME, [offered(f"c{acknowledged + 1}", 0, queue="q" * 180)])
        await asyncio.sleep(1.2)
        filler.unlink()
        async with asyncio.timeout(20):
            while True:
                try:
                    await client.publish(NAME, [offered("last", 1)])
                    break
                except (errors.Unavailable, errors.NoStream):
                    await asyncio.sleep(0.2)
            while not any(name.startswith("call.offered") for name in await centre.names("intake", "last")):
                await asyncio.sleep(0.1)
        offers = [message for message in await centre.log() if message.name == "call.offered"]
        told = [message.aggregate for message in offers]
        assert told == sorted(set(told), key=told.index), "doubled"
        assert {f"c{n}" for n in range(acknowledged + 1)} <= set(told), "lost"
