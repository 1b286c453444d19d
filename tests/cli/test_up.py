"""`up`: it says where it listens, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from centralita import centres
from centralita.operating import Operator
from centralita.process import StoreLock
from centralita.server import NatsServer
from contracts import registry
from contracts.protocol import PLAIN
from tests.cli.keyboard import Stack, environment, typed


async def up(*words: str, **env: str) -> tuple[Process, dict[str, Any]]:
    """`up --json` with these options, and what it says when it is ready."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "centralita.cli", "up", "--json", "--quiet", *words),
        stdout=PIPE,
        stderr=PIPE,
        env=environment(**env),
    )
    assert process.stdout
    return process, json.loads(await asyncio.wait_for(process.stdout.readline(), 60))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_stops_all_of_it(number: signal.Signals, tmp_path: Path) -> None:
    """On Ctrl-C and on SIGTERM it ends with 0, in silence, and its server and its store are free."""
    process, ready = await up("--port", "0", "--door-port", "0", "--store", str(tmp_path))
    assert set(ready["services"]) == {"intake", "routing", "tickets", "sla"}
    process.send_signal(number)
    out, err = await asyncio.wait_for(process.communicate(), 20)
    assert (process.returncode, out, err) == (0, b"", b"")
    StoreLock(tmp_path).release()


async def test_a_lost_server_ends_it_with_a_reason(tmp_path: Path) -> None:
    """Where the embedded server dies, `up` stops the rest and ends with 3, saying which part was lost."""
    process, _ = await up("--port", "0", "--store", str(tmp_path), "--service", "intake")
    (file,) = (name for name in os.listdir(tmp_path) if name.endswith(".ports"))  # noqa: PTH208  no waiting here
    server = int(file.removesuffix(".ports").rpartition("_")[2])
    os.kill(server, signal.SIGKILL)
    _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 3
    assert b"centralita: nats-server has ended with code -9" in err


async def test_one_service_on_a_server_that_runs_already(tmp_path: Path) -> None:
    """With --nats and --service only that service runs, with its pages on the port that was asked for."""
    async with NatsServer.start(tmp_path / "server") as server:
        process, ready = await up("--nats", server.url, "--service", "sla", "--store", str(tmp_path))
        assert list(ready["services"]) == ["sla"]
        assert ready["door"] is None
        async with httpx.AsyncClient(base_url=ready["services"]["sla"], trust_env=False) as pages:
            assert (await pages.get("/readyz")).json()["ready"] is True
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0
        async with Operator(server.url) as client:
            assert client.connection.is_connected


async def test_a_door_alone_before_a_server_that_runs_already(stack: Stack, tmp_path: Path) -> None:
    """With --service door there is a door and no service; what is behind it is that of the server."""
    words = ("--nats", stack.url, "--service", "door", "--door-port", "0", "--store", str(tmp_path))
    process, ready = await up(*words)
    assert ready["services"] == {}
    centre = f"c{uuid4().hex[:8]}"
    async with httpx.AsyncClient(base_url=ready["door"], trust_env=False, timeout=20) as door:
        assert (await door.put(centre)).status_code == 201
        assert (await door.get(f"{centre}/settled")).status_code == 200
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_a_store_or_port_in_use_is_told(stack: Stack, tmp_path: Path) -> None:
    """A second `up` on the same store, or the same port, ends with 3 and says what is taken."""
    taken = await asyncio.to_thread(typed, "up", "--port", "0", "--store", str(stack.store))
    assert taken.code == 3
    assert taken.err.startswith(f"centralita: the store directory {stack.store} is in use")
    port = stack.url.rpartition(":")[2]
    taken = await asyncio.to_thread(typed, "up", "--port", port, "--store", str(tmp_path))
    assert taken.code == 3
    assert "address already in use" in taken.err
    assert taken.err.count("\n") == 1


@pytest.mark.parametrize("service", registry.SERVICES)
async def test_each_service_has_its_pages(service: str, stack: Stack) -> None:
    """/healthz says it lives, and /asyncapi shows every command and query."""
    async with httpx.AsyncClient(base_url=stack.services[service], trust_env=False) as pages:
        assert (await pages.get("/healthz")).json() == {"status": "alive"}
        page = await pages.get("/asyncapi")
        assert page.status_code == 200
        for name in (*registry.COMMANDS[service], *registry.QUERIES[service]):
            assert f"{service}.{name}" in page.text


async def test_metrics_name_known_centres_only(stack: Stack) -> None:
    """Positions by centre, requests by verb; a centre that somebody invents is counted and makes no label."""
    centre = f"c{uuid4().hex[:8]}"
    async with Operator(stack.url) as client:
        await centres.add(client.connection, centre, PLAIN)
        await client.connection.publish(registry.query_subject("invented", "sla", "status"), b"{}")
        await client.query(centre, "sla", "status")
    async with httpx.AsyncClient(base_url=stack.services["sla"], trust_env=False) as pages:
        page = await pages.get("/metrics")
    assert page.status_code == 200
    lines = page.text.splitlines()
    assert f'centralita_active{{centre="{centre}",service="sla"}} 1.0' in lines
    (received,) = (
        float(line.split()[-1])
        for line in lines
        if line.startswith("faststream_received_messages_total{") and '"query.*.sla.status"' in line
    )
    assert received >= 2
    assert "invented" not in page.text


async def test_every_service_is_discoverable(stack: Stack) -> None:
    """On $SRV.PING and $SRV.INFO all four answer, and list the subjects of their commands and queries."""
    async with Operator(stack.url) as client:
        for verb in ("PING", "INFO"):
            inbox = client.connection.new_inbox()
            replies = await client.connection.subscribe(inbox)
            await client.connection.publish(f"$SRV.{verb}", reply=inbox)
            answers = [json.loads((await replies.next_msg(20)).data) for _ in registry.SERVICES]
            assert {answer["name"] for answer in answers} == {
                f"centralita-{name}" for name in registry.SERVICES
            }
            assert {answer["type"] for answer in answers} == {f"io.nats.micro.v1.{verb.lower()}_response"}
    for answer in answers:
        service = answer["name"].removeprefix("centralita-")
        assert {endpoint["subject"] for endpoint in answer["endpoints"]} == {
            *(registry.command_subject("*", service, name) for name in registry.COMMANDS[service]),
            *(registry.query_subject("*", service, name) for name in registry.QUERIES[service]),
        }


async def test_nobody_to_tell_stops_no_work(tmp_path: Path) -> None:
    """Where what it tells cannot be written, the services work all the same."""
    with Path("/dev/full").open("w") as full:
        process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "centralita.cli",
                "up",
                "--json",
                *("--port", "0", "--door-port", "0"),
                "--store",
                str(tmp_path),
            ),
            stdout=PIPE,
            stderr=full,
            env=environment(),
        )
    assert process.stdout
    ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
    try:
        async with Operator(ready["nats"]) as client:
            await centres.add(client.connection, "acme", PLAIN)
            await client.settle("acme", 20)
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 20)
