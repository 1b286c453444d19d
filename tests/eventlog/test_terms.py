"""Terms on a real server: whoever was replaced writes nothing more, and what was cut short is completed."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from centralita.client import Refusal
from centralita.server import NatsServer
from centralita.stack import ALL
from contracts import registry
from contracts.base import Refused
from eventlog import errors
from eventlog.codec import Message, headers_of
from eventlog.core import Core
from eventlog.decider import Arrival
from eventlog.faults import Patience
from eventlog.inputs import Asked, Input
from eventlog.memory import TERM
from eventlog.steps import Steps
from eventlog.stream import Settings
from services.decider import Decider
from services.seat import place_of
from tests.eventlog.gate import Gate
from tests.eventlog.instances import (
    CENTRE,
    OWN,
    PACE,
    calls,
    expected,
    instance,
    opened,
    process,
    recorded,
    records,
    told,
    until,
)
from tests.unit.given import START

FEW, MANY = 4, 40
"""Calls whose events are appended one by one, and so many that they are one batch."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """A server for one test."""
    async with NatsServer.start(tmp_path / "server") as server:
        yield server


@pytest.mark.parametrize(("number", "passing"), [(FEW, 1), (FEW, 7), (MANY, 60)])
async def test_an_instance_paused_in_mid_commit_writes_nothing_when_it_wakes(
    server: NatsServer, tmp_path: Path, number: int, passing: int
) -> None:
    """Paused in mid-commit, replaced and woken, it adds nothing: the log is as if nothing had happened."""
    async with opened(server.url) as client, Gate(server.port) as gate:
        await client.publish(CENTRE, calls(number))
        gate.stop_at(OWN, 1 + passing)
        async with process(gate.url, "intake", tmp_path / "paused") as paused:
            await asyncio.wait_for(gate.held.wait(), 20)
            paused.send(signal.SIGSTOP)
            async with instance(server.url) as successor:
                await until(lambda: successor.active)
                wanted = await expected(client)
                await records(client, len(wanted))
                gate.release()
                paused.send(signal.SIGCONT)
                await client.publish(CENTRE, calls(2, first=1000))
                wanted = await expected(client)
                await records(client, len(wanted))
                await asyncio.sleep(0.5)
                assert told(await recorded(client)) == wanted
                assert successor.active
            terms = [m.name for m in await recorded(client) if m.aggregate == TERM]
            assert terms[:2] == ["term.taken", "term.taken"]


async def test_every_append_of_an_old_term_is_refused(server: NatsServer) -> None:
    """One by one, many in flight, in a batch, in a batch begun before the term was taken: nothing lands."""
    async with opened(server.url) as client:
        log, term = client.log(CENTRE), registry.log_subject(CENTRE, "intake", TERM)

        def event(id: str) -> tuple[str, Message]:
            return registry.log_subject(CENTRE, "intake", id), Message(
                id, "call.queued", b"{}", uuid4().hex, "/a"
            )

        async def take(last: int) -> int:
            return (
                await log.append(
                    [(term, Message(TERM, "term.taken", b"{}", uuid4().hex, "/a"))], expected={term: last}
                )
            )[0]

        old = await take(0)
        await log.append([event("c0")], fence=(term, old))
        batch = {"Nats-Batch-Id": uuid4().hex}
        fence = {
            "Nats-Expected-Last-Subject-Sequence": str(old),
            "Nats-Expected-Last-Subject-Sequence-Subject": term,
        }
        subject, message = event("c1")
        staged = headers_of(message) | batch | {"Nats-Batch-Sequence": "1"} | fence
        await client.connection.publish(subject, b"{}", headers=staged)
        await client.connection.flush()
        new = await take(old)
        last = headers_of(message) | batch | {"Nats-Batch-Sequence": "2", "Nats-Batch-Commit": "1"}
        reply = await client.connection.request(subject, b"{}", headers=last, timeout=5)
        assert b'"error"' in reply.data
        with pytest.raises(errors.Conflict):
            await take(old)
        for number in (1, 2, 20, 24, 200):
            with pytest.raises(errors.Conflict):
                await log.append([event(f"c{i}") for i in range(number)], fence=(term, old))
        assert await log.last_sequence() == new
        await log.append([event("c2"), event("c3")], fence=(term, new))


@pytest.mark.parametrize(
    ("number", "passing", "stored"),
    [(FEW, 0, 0), (FEW, 1, 1), (FEW, 4, 4), (FEW, 9, 9), (MANY, 30, 0), (600, 1500, 1000)],
)
async def test_a_connection_cut_in_mid_commit_leaves_a_prefix(
    server: NatsServer, number: int, passing: int, stored: int
) -> None:
    """What is stored is a prefix in decided order (over 1,000 events: whole batches); the rest follows."""
    async with opened(server.url) as client, Gate(server.port) as gate:
        await client.publish(CENTRE, calls(number))
        wanted = await expected(client)
        assert len(wanted) > passing
        gate.stop_at(OWN, 1 + passing)
        async with instance(gate.url, pace=replace(PACE, inputs=2000)) as runner:
            await asyncio.wait_for(gate.held.wait(), 10)
            await asyncio.sleep(0.2)
            before = told(await recorded(client))
            assert before == wanted[: len(before)]
            # so many facts may arrive in two or three goes, and are then as many commits
            assert len(before) == stored or (number > MANY and len(before) <= passing)
            gate.cut()
            await records(client, len(wanted), seconds=30)
            assert told(await recorded(client)) == wanted
            await until(lambda: runner.active)
            await client.publish(CENTRE, calls(3, first=5000))
            wanted = await expected(client)
            await records(client, len(wanted))
            assert told(await recorded(client)) == wanted


async def test_the_server_restarted_in_mid_commit(server: NatsServer) -> None:
    """Killed with a commit under way and started again, the server is found again, and nothing is missing."""
    async with opened(server.url) as client, Gate(server.port) as gate:
        await client.publish(CENTRE, calls(FEW))
        gate.stop_at(OWN, 4)
        async with instance(gate.url) as runner:
            await asyncio.wait_for(gate.held.wait(), 10)
            server.kill()
            await until(lambda: runner.state == "unavailable", 1)
            gate.cut()
            await server.restart()
            wanted = await expected(client)
            await records(client, len(wanted))
            assert told(await recorded(client)) == wanted


async def test_a_standby_takes_over_and_only_then_answers(server: NatsServer, tmp_path: Path) -> None:
    """Within 5 s of a kill, within 1 s of a clean stop; until then only the active instance does anything."""
    ticket = {"category": "complaint", "need": "it leaks", "by": "ana"}

    async def register(id: str) -> str:
        while True:
            try:
                answer = await client.command(CENTRE, "tickets", "register", ticket, id=id)
                return str(answer["id"])
            except (errors.Unavailable, Refusal):
                await asyncio.sleep(0.05)

    async with opened(server.url) as client, instance(server.url, "tickets") as standby:
        await until(lambda: standby.active)  # nobody else is there yet
        standby.stop()
        async with process(server.url, "tickets", tmp_path / "first") as first:
            told_first = await register("t1")
            async with (
                process(server.url, "tickets", tmp_path / "second"),
                instance(server.url, "tickets") as third,
            ):
                await until(lambda: third.state == "standby")
                command = Message("", "register", b"{}", "x", "/test", actor="ana")
                with pytest.raises(errors.Unavailable):
                    await third.command(Arrival("command", "", command))
                third.stop()
                await asyncio.sleep(1.5)
                first.send(signal.SIGKILL)
                killed = time.monotonic()
                await register("t2")
                assert time.monotonic() - killed < 5
                assert await register("t1") == told_first, "what was recorded is known to the successor"
    async with opened(server.url) as client:
        names = [m.name for m in await recorded(client, "tickets") if m.aggregate != TERM]
        assert names == ["ticket.registered", "ticket.registered"]


async def test_a_clean_stop_hands_over_within_a_second(server: NatsServer) -> None:
    """Of two that stand by, one takes over, once, and the other goes on standing by."""
    async with opened(server.url) as client, instance(server.url) as first:
        await until(lambda: first.active)
        async with instance(server.url) as second, instance(server.url) as third:
            await until(lambda: second.state == third.state == "standby")
            await asyncio.sleep(0.5)
            assert first.active
            first.stop()
            await until(lambda: second.active or third.active, 1)
            await asyncio.sleep(2.5)
            assert {second.state, third.state} == {"active", "standby"}
            terms = [m.name for m in await recorded(client) if m.aggregate == TERM]
            assert terms == ["term.taken", "term.released", "term.taken"]


async def test_a_living_instance_is_not_replaced(server: NatsServer) -> None:
    """One that starts beside an active one stands by, however soon it is ready."""
    async with opened(server.url) as client, instance(server.url) as first:
        await until(lambda: first.active)
        for _ in range(3):
            async with instance(server.url) as second:
                await until(lambda: second.state == "standby")
                await asyncio.sleep(0.4)
        assert first.active
        assert [m.name for m in await recorded(client)] == ["term.taken"]


async def test_who_asks_in_mid_commit_is_answered(server: NatsServer) -> None:
    """A command in a commit that is cut gets an error at once; told again, it is recorded once."""
    async with opened(server.url), Gate(server.port) as gate, instance(gate.url, "tickets") as runner:
        await until(lambda: runner.active)
        data = b'{"category": "complaint", "need": "it leaks", "by": "ana"}'
        command = Message("", "register", data, "t1", "/test", time=calls(1)[0].time, actor="ana")
        for passing in (0, 1):
            gate.stop_at(b"HPUB log.acme.tickets.ticket", passing)
            asked = asyncio.create_task(runner.command(Arrival("command", "", command)))
            if passing == 0:
                await asyncio.wait_for(gate.held.wait(), 5)
                gate.cut()
                with pytest.raises(errors.Unavailable):
                    await asyncio.wait_for(asked, 1)
                await until(lambda: runner.active)
            else:
                first = await asyncio.wait_for(asked, 5)
        again = await runner.command(Arrival("command", "", command))
        assert again.seq == first.seq


async def test_whoever_was_replaced_refuses_nothing(server: NatsServer) -> None:
    """An instance that has slept through its end does not refuse what its successor may well do."""
    async with opened(server.url) as client:
        log, place = client.log(CENTRE), place_of(CENTRE, ALL["intake"])
        release = Message("", "release", b'{"call": "c1", "by": "ana"}', "r1", "/test", time=START)

        async def take(last: int) -> int:
            taken = Message(TERM, "term.taken", b"{}", uuid4().hex, "/test", time=START)
            return (await log.append([(place.subject(TERM), taken)], expected={place.subject(TERM): last}))[0]

        term = await take(0)
        core = Core(Decider(ALL["intake"], CENTRE), place.source)
        steps = Steps(
            core, log, client.inbox(CENTRE), place, term, Patience((), 0.0), lambda event, about: None
        )
        asked = Asked(Arrival("command", "c1", release), None, 0)
        await steps.take([Input(Arrival("command", "c1", release), None, asked)], iter(()))
        with pytest.raises(Refused, match="no such call"):
            asked.answer.result()
        await take(term)
        again = Asked(Arrival("command", "c1", release), None, 0)
        with pytest.raises(errors.Conflict):
            await steps.take([Input(Arrival("command", "c1", release), None, again)], iter(()))
        assert not again.answer.done()


async def test_a_trimmed_inbox_and_a_restart(server: NatsServer) -> None:
    """What is recorded leaves the inbox, and the next instance goes on behind it."""
    pace = replace(PACE, trim=0.05)
    async with opened(server.url) as client:
        total = 0
        for first in (1, 100, 200):
            last = (
                await client.publish(CENTRE, calls(5, first)) and await client.inbox(CENTRE).last_sequence()
            )
            total += len(await expected(client))
            async with instance(server.url, pace=pace) as runner:
                await records(client, total)
                await until(lambda runner=runner, last=last: runner._trimmed == last)
                assert await expected(client) == []
        stored = told(await recorded(client))
        assert len(stored) == len({event[1] for event in stored}) == total


async def test_a_log_on_replicas_is_always_written_in_batches(server: NatsServer) -> None:
    """The same events come of it."""
    async with opened(server.url) as client, instance(server.url, settings=Settings(replicated=True)):
        await client.publish(CENTRE, calls(FEW))
        wanted = await expected(client)
        await records(client, len(wanted))
        assert told(await recorded(client)) == wanted
