"""Whatever dies, is killed or is thrown away: the log goes on as if nothing had happened."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import protocols
from centralita import centres
from centralita.client import Fact
from centralita.operating import Operator
from contracts.registry import SERVICES
from tests.e2e.centre import Centre, advanced, fact, offered, signed_in, stated
from tests.e2e.conftest import Open
from tests.e2e.stacks import FourProcesses, OneProcess, Stack

CUSTOMER = {"name": "Fincas Sol", "kind": "property-manager", "phones": ["600123456"]}


def traffic(calls: int = 30) -> list[Fact]:
    """Calls with all that happens to them, some of it impossible, while the clock goes on."""
    facts = list[Fact]()
    for number in range(calls):
        call, at = f"c{number}", 10.0 * number
        facts += [offered(call, at, from_="600123456" if number % 3 else None)]
        facts += [fact("call.answered", call, at + (3 if number % 4 else 8), agent="luis")]
        if number % 3:
            known = {"standing": "customer", "customer": "42", "party": "company"}
            facts += [fact("caller.identified", call, at + 4, **known)]
        facts += [stated(call, at + 5), fact("complexity.assessed", call, at + 6, complexity="low")]
        facts += [fact("call.ended", call, at + 9)]
        if number % 5 == 0:
            facts += [fact("call.answered", call, at + 9.5), fact("call.ended", f"never-{number}", at + 9.5)]
        facts += [advanced(at + 9.9)]
    return facts


async def tell(centre: Centre, *disturbances: Callable[[], Awaitable[None]]) -> None:
    """Publish the traffic in small parts, one disturbance after the other in its midst, and wait until all is settled.

    The clock goes in steps shorter than what follows upon what: who is faster decides nothing then.
    """
    await centre.tell(fact("customer.registered", "42", 0, **CUSTOMER), signed_in("ana"))
    facts, left = traffic(), list(disturbances)
    for start in range(0, len(facts), 10):
        await centre.client.publish(centre.name, facts[start : start + 10])
        if left and start % 40 == 20:
            await left.pop(0)()
        await centre.client.settle(centre.name)
    assert not left
    for seconds in range(330, 1_501, 30):
        await centre.tell(advanced(seconds))


@pytest.mark.parametrize("stack", ["four processes"], indirect=True)
async def test_kill_minus_nine_in_mid_traffic_changes_nothing(stack: Stack, open_centre: Open) -> None:
    """Each service killed at work and started again, they leave the log of a run in which nothing happened."""
    assert isinstance(stack, FourProcesses)
    expected, found = await open_centre(), await open_centre()
    await tell(expected)

    def killing(service: str) -> Callable[[], Awaitable[None]]:
        async def kill() -> None:
            stack.kill(service)
            await asyncio.sleep(0.05)
            stack.start(service)

        return kill

    await tell(found, *map(killing, SERVICES))
    taken = [message for message in await found.log() if message.name == "term.taken"]
    assert Counter(it.subject.split(".")[2] for it in taken) == dict.fromkeys(SERVICES, 2)
    assert await found.story() == await expected.story()
    assert await answers(found) == await answers(expected)


async def answers(centre: Centre) -> list[dict[str, Any]]:
    """What there is to ask for, from memory and from the read models."""
    return [
        await centre.query("intake", "directory"),
        await centre.query("routing", "assignments"),
        await centre.query("routing", "agents"),
        await centre.query("tickets", "history", customer="42"),
        await centre.query("tickets", "ticket", ticket=1),
        await centre.query("tickets", "tickets"),
        await centre.query("sla", "figures"),
        await centre.query("sla", "figures", by="day"),
        await centre.query("sla", "deadlines"),
        await centre.query("sla", "deadlines", call="c1"),
    ]


async def open_at(stack: Stack) -> Centre:
    """The centre of a stack of one's own, as it is or newly opened."""
    client = await Operator(stack.url).__aenter__()
    await centres.add(client.connection, "acme", protocols.load("cold-industry"), clock="virtual")
    return Centre(client, "acme")


@pytest.mark.parametrize(
    ("kind", "damage"),
    [("one process", "deleted"), ("one process", "overwritten"), ("four processes", "deleted")],
)
async def test_checkpoints_and_read_models_are_caches(tmp_path: Path, kind: str, damage: str) -> None:
    """Without them, or with nonsense in their place, every answer is what it was, and the log is too."""
    stack: Stack = OneProcess(tmp_path) if kind == "one process" else FourProcesses(tmp_path)
    try:
        centre = await open_at(stack)
        await tell(centre)
        await centre.command(
            "tickets", "register", category="error", need="fuga", call="c1", customer="42", by="luis"
        )
        await centre.tell()
        before, story = await answers(centre), await centre.story()
        await centre.client.connection.close()
        if isinstance(stack, OneProcess):
            stack.stop()
        else:
            for service in SERVICES:
                stack.end(service)
        destroy(tmp_path / "services", damage)
        if isinstance(stack, OneProcess):
            stack = OneProcess(tmp_path)
        else:
            for service in SERVICES:
                stack.start(service)
        centre = await open_at(stack)
        await centre.tell()
        assert await answers(centre) == before
        assert await centre.story() == story
        await centre.tell(offered("one-more", 1_600), fact("call.answered", "one-more", 1_603))
        assert (await centre.deadlines("one-more"))["answer"] == "met"
        await centre.client.connection.close()
    finally:
        stack.stop()


def destroy(directory: Path, damage: str) -> None:
    """Delete or overwrite every checkpoint and read model."""
    files = [file for file in directory.rglob("*") if file.is_file()]
    found = {file.suffix for file in files}
    assert {".checkpoint", ".sqlite"} <= found
    assert len([file for file in files if file.suffix == ".checkpoint"]) == len(SERVICES)
    if damage == "deleted":
        shutil.rmtree(directory)
    else:
        for file in files:
            file.write_bytes(b"nonsense " * 1_000)
