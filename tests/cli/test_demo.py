"""The demo: it tells its story to the end, and is gone."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.keyboard import environment


async def test_the_demo_ends_well_and_leaves_nothing(tmp_path: Path) -> None:
    """In a few seconds: exit 0, events, refusals and summary on the screen, no server and no directory left."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "centralita.cli", "demo", "--seconds", "3"),
        stdout=PIPE,
        stderr=PIPE,
        env=environment(TMPDIR=str(tmp_path)),
    )
    telling, servers = asyncio.create_task(process.communicate()), set[int]()
    try:
        async with asyncio.timeout(90):
            while not telling.done():
                with suppress(FileNotFoundError):  # the directory goes while we look
                    servers |= {int(p.stem.rpartition("_")[2]) for p in tmp_path.glob("*/*.ports")}
                await asyncio.sleep(0.02)
    finally:
        if process.returncode is None:
            process.kill()
    out, err = await telling
    assert (process.returncode, err) == (0, b"")
    told = [line.strip() for line in out.decode().splitlines()]
    for start in (
        "nats-server and four services ready in",
        "cold-industry: ",
        "front-office: ",
        "gas-utility: ",
        "insurer: ",
        "software-vendor: ",
        "Figures by centre",
        "Promises by rule",
        "Stopped, started again and verified: ",
    ):
        assert any(line.startswith(start) for line in told), start
    for refused in (
        ["routing", "close", "c-1001", "R13"],
        ["tickets", "profile", "c-2001", "R27"],
        ["intake", "release", "c-3001", "R37"],
    ):
        assert any(line.split()[1:6] == ["refused", *refused] for line in told), refused
    assert any(" stand 0 times in the " in line for line in told)
    assert any(line.endswith(", 0 differences.") or ", 0 differences. " in line for line in told[-2:])
    assert not any("Nadie Conocido" in line for line in told)  # no customer, at a centre that forgets those
    assert list(tmp_path.iterdir()) == []
    assert servers
    for server in servers:
        with pytest.raises(ProcessLookupError):
            os.kill(server, 0)
