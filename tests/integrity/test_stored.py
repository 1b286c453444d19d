"""Against a real server and its files: whatever happens to a stored log, `verify` finds it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from nats.js.api import StreamConfig

import protocols
from centralita import centres
from centralita.operating import Operator
from centralita.server import NatsServer
from centralita.stack import running
from centralita.verify import verify
from contracts import registry
from eventlog.errors import Corrupt
from eventlog.stream import Raw
from tests.e2e.centre import Centre, advanced, fact, offered, signed_in, stated

CENTRE = "acme"
LOG = f"jetstream/$G/streams/{registry.log_stream(CENTRE)}/msgs"
Heads = dict[str, Any]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a centre with two calls, two terms of each service and clean stops leaves on disk."""
    kept = tmp_path_factory.mktemp("kept")

    async def live(call: str, at: float) -> None:
        async with running(kept) as stack, Operator(stack.url) as client:
            await centres.add(client.connection, CENTRE, protocols.load("cold-industry"), clock="virtual")
            centre = Centre(client, CENTRE)
            await client.settle(CENTRE)
            await centre.tell(
                signed_in("ana"), offered(call, at), fact("call.answered", call, at + 2, agent="ana")
            )
            await centre.tell(stated(call, at + 5), fact("call.ended", call, at + 9), advanced(at + 30))

    for number, call in enumerate(("c1", "c2")):
        asyncio.run(live(call, 100.0 * number))
    return kept


@asynccontextmanager
async def served(store: Path) -> AsyncIterator[Operator]:
    """A server on these files, without services."""
    async with NatsServer.start(store) as server, Operator(server.url) as client:
        yield client


async def found(store: Path, heads: Heads | None = None) -> list[str]:
    """What is wrong with a centre's files."""
    async with served(store) as client:
        return (await verify(client, CENTRE, store / "services", heads)).wrong


async def noted(store: Path) -> tuple[Heads, list[Raw]]:
    """The heads of a log with which nothing is wrong, and all that is in it."""
    async with served(store) as client:
        report = await verify(client, CENTRE, store / "services")
        assert report.wrong == []
        assert len(report.compared) == 6, report.compared
        return report.heads, [raw async for part in client.recorded(CENTRE) for raw in part]


def flipped(block: Path, at: float, rng: Random) -> int:
    """Change one byte, at about this part of a file; not in what the server keeps before a subject.

    A changed sequence there makes nats-server 2.15 fill the gap message by message: it does not start.
    """
    content = bytearray(block.read_bytes())
    place = min(int(len(content) * at), len(content) - 1)
    subject = content.find(f"log.{CENTRE}.".encode(), place, place + 40)
    place = place if subject < 0 else subject + 20
    content[place] ^= rng.randrange(1, 256)
    block.write_bytes(content)
    return place


@pytest.mark.parametrize("index", [True, False], ids=["with the server's index", "without"])
async def test_one_byte_of_a_block_is_always_found(store: Path, tmp_path: Path, index: bool) -> None:
    """The server passes over the message in silence, or forgets all behind it; either is found, with its place."""
    rng = Random(index)
    for number, at in enumerate((rng.random(), rng.random(), 0.999)):
        damaged = tmp_path / str(number)
        shutil.copytree(store, damaged)
        place = flipped(damaged / LOG / "1.blk", at, rng)
        if not index:
            (damaged / LOG / "index.db").unlink()
        wrong = await found(damaged)
        # it may also serve what was changed as if nothing were: then the chain alone tells
        expected = "missing or cannot be read" if index else "which is missing"
        assert any(expected in each or "breaks the chain" in each for each in wrong), (place, wrong)


def swapped(raws: list[Raw]) -> list[Raw]:
    """Two neighbours of sla in each other's place."""
    own = [
        n
        for n, raw in enumerate(raws)
        if raw.subject.startswith(f"log.{CENTRE}.sla.") and raw.headers.get("ce-log")
    ]
    one, two = own[1:3]
    raws[one], raws[two] = raws[two], raws[one]
    return raws


def replaced(raws: list[Raw]) -> list[Raw]:
    """An answer by somebody else."""
    at = next(n for n, raw in enumerate(raws) if raw.headers["ce-type"] == "call.answered")
    raws[at] = raws[at]._replace(data=raws[at].data.replace(b"ana", b"eva"))
    return raws


DOCTORED: dict[str, tuple[Callable[[list[Raw]], list[Raw]], str]] = {
    "one left out": (lambda raws: raws[:20] + raws[21:], "breaks the chain"),
    "two swapped": (swapped, "breaks the chain"),
    "one replaced": (replaced, "breaks the chain"),
    "the last left out": (lambda raws: raws[:-1], "which is missing: the log ends at"),
    "the same": (lambda raws: raws, ""),
}


@pytest.mark.parametrize("what", DOCTORED)
async def test_a_doctored_copy_is_found(store: Path, tmp_path: Path, what: str) -> None:
    """A log written anew into a fresh stream, all sums of the server right: links and noted heads tell them apart."""
    heads, raws = await noted(store)
    doctor, expected = DOCTORED[what]
    async with served(tmp_path) as client:
        await _written(client, doctor(list(raws)))
        wrong = (await verify(client, CENTRE, heads=heads)).wrong
    if expected:
        assert any(expected in each for each in wrong), wrong
    else:
        assert wrong == []


async def test_a_message_deleted_at_the_server_is_found(store: Path, tmp_path: Path) -> None:
    """The streams of a centre refuse it; where another stream did not, the gap is named."""
    _, raws = await noted(store)
    async with served(tmp_path) as client:
        await _written(client, raws)
        await client.log(CENTRE).remove(30)
        await client.log(CENTRE).remove(31)
        wrong = (await verify(client, CENTRE)).wrong
    assert wrong[0].startswith("messages 30 to 31 are missing"), wrong


async def _written(client: Operator, raws: list[Raw]) -> None:
    js = client.connection.jetstream()
    for name, subject in (
        (registry.log_stream(CENTRE), f"log.{CENTRE}.>"),
        (registry.inbox_stream(CENTRE), f"inbox.{CENTRE}.>"),
    ):
        inbox = name == registry.inbox_stream(CENTRE)
        decided = max(raw.message().inbox for raw in raws)
        await js.add_stream(
            StreamConfig(
                name=name, subjects=[subject], allow_direct=True, first_seq=decided + 1 if inbox else None
            )
        )
    for raw in raws:
        headers = {name: value for name, value in raw.headers.items() if name.startswith("ce-")}
        await js.publish(raw.subject, raw.data, headers=headers)


async def test_running_services_know_of_a_missing_tail(store: Path, tmp_path: Path) -> None:
    """What a running service has written and the log no longer holds is found without any file."""
    copy = tmp_path / "copy"
    shutil.copytree(store, copy)
    async with running(copy) as stack, Operator(stack.url) as client:
        await client.settle(CENTRE)
        report = await verify(client, CENTRE, copy / "services")
        assert report.wrong == []
        assert sum(each.startswith("running ") for each in report.compared) == 4
        core = stack.hosts["tickets"].seats[CENTRE].runner.core
        core.own += 100
        wrong = (await verify(client, CENTRE)).wrong
        core.own -= 100
    assert [each for each in wrong if "the running tickets knows a message" in each] == wrong
    assert len(wrong) == 1


async def test_services_do_not_begin_anew_where_their_last_event_is_damaged(
    store: Path, tmp_path: Path
) -> None:
    """Of a subject whose last message cannot be read the server says that there is none; a service is not deceived."""
    damaged = tmp_path / "damaged"
    shutil.copytree(store, damaged)
    async with served(damaged) as client:
        until = await client.log(CENTRE).last_sequence()
    flipped(damaged / LOG / "1.blk", 0.999, Random(1))
    async with served(damaged) as client:
        with pytest.raises(Corrupt, match="its end cannot be read"):
            async for _ in client.log(CENTRE).read([f"log.{CENTRE}.>"], 0, until):
                pass
