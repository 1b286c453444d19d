"""Callers looked up in a real HTTP endpoint, with the services at work."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

import protocols
from centralita import centres
from centralita.client import Fact
from centralita.operating import Operator
from centralita.outlets.crm import crm
from centralita.outlets.lookup import Crm, Failed, Settings
from centralita.outlets.place import Bucket, Slot
from contracts.protocol import Privacy
from tests.e2e.stacks import Stack
from tests.outlets.conftest import until, working
from tests.outlets.receiver import HANG, Receiver, Request, receiving

SOL = {
    "customer": "c-7",
    "name": "Fincas Sol",
    "kind": "property-manager",
    "phones": ["912 345 678"],
    "more": 1,
}
QUICK: dict[str, Any] = {"first_pause": 0.01, "timeout": 10, "again": 0.1, "rest": 0.3, "token": "s3cret"}


@pytest.fixture(autouse=True)
def beat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers take over quickly."""
    monkeypatch.setenv("CENTRALITA_BEAT", "0.3")


def answers(**customers: dict[str, Any]) -> Callable[[Request], Any]:
    """A CRM that has these, by the last three digits of their numbers."""

    def answer(request: Request) -> Any:
        found = customers.get(f"n{request.line.split()[1][-3:]}")
        return (200, {}, json.dumps(found).encode()) if found else 404

    return answer


def settings(receiver: Receiver, **more: Any) -> Settings:
    """A CRM at the receiver; in an environment that names none."""
    return Settings(CENTRALITA_CRM=receiver.url + "/{centre}/{phone}", **QUICK | more)  # type: ignore[call-arg]


@asynccontextmanager
async def centre(
    stack: Stack, protocol: str = "cold-industry", **more: Any
) -> AsyncIterator[tuple[Operator, str]]:
    """A centre by the real clock, of a running stack."""
    async with Operator(stack.url) as client:
        name = f"c{uuid4().hex[:8]}"
        loaded = protocols.load(protocol).model_copy(update=more)
        await centres.add(client.connection, name, loaded)
        yield client, name
        await centres.remove(client.connection, name)


async def told(client: Operator, name: str, call: str, kind: str) -> list[dict[str, Any]]:
    """The data of all events of a type on a call."""
    return [json.loads(event.data) for event in await client.story(name, call) if event.name == kind]


@asynccontextmanager
async def looking(client: Operator, *names: str, chosen: Settings) -> AsyncIterator[None]:
    """A worker in this process that has begun with these centres."""

    async def begun() -> bool:
        slots = [Slot(Bucket(client.connection, name), "at.crm") for name in names]
        return all([await slot.read() for slot in slots])

    async with working(client.url, crm(chosen)):
        await until(begun)
        yield


@pytest.fixture(scope="session")
def stack(stacks: Callable[[str], Stack]) -> Stack:
    """Server and services in this process."""
    return stacks("one process")


async def test_a_caller_who_is_unknown_is_looked_up_and_classified_anew(stack: Stack) -> None:
    """What the CRM says is recorded: the customer, and of the call that it was asked; the number makes a maybe."""
    async with receiving(answers(n101=SOL)) as receiver, centre(stack) as (client, name):
        async with looking(client, name, chosen=settings(receiver, centres=name)):
            await client.publish(name, [Fact("call.offered", "c1", {"from": "600 555 101"})])
            await client.publish(name, [Fact("call.offered", "c2", {"from": "+34600555102"})])
            await client.publish(name, [Fact("call.offered", "c3", {})])

            async def both() -> bool:
                asked = [await told(client, name, call, "caller.looked_up") for call in ("c1", "c2")]
                return all(asked)

            await until(both)
            await client.publish(name, [Fact("call.offered", "c4", {"from": "600555101"})])
            await client.settle(name)
            await asyncio.sleep(0.2)
        assert await told(client, name, "c4", "caller.looked_up") == [], "the directory knew"
        assert await told(client, name, "c1", "caller.looked_up") == [{"customer": "c-7"}]
        assert await told(client, name, "c2", "caller.looked_up") == [{}]
        for call in ("c1", "c4"):
            last = (await told(client, name, call, "caller.classified"))[-1]
            assert (last["standing"], last["customer"], last["kind"]) == ("maybe", "c-7", "property-manager")
        (entry,) = (await client.query(name, "intake", "directory"))["customers"]
        assert entry["phones"] == ["+34912345678", "+34600555101"]
    assert [it.line for it in receiver.requests] == [
        f"GET /hook/{name}/%2B3460055510{number} HTTP/1.1" for number in (1, 2)
    ]
    assert receiver.requests[0].headers["authorization"] == "Bearer s3cret"


async def test_it_is_asked_again_until_it_answers_or_the_call_is_over(stack: Stack) -> None:
    """While it fails nothing is published; a call that ends is forgotten, one that goes on has its answer."""
    async with receiving(lambda _: 500) as receiver, centre(stack) as (client, name):
        async with looking(client, name, chosen=settings(receiver, centres=name)):
            calls = [Fact("call.offered", f"c{n}", {"from": f"+3460055510{n}"}) for n in (1, 2)]
            await client.publish(name, calls)
            await until(lambda: len(receiver.requests) >= 5)
            await client.publish(name, [Fact("call.abandoned", "c1")])
            await client.settle(name)
            await asyncio.sleep(0.1)
            receiver.requests.clear()
            receiver.answer = lambda _: 404

            async def answered() -> bool:
                return bool(await told(client, name, "c2", "caller.looked_up"))

            await until(answered)
        assert not await told(client, name, "c1", "caller.looked_up")
        assert all(it.line.split()[1].endswith("102") for it in receiver.requests)


async def test_a_successor_asks_for_calls_that_are_still_open(stack: Stack) -> None:
    """Who takes over asks for the callers that had no answer, and not for those that had."""
    async with receiving(lambda _: HANG) as receiver, centre(stack) as (client, name):
        chosen = settings(receiver, centres=name, timeout=0.5)
        async with looking(client, name, chosen=chosen):
            calls = [Fact("call.offered", f"c{n}", {"from": f"+3460055510{n}"}) for n in (1, 2)]
            await client.publish(name, calls)
            await until(lambda: len(receiver.requests) >= 2)
            receiver.answer = lambda request: 404 if request.line.split()[1].endswith("1") else HANG

            async def first() -> bool:
                return bool(await told(client, name, "c1", "caller.looked_up"))

            await until(first)
            await client.settle(name)
            await asyncio.sleep(0.1)
        receiver.requests.clear()
        receiver.answer = lambda _: 404
        async with looking(client, name, chosen=chosen):

            async def second() -> bool:
                return bool(await told(client, name, "c2", "caller.looked_up"))

            await until(second)
        assert {it.line.split()[1][-3:] for it in receiver.requests} == {"102"}
        assert len(await told(client, name, "c1", "caller.looked_up")) == 1


@pytest.mark.parametrize(
    "discreet", [{"privacy": Privacy(non_customers="forgotten")}, {"asks_for": ("call.offered.from",)}]
)
async def test_discreet_centres_are_never_looked_up(stack: Stack, discreet: dict[str, Any]) -> None:
    """Where callers may have to be forgotten, or not be asked for all, their number goes to nobody."""
    async with (
        receiving() as receiver,
        centre(stack, **discreet) as (client, name),
        centre(stack) as other,
    ):
        both = name, other[1]
        async with looking(client, *both, chosen=settings(receiver, centres=", ".join(both))):
            await client.publish(name, [Fact("call.offered", "c1", {"from": "+34600555101"})])
            await client.settle(name)
            await other[0].publish(other[1], [Fact("call.offered", "c1", {"from": "+34600555102"})])
            await until(lambda: bool(receiver.requests))
            await asyncio.sleep(0.2)
    assert all(f"/{other[1]}/" in it.line for it in receiver.requests)


async def test_answers_are_kept_for_a_while_and_failures_not() -> None:
    """A number is asked for once while its answer is fresh, whether it was found or not, and no longer."""
    async with (
        receiving(answers(n101=SOL)) as receiver,
        Crm(settings(receiver, ttl=0.2, unknown_ttl=0.2)) as crm,
    ):
        for _ in range(2):
            found = await crm.ask("acme", "+34600555101")
            assert found
            assert (found.customer, found.entry.name) == ("c-7", "Fincas Sol")
            assert await crm.ask("acme", "+34600555102") is None
        assert len(receiver.requests) == 2
        await asyncio.sleep(0.25)
        await crm.ask("acme", "+34600555101")
        assert len(receiver.requests) == 3


async def test_a_crm_that_fails_is_tried_and_then_left_alone() -> None:
    """Failures that pass are tried again at once, a few times; after five in a row nobody asks for a while."""
    async with receiving(lambda _: 503) as receiver, Crm(settings(receiver)) as crm:
        with pytest.raises(Failed, match="it answers 503"):
            await crm.ask("acme", "+34600555101")
        assert len(receiver.requests) == 3
        with pytest.raises(Failed, match="left alone"):
            await crm.ask("acme", "+34600555101")
        assert len(receiver.requests) == 5
        receiver.answer = lambda _: 404
        with pytest.raises(Failed, match="left alone"):
            await crm.ask("acme", "+34600555101")
        await asyncio.sleep(0.35)
        assert await crm.ask("acme", "+34600555101") is None


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (401, "it answers 401"),
        (302, "it answers 302"),
        (HANG, "no answer within"),
        ((200, {}, b"<html>"), "expected JSON"),
        ((200, {}, b'{"customer": "c-7", "kind": "x"}'), "cannot be read: name"),
        ((200, {}, b'{"customer": "no id", "kind": "x", "name": "Sol"}'), "customer: expected an id"),
        ((200, {}, b" " * 70_000), "more than 65536 bytes"),
        ((200, {}, b"[" * 60_000), "expected JSON"),
        ((200, {"content-encoding": "gzip"}, gzip.compress(b" " * 70_000)), "expected JSON"),
    ],
)
async def test_an_answer_that_is_none_is_told(answer: Any, says: str) -> None:
    """What cannot be read is a failure that says why, and never the number."""
    async with (
        receiving(lambda _: answer) as receiver,
        Crm(settings(receiver, attempts=1, timeout=0.3 if answer == HANG else 10)) as crm,
    ):
        with pytest.raises(Failed, match=says) as failed:
            await crm.ask("acme", "+34600555101")
    assert "600555101" not in str(failed.value)


async def test_its_fields_may_be_elsewhere() -> None:
    """Where each of our fields is in the answer can be said, and what kind of customer somebody is."""
    body = {"results": [{"id": 77, "properties": {"company": "Frío"}}]}
    places = {"customer": "results.0.id", "name": "results.0.properties.company"}
    async with (
        receiving(lambda _: (200, {}, json.dumps(body).encode())) as receiver,
        AsyncExitStack() as stack,
    ):
        asked = await stack.enter_async_context(Crm(settings(receiver, fields=places, kind="bank")))
        found = await asked.ask("acme", "+34600555101")
    assert found
    assert (found.customer, found.entry.name, found.entry.kind) == ("77", "Frío", "bank")


@pytest.mark.parametrize("body", [{"results": []}, [], None])
async def test_an_empty_list_is_nobody(body: Any) -> None:
    """A search that finds nothing is an answer, not a failure; one without the list is none."""
    places = {"customer": "results.0.id", "name": "results.0.name"}
    async with (
        receiving(lambda _: (200, {}, json.dumps(body).encode())) as receiver,
        Crm(settings(receiver, fields=places, kind="bank", attempts=1)) as asked,
    ):
        assert await asked.ask("acme", "+34600555101") is None
        receiver.answer = lambda _: (200, {}, b'{"error": "busy"}')
        with pytest.raises(Failed, match="cannot be read"):
            await asked.ask("acme", "+34600555102")
