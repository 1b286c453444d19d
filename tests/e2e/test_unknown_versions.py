"""An event of a version that this release does not know stops what it is about, loudly, and nothing else."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import protocols
from centralita import centres, deadletters
from centralita.client import Refusal
from centralita.operating import Operator
from centralita.stack import Stack, running
from centralita.verify import verify
from contracts import registry
from tests.e2e.centre import Centre, advanced, fact, offered, signed_in

STATED = {"text": "hay una fuga", "category": "complaint"}


@asynccontextmanager
async def started(store: Path, *services: str) -> AsyncIterator[tuple[Stack, Centre]]:
    """These services, on what is stored."""
    async with running(store, services=services or registry.SERVICES) as stack, Operator(stack.url) as client:
        await centres.add(client.connection, "acme", protocols.load("cold-industry"), clock="virtual")
        yield stack, Centre(client, "acme")


def scraped(stack: Stack, service: str) -> str:
    """What a service's metrics say."""
    address = f"http://127.0.0.1:{stack.hosts[service].http_port}/metrics"
    with urllib.request.urlopen(address) as answer:
        return str(answer.read().decode())


async def test_back_to_a_release_that_is_older(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own event stops the call in intake, another's is set aside in sla; after the update all is made good."""
    monkeypatch.setitem(registry._VERSIONS, "call.answered", 2)  # type: ignore[index]
    async with started(tmp_path) as (stack, centre):
        await centre.tell(signed_in("ana"), offered("c1", 0), offered("c2", 0), advanced(1))
    async with started(tmp_path, "intake", "routing", "tickets") as (stack, centre):
        answered = replace(fact("call.answered", "c1", 2, agent="ana"), version=2)
        await centre.client.publish("acme", [answered])
        async with asyncio.timeout(10):
            while "call.answered" not in await centre.names("intake", "c1"):
                await asyncio.sleep(0.01)
    for file in tmp_path.glob("services/acme/intake.checkpoint"):
        file.unlink()

    monkeypatch.setitem(registry._VERSIONS, "call.answered", 1)  # type: ignore[index]
    async with started(tmp_path) as (stack, centre):
        await centre.tell(
            fact("request.stated", "c1", 3, **STATED), fact("request.stated", "c2", 3, **STATED)
        )
        await centre.tell(advanced(60))
        assert all(host.seats["acme"].runner.state == "active" for host in stack.hosts.values())
        assert "request.stated" in await centre.names("intake", "c2")
        status = await centre.query("intake", "status")
        assert list(status["stopped"]) == ["c1"]
        assert "call.answered of version 2" in status["stopped"]["c1"]
        with pytest.raises(Refusal, match="this release cannot read it"):
            await centre.command("intake", "release", call="c1", by="ana")
        found = await deadletters.letters(centre.client, "acme")
        assert {(it.service, it.type, it.state) for it in found} >= {
            ("intake", "request.stated", "waiting"),
            ("sla", "call.answered", "waiting"),
        }
        assert (await centre.deadlines("c1"))["answer"] == "running"
        assert (await centre.deadlines("c2"))["answer"] == "breached"
        assert 'centralita_stopped_aggregates{centre="acme",service="intake"} 1.0' in await asyncio.to_thread(
            scraped, stack, "intake"
        )
        assert 'centralita_deadletters{centre="acme",service="sla"}' in await asyncio.to_thread(
            scraped, stack, "sla"
        )
        wrong = (await verify(centre.client, "acme", tmp_path / "services")).wrong
        assert [it.partition(", as")[0] for it in wrong] == ["intake: c1 is stopped"]

    monkeypatch.setitem(registry._VERSIONS, "call.answered", 2)  # type: ignore[index]
    async with started(tmp_path) as (stack, centre):
        for _ in range(20):
            waiting = [it for it in await deadletters.letters(centre.client, "acme") if it.state == "waiting"]
            if not waiting:
                break
            first = min(waiting, key=lambda it: (it.service, it.position))
            outcome = await deadletters.resend(centre.client, "acme", first, "eva", "updated")
            assert outcome.what == "resent"
            await centre.client.settle("acme")
        assert "request.stated" in await centre.names("intake", "c1")
        assert (await centre.query("intake", "status"))["stopped"] == {}
        assert (await centre.deadlines("c1"))["answer"] == "met"
        assert (await verify(centre.client, "acme", tmp_path / "services")).wrong == []
