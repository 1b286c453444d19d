"""What earlier releases wrote is read by this one: verified, answered as it was then, and gone on with."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from centralita.client import Fact
from centralita.operating import Operator
from centralita.server import NatsServer
from centralita.stack import running
from centralita.verify import verify
from contracts import registry
from tests.contracts.answering import every_answer, never_told, something_of_each
from tests.contracts.test_registry import SAMPLES
from tests.upgrade.recorded import LOGS, OPEN, Centre, answered, load, restored

RELEASES = sorted(file.name.removesuffix(".jsonl.xz") for file in LOGS.glob("*.jsonl.xz"))


def centres_of(release: str) -> list[Centre]:
    """What was recorded by a release."""
    return load(LOGS / f"{release}.jsonl.xz")


def test_there_is_a_log_of_a_release() -> None:
    """Without one nothing here would be shown."""
    assert RELEASES


@pytest.mark.parametrize("release", RELEASES)
def test_every_version_that_was_recorded_has_a_sample_and_is_read(release: str) -> None:
    """Each message of each log is decoded, and of its type and version a sample is kept."""
    for centre in centres_of(release):
        for message in centre.log:
            name, version = message.headers["ce-type"], int(message.headers.get("ce-dataversion", 1))
            if not name.startswith("term.") and not json.loads(message.data or "{}").get("sealed"):
                registry.decode(name, version, message.data.encode())
        kept = {(SAMPLES / f"{name}.v{version}.json").exists() for name, version in centre.types}
        assert kept == {True}


@pytest.mark.parametrize("release", RELEASES)
async def test_a_recorded_log_is_verified(release: str, tmp_path: Path) -> None:
    """All that the release recorded is folded without a contradiction."""
    async with NatsServer.start(tmp_path) as server, Operator(server.url, timeout=20) as client:
        for centre in centres_of(release):
            await restored(client, centre)
            report = await verify(client, centre.name)
            assert report.wrong == []
            assert sum(report.events.values()) > 0


@pytest.mark.parametrize("release", RELEASES)
async def test_services_go_on_where_the_release_ended(release: str, tmp_path: Path) -> None:
    """They record nothing but their terms, answer what was answered then, and take what happens next.

    Every query is answered as its schema says, with all fields that stand there and no other.
    """
    going_on = [centre for centre in centres_of(release) if centre.answers is not None]
    assert len(going_on) >= 5
    async with NatsServer.start(tmp_path / "server") as server, Operator(server.url, timeout=20) as client:
        for centre in going_on:
            await restored(client, centre)
        async with running(tmp_path, url=server.url):
            await asyncio.gather(*(_goes_on(client, centre) for centre in going_on))
            for centre in going_on:
                if centre.name in ("cold-industry", "gas-utility", "insurer"):
                    await something_of_each(client, centre.name, centre.after(3))
            found = [await every_answer(client, centre.name) for centre in going_on]
    asked = {(service, name) for service, names in registry.QUERIES.items() for name in names}
    assert {query for answers in found for query in answers} == asked
    assert never_told(found) == set()


async def _goes_on(client: Operator, centre: Centre) -> None:
    last = await client.settle(centre.name)
    assert await answered(client, centre.name) == centre.answers
    added = [
        raw
        async for part in client.log(centre.name).read([f"log.{centre.name}.>"], len(centre.log), last)
        for raw in part
    ]
    assert {raw.subject.rsplit(".", 1)[1] for raw in added} == {registry.TERM}
    new, time = "after-the-upgrade", centre.after(2)
    await client.publish(
        centre.name,
        [
            Fact("call.offered", new, {}, time),
            Fact("call.abandoned", OPEN, {}, time),
            Fact("call.offered", OPEN, {}, time, id=OPEN, source="/recorded"),
            Fact("clock.advanced", registry.CLOCK, {"to": time}, time),
        ],
    )
    await client.settle(centre.name)
    names = [message.name for message in await client.story(centre.name, OPEN)]
    assert names.count("call.offered") == 1
    assert names.count("call.abandoned") == 1
    assert "call.offered" in [message.name for message in await client.story(centre.name, new)]
    recorded = {message.name for message in await client.story(centre.name, OPEN)}
    assert "fact.rejected" not in recorded
    assert (await verify(client, centre.name)).wrong == []
