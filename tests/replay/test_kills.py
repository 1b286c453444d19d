"""A month of calls comes out the same whatever is killed meanwhile, and whatever is thrown away afterwards."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from centralita.operating import Operator
from centralita.replay import replay
from centralita.verify import verify
from contracts.registry import SERVICES
from tests.e2e.stacks import FourProcesses
from tests.replay import reference, rows


def made(path: Path, calls: int) -> Path:
    """A file of made-up calls over some days: served or given up, with and without a queue, some of them no calls."""
    chance, lines = random.Random(7), list[rows.Made]()
    for number in range(calls):
        at = 7 * 3600 + (number % 200) * 200
        wait, talk = chance.randrange(0, 90), chance.randrange(1, 600)
        row = rows.served(
            call_id=str(7000 + number),
            customer_id=str(chance.choice([0, 0, 23317894, 4711])),
            priority=str(chance.choice([0, 1, 2])),
            type=chance.choice(["PS", "NW", "IN"]),
            date=f"9903{1 + number // 200:02}",
            vru_entry=_clock(at),
            vru_exit=_clock(at + 10),
            q_start=_clock(at + 10),
            q_exit=_clock(at + 10 + wait),
            q_time=str(wait),
            ser_start=_clock(at + 10 + wait),
            ser_exit=_clock(at + 10 + wait + talk),
            ser_time=str(talk),
        )
        if not wait:
            row |= rows.NO_QUEUE
        if number % 5 == 0:
            row |= {"outcome": "HANG", **rows.NO_SERVICE}
        if number % 50 == 7:
            row |= {"outcome": "PHANTOM"}
        if number % 60 == 11:
            row |= {"outcome": "AGENT", **rows.NO_SERVICE}
        lines.append(row)
    path.write_text(rows.text_of(*lines))
    return path


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _nothing(what: str, done: int, total: int) -> None:
    """No progress is shown."""


async def _disturb(stack: FourProcesses, client: Operator, replaying: asyncio.Task[dict[str, Any]]) -> int:
    """Kill and start again one service after the other while the replay goes on; says how many it was."""
    for number, service in enumerate(SERVICES):
        before = -1
        while not replaying.done():
            try:
                last = await client.log("bank").last_sequence()
            except Exception:  # noqa: BLE001  the centre is not there yet
                last = -1
            if before >= 0 and last > before + 50:
                break
            before = max(before, last) if before < 0 else before
            await asyncio.sleep(0.05)
        if replaying.done():
            return number
        stack.kill(service)
        stack.start(service)
    return len(SERVICES)


@pytest.mark.timeout(900)
async def test_kills_in_mid_replay_and_lost_caches_leave_the_same_figures(tmp_path: Path) -> None:
    """Each service killed -9 in mid-replay; then every checkpoint and read model deleted: the figures of the file."""
    file = Path(rows.RECORDS) if rows.RECORDS else made(tmp_path / "calls.txt", 2500)
    stack = FourProcesses(tmp_path)
    try:
        async with Operator(stack.url, timeout=30) as client:
            replaying = asyncio.create_task(replay(client, "bank", file, _nothing))
            killed = await _disturb(stack, client, replaying)
            found = await replaying
            expected = reference.figures(file)
            assert killed == len(SERVICES), "the replay was over before every service was killed"
            same(found, expected)
            for service in SERVICES:
                stack.end(service)
            assert (await verify(client, "bank", tmp_path / "services")).wrong == []
            shutil.rmtree(tmp_path / "services")
            for service in SERVICES:
                stack.start(service)
            await client.settle("bank", 300)
            same(await client.query("bank", "sla", "figures"), expected)
    finally:
        stack.stop()


def same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Counts are exactly the same, means and rates to the millisecond."""
    assert {key: found[key] for key in ("ignored", "refused")} == {
        key: expected[key] for key in ("ignored", "refused")
    }
    assert found["queues"].keys() == expected["queues"].keys()
    for queue, figures in expected["queues"].items():
        mine = {key: found["queues"][queue][key] for key in figures}
        assert mine == pytest.approx(figures, abs=0.0005), queue
