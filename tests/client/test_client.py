"""The public client does the same over HTTP and over NATS, for backends and for tests."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pytest

import protocols
from centralita import Accepted, Client, Fact, Problem, Refusal, SyncClient, Unavailable, centres
from centralita.operating import Operator
from tests.e2e.stacks import Stack

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


class Centre(NamedTuple):
    """A centre of one's own, and a client of it."""

    client: Client
    name: str
    url: str


@pytest.fixture(params=["nats", "http"])
async def centre(request: pytest.FixtureRequest, stacks: Callable[[str], Stack]) -> AsyncIterator[Centre]:
    """A centre on a virtual clock that stands at nine, reached in one of the two ways."""
    stack, name = stacks("one process"), f"c{uuid4().hex[:8]}"
    url = stack.url if request.param == "nats" else stack.door
    async with Operator(stack.url) as operator, Client(url, timeout=20) as client:
        await centres.add(operator.connection, name, protocols.load("cold-industry"), clock="virtual")
        await client.advance(name, NINE)
        yield Centre(client, name, url)
        await centres.remove(operator.connection, name)


def told(refusal: pytest.ExceptionInfo[Refusal]) -> tuple[int, str | None, str | None]:
    """Status, rule and field of a refusal."""
    problem = refusal.value.problem
    return problem.status, problem.rule, problem.field


async def test_a_promise_breaks_while_time_passes(centre: Centre) -> None:
    """Facts are accepted in order, repeats lead to nothing, and what follows from them is told once, with its cause."""
    client, name, _ = centre
    facts = [Fact("call.offered", f"c-{n}", {"queue": "main"}, NINE, id=str(n)) for n in (1, 2)]
    accepted = await client.publish(name, facts)
    assert [(it.id, it.source) for it in accepted] == [(it.id, it.source) for it in facts]
    assert accepted[1].position == accepted[0].position + 1
    await client.advance(name, timedelta(minutes=11))
    (again,) = await client.publish(name, facts[0])
    assert again.position > accepted[1].position
    last = await client.settle(name)
    events = [event async for event in client.follow(name, until=last, about="c-1")]
    types = [event.type for event in events]
    assert types == ["call.offered", "caller.classified", "deadline.set", "deadline.breached"]
    cause = events[0].service, events[0].cause, events[0].cause_source
    assert cause == ("intake", "1", "/centralita/client")
    assert events[2].cause == events[0].id
    assert events[-1].time == NINE + timedelta(seconds=8)
    rest = [event async for event in client.follow(name, after=events[2].position, until=last, about="c-1")]
    assert rest == events[3:]
    assert [event async for event in client.follow(name, after=last, until=last)] == []


async def test_a_command_is_done_once(centre: Centre) -> None:
    """The same id again gives the same answer, and the query that waits for its position finds one ticket."""
    client, name, _ = centre
    ticket = {"category": "complaint", "need": "no\u2028cooling", "by": "lucia"}
    first = await client.command(name, "tickets", "register", ticket, id="order-17", actor="lucia")
    again = await client.command(name, "tickets", "register", ticket, id="order-17", actor="lucia")
    assert (again.id, again.position, first.type) == (first.id, first.position, "ticket.registered")
    found = await client.query(name, "tickets", "tickets", {"position": first.position})
    assert [it["need"] for it in found["tickets"]] == [ticket["need"]]
    (event,) = [event async for event in client.follow(name, after=first.position - 1, until=first.position)]
    assert (event.id, event.actor, event.data["need"]) == (first.id, "lucia", ticket["need"])
    others = [await client.command(name, "tickets", "register", ticket, id=it) for it in (' "', '"order-17"')]
    assert [it.data["number"] for it in others] == [2, 3]


async def test_who_is_cancelled_may_still_say_so(centre: Centre) -> None:
    """What a program does in its end, after it was cancelled, is done and acknowledged."""
    client, name, _ = centre

    async def work() -> list[Accepted]:
        try:
            await asyncio.sleep(60)
        finally:
            return await client.publish(name, Fact("call.offered", "c-1", time=NINE))  # noqa: B012

    working = asyncio.create_task(work())
    await asyncio.sleep(0)
    working.cancel()
    assert len(await working) == 1


async def test_what_is_wrong_is_said(centre: Centre) -> None:
    """Which field of which fact, counted from the first of all; what was stored before it; and what is not there."""
    client, name, _ = centre
    many = [Fact("call.offered", f"c-{n}", {"queue": "main"}, NINE) for n in range(1002)]
    many[1001] = Fact("call.offered", "c-1001", {"from": 7}, NINE)
    with pytest.raises(Refusal) as wrong:
        await client.publish(name, many)
    assert told(wrong) == (400, "malformed", "[1001].data.from")
    assert wrong.value.problem.detail.startswith("[1001].data.from: expected")
    assert [it.id for it in wrong.value.accepted] == [fact.id for fact in many[:1000]]
    with pytest.raises(Refusal) as alone:
        await client.publish(name, many[1001])
    assert told(alone) == (400, "malformed", "data.from")
    with pytest.raises(Refusal) as nowhere:
        await client.publish("nowhere", many[0])
    assert told(nowhere) == (404, "unknown-centre", None)
    with pytest.raises(Refusal) as verb:
        await client.command(name, "tickets", "sing")
    assert told(verb) == (404, "unknown-command", None)
    with pytest.raises(Refusal) as gone:
        await anext(client.follow("nowhere"))
    assert told(gone) == (404, "unknown-centre", None)
    with pytest.raises(Refusal) as back:
        await client.advance(name, NINE - timedelta(hours=1))
    assert told(back) == (409, "clock-backwards", None)
    with pytest.raises(ValueError, match="time: expected one with an offset"):
        await client.publish(name, Fact("call.offered", "c-1", time=datetime(2026, 3, 2)))  # noqa: DTZ001
    with pytest.raises(ValueError, match="time: expected one with an offset"):
        await client.advance(name, datetime(2026, 3, 3))  # noqa: DTZ001


async def test_the_same_without_asyncio(centre: Centre) -> None:
    """On a thread of its own it does what the asynchronous one does; a follower may break off."""
    with SyncClient(centre.url) as client:
        client.publish(centre.name, Fact("call.offered", "c-1", {"queue": "main"}, NINE))
        last = client.settle(centre.name)
        events = client.follow(centre.name, services=["sla"])
        event = next(events)
        events.close()
        assert (event.type, event.about, event.position) == ("deadline.set", "c-1", last)
        with pytest.raises(Refusal, match="there is no centre"):
            client.query("nowhere", "sla", "figures")


async def test_who_is_interrupted_is_told_just_that(centre: Centre) -> None:
    """Ctrl-C while a follower waits is a KeyboardInterrupt and ends the follower; the client goes on."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupted)
    try:
        with SyncClient(centre.url) as client:
            later = threading.Timer(0.3, signal.pthread_kill, (threading.get_ident(), signal.SIGUSR1))
            later.start()
            with pytest.raises(KeyboardInterrupt):
                list(client.follow(centre.name))
            assert client.settle(centre.name) > 2
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "nats://127.0.0.1:9"])
async def test_who_is_not_there_is_named(url: str) -> None:
    """Where nobody answers, connecting says so, and where."""
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9"):
        async with Client(url):
            pass
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9"), SyncClient(url):
        pass


@pytest.mark.parametrize("url", ["http://", "nats://", "127.0.0.1:8422", "http://[::1", "ftp://door"])
def test_a_url_that_is_none_is_told(url: str) -> None:
    """What can be no address is said before anything is tried."""
    with pytest.raises(ValueError, match="url: "):
        Client(url)


@pytest.mark.parametrize("said", ["200 OK", "302 Found", "502 Bad Gateway"])
async def test_who_is_no_door_is_named(said: str) -> None:
    """A page of somebody else, whatever its status, is told as what it is."""

    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {said}\r\nContent-Length: 5\r\n\r\nhello".encode())
        writer.close()

    async with await asyncio.start_server(page, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unavailable, match=f"answers {said[:3]}, which is no door's: hello"):
            async with Client(f"http://127.0.0.1:{port}"):
                pass


def test_over_http_nothing_of_the_services_is_loaded(stacks: Callable[[str], Stack], tmp_path: Path) -> None:
    """A project with packages of the same names works: they are never imported, nor is nats."""
    program = """
        import sys
        sys.path[:0] = [sys.argv[1]]
        from centralita import Client, Event, Fact, Refusal, SyncClient
        with SyncClient(sys.argv[2]) as client:
            try:
                client.publish("nowhere", Fact("call.offered", "c-1"))
            except Refusal as refusal:
                print(refusal.problem.rule)
        print(*sorted({name.partition(".")[0] for name in sys.modules}))
    """
    lines = [line[8:] for line in program.splitlines()]
    done = subprocess.run(
        [sys.executable, "-I", "-c", "\n".join(lines), str(ROOT), stacks("one process").door],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    rule, loaded = done.stdout.splitlines() or [done.stderr, ""]
    assert rule == "unknown-centre"
    heavy = {"contracts", "eventlog", "services", "protocols", "nats", "pydantic", "faststream", "starlette"}
    assert not heavy & set(loaded.split())


def test_a_problem_keeps_what_it_knows() -> None:
    """Members that are not known are passed over, those that say nothing are left out."""
    problem = Problem.of({"title": "Refused", "rule": "R13", "status": 409, "instance": "/x"})
    assert problem.members() == {
        "title": "Refused",
        "status": 409,
        "detail": "",
        "type": "about:blank",
        "rule": "R13",
    }
