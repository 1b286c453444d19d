"""What is beyond a limit is refused in so many words, and the rest goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from centralita import centres
from centralita.client import Client, Fact, Refusal, Unavailable
from centralita.operating import Operator
from centralita.server import NatsServer
from centralita.stack import running
from contracts import registry
from contracts.protocol import PLAIN
from eventlog import errors
from eventlog.codec import Message, headers_of
from eventlog.place import Pace
from services import seat
from services.limits import Door, Exceeded, Limits
from tests.e2e.bad_requests import CASE
from tests.e2e.centre import Centre, fact, offered

NAME = "acme"
SMALL = Limits(request=8000, waiting=5, rate=1, burst=10, open=3)
BRISK = Pace(trim=0.1)


@asynccontextmanager
async def centre_of(
    store: Path, *services: str, limits: Limits | None = None, timeout: float = 5, **options: Any
) -> AsyncIterator[Centre]:
    """A centre on a server of its own where these services run, within these limits."""
    async with (
        running(store, services=services, limits=limits, pace=BRISK) as stack,
        Operator(stack.url) as client,
    ):
        await centres.add(client.connection, NAME, PLAIN, **options)
        for service in services:
            await client.query(NAME, service, "status")
        client.timeout = timeout
        yield Centre(client, NAME)


async def refusal(asked: Any) -> tuple[int, str | None, bool]:
    """Status and rule of the problem that is the answer, and whether it is worth another try."""
    with pytest.raises(Refusal) as refused:
        await asked
    problem = refused.value.problem
    assert problem.detail
    return problem.status, problem.rule, bool(problem.retry_after)


async def test_each_limit_of_requests_is_a_problem_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too large, too many at once, too fast: told at once; a client that has the time waits for its turn."""
    monkeypatch.setattr(seat, "PATIENCE", 2.5)
    async with (
        centre_of(tmp_path, "tickets", limits=SMALL) as centre,
        Operator(centre.client.url, timeout=1) as hasty,
    ):
        large = centre.command("tickets", "register", **CASE | {"need": "n" * 9000})
        assert await refusal(large) == (413, "request-too-large", False)
        asked = [hasty.query(NAME, "tickets", "status", {"position": 10**9}) for _ in range(9)]
        refused = await asyncio.gather(*asked, return_exceptions=True)
        assert {it.problem.rule for it in refused if isinstance(it, Refusal)} == {"too-many-waiting"}
        await asyncio.sleep(2)  # until those inside have been told that it will not come
        subject, told = registry.query_subject(NAME, "tickets", "status"), list[str | None]()
        for _ in range(20):
            reply = await centre.client.connection.request(subject, b"{}", timeout=5)
            told.append(json.loads(reply.data).get("rule"))
        assert (told[0], set(told)) == (None, {None, "rate-exceeded"})
        async with Operator(centre.client.url) as patient:
            assert await patient.query(NAME, "tickets", "status")


def test_a_door_lets_in_as_fast_and_as_many_as_it_may() -> None:
    """So many at once and so many a second in the long run, each refusal with the time after which it is worth it."""
    now = [0.0]
    door = Door(Limits(rate=10, burst=0.5, waiting=3), now=lambda: now[0])

    def entered() -> tuple[str, float]:
        try:
            with door.enter(1):
                return "", 0
        except Exceeded as beyond:
            return beyond.rule, beyond.retry_after

    assert [entered() for _ in range(6)] == [("", 0)] * 5 + [("rate-exceeded", 0.1)]
    now[0] = 0.1
    assert [entered() for _ in range(2)] == [("", 0), ("rate-exceeded", 0.1)]
    now[0] = 60
    with door.enter(1), door.enter(1), door.enter(1):
        assert entered() == ("too-many-waiting", 0.5)
    assert entered() == ("", 0)


async def test_an_answer_that_no_message_holds_is_a_problem(tmp_path: Path) -> None:
    """Whoever asks for more than the server carries is told so, at once, and gets less of it."""
    async with centre_of(tmp_path, "tickets") as centre:
        case = CASE | {"need": "ñ" * 4000}
        await asyncio.gather(*(centre.command("tickets", "register", **case) for _ in range(50)))
        asked = centre.query("tickets", "tickets", limit=1000)
        assert await refusal(asked) == (413, "answer-too-large", False)
        assert len((await centre.query("tickets", "tickets", limit=10))["tickets"]) == 10


async def test_no_more_is_open_than_may_be(tmp_path: Path) -> None:
    """Beyond the limit new calls are rejected and new cases refused; sent again when one is over, they begin."""
    async with centre_of(tmp_path, "intake", "tickets", limits=Limits(open=3)) as centre:
        await centre.client.publish(NAME, [offered(f"c{n}", n) for n in range(5)])
        await centre.client.publish(NAME, [fact("call.ended", "c0", 10)])
        await outcome(centre, "c0", "call.ended")
        for call in ("c3", "c4"):
            (rejected,) = await centre.events("intake", call, "fact.rejected")
            assert (rejected["rule"], rejected["kept"][:20]) == ("too-many-open", "inbox.acme.rejected.")
        await centre.client.publish(NAME, [offered("c3", 3)])
        await outcome(centre, "c3", "call.offered")
        for _ in range(3):
            await centre.command("tickets", "register", **CASE)
        assert await refusal(centre.command("tickets", "register", **CASE)) == (429, "too-many-open", True)
        await centre.command("tickets", "comment", ticket=1, text="still here", by="ana")


async def outcome(centre: Centre, call: str, name: str) -> None:
    """Wait until intake has recorded this of a call."""
    async with asyncio.timeout(10):
        while name not in await centre.names("intake", call):
            await asyncio.sleep(0.02)


async def test_a_full_inbox_refuses_waits_and_lets_the_service_go_on(tmp_path: Path) -> None:
    """At its limit the inbox takes no fact, says so, and a publisher may wait; originals find room all the same."""
    async with centre_of(tmp_path, max_waiting=20) as centre:
        client = centre.client
        bad = Message("c0", "call.offered", b"no JSON", "bad", "/test")
        await client.connection.request("inbox.acme.call.c0", bad.data, headers=headers_of(bad))
        await client.publish(NAME, [offered(f"c{n}", n) for n in range(1, 20)])
        for facts in ([offered("c20", 20)], [offered(f"c{n}", n) for n in range(20, 60)]):
            with pytest.raises(
                errors.Full, match=r"inbox of acme takes no more facts.*maximum messages"
            ) as full:
                await client.publish(NAME, facts)
            assert full.value.limit == "messages"
        waiting = asyncio.create_task(client.publish(NAME, facts, wait=20))
        async with running(tmp_path, url=client.url, services=("intake",), pace=BRISK):
            assert await waiting == 40
            await outcome(centre, "c59", "call.offered")
            (rejected,) = await centre.events("intake", "c0", "fact.rejected")
            assert await client.inbox(NAME).last(rejected["kept"])
        room = await centres.limits(client.connection, NAME, max_waiting=5000)
        assert (room.kept, room.max_waiting) == (1, 5000)


async def test_a_fact_that_no_message_holds_is_refused(tmp_path: Path) -> None:
    """Above the inbox's or the server's limit a fact is an error of its own, which says what the limit is."""
    async with centre_of(tmp_path) as centre:
        for size in (530_000, 2_000_000):
            with pytest.raises(errors.TooLarge, match="of at most"):
                await centre.client.publish(NAME, [offered("c1", 0, queue="q" * size)])


async def test_what_is_not_permitted_is_told_as_such(tmp_path: Path) -> None:
    """Who may publish facts only is told at once what it is that the server forbids."""
    async with NatsServer.start(tmp_path) as server:
        async with Operator(server.url) as client:
            await centres.add(client.connection, NAME, PLAIN)
        may = ["inbox.acme.call.>", "_INBOX.>", "$JS.API.STREAM.INFO.INBOX_acme", "$JS.API.STREAM.NAMES"]
        backend = {"user": "backend", "password": "x", "permissions": {"publish": {"allow": may}}}
        server._config = {**server._config, "authorization": {"users": [backend]}}
        await server.restart()
        async with Operator(server.url.replace("//", "//backend:x@"), timeout=0.5) as client:
            assert await client.publish(NAME, [offered("c1", 0)]) == 1
            for number in (1, 30):
                with pytest.raises(errors.Denied, match="permissions violation"):
                    await client.publish(NAME, [fact("agent.available", f"a{n}", 0) for n in range(number)])
            with pytest.raises(errors.Denied, match="permissions violation"):
                await client.query(NAME, "intake", "status")
        async with Client(server.url.replace("//", "//backend:x@")) as producer, asyncio.timeout(3):
            with pytest.raises(Unavailable, match="permissions violation"):
                await producer.publish(NAME, Fact("agent.available", "a1"), timeout=2)
