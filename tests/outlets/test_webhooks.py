"""Webhooks, against a real endpoint that fails, hangs, redirects and goes away."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest
from standardwebhooks import Webhook

from centralita import centres
from centralita.operating import Operator
from centralita.outlets import sending
from centralita.outlets.hooks import hook_of
from centralita.outlets.place import Bucket, Lost, Slot
from centralita.outlets.sending import Delivery, Sent, Settings, client_of, resend, send, webhooks
from centralita.outlets.worker import Reading, end
from centralita.process import die_with_parent
from centralita.server import NatsServer
from contracts.protocol import PLAIN
from eventlog.codec import Message
from tests.cli.keyboard import environment
from tests.outlets.conftest import Centre, until, working
from tests.outlets.receiver import HANG, Receiver, Request, receiving

QUICK = Settings(attempts=4, first_pause=0.02, longest_pause=0.1, timeout=10)


@pytest.fixture(autouse=True)
def beat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers give up and take over quickly."""
    monkeypatch.setenv("CENTRALITA_BEAT", "0.3")


def numbers(receiver: Receiver, call: str) -> list[int]:
    """Which events of a call were taken, in the order in which they first were."""
    return list(dict.fromkeys(it.number for it in receiver.taken if it.event["subject"] == call))


async def test_an_event_arrives_signed_and_whole(server: str, centre: Centre) -> None:
    """What is sent is the CloudEvent in structured JSON under its own id, and its signature verifies."""
    async with receiving() as receiver, working(server, webhooks(QUICK)):
        hook = await centre.hook(receiver.url)
        (position,) = await centre.happen("c1")
        await until(lambda: len(receiver.taken) == 1)
        (request,) = receiver.requests
    assert Webhook(hook.secret).verify(request.body, request.headers) == request.event
    assert request.line == "POST /hook HTTP/1.1"
    assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert request.headers["webhook-id"] == request.event["id"] == "c1-1"
    assert (request.event["type"], request.event["position"]) == ("record.ignored", position)


@pytest.mark.parametrize("id", ["é-1", " blank ", "50%", "😀"])
async def test_an_id_of_any_characters_is_sent(id: str) -> None:
    """Ids follow from those of facts, which others choose: in a header they are percent-encoded, and signed so."""
    message = Message("c1", "record.ignored", b"{}", id, "/made", time=datetime.now(UTC), trace="á")
    async with receiving() as receiver:
        hook = hook_of(receiver.url, ["*"], 0)
        async with client_of(QUICK) as http:
            assert await send(http, hook, message, 10) == Sent()
    (request,) = receiver.requests
    assert unquote(request.headers["webhook-id"]) == request.event["id"] == id
    assert Webhook(hook.secret).verify(request.body, request.headers) == request.event


async def test_what_cannot_be_sent_at_all_is_a_failure() -> None:
    """Not even an address that nothing can be made of ends the worker: the event will be set aside."""
    hook = hook_of("http://xn--/", ["*"], 0)
    message = Message("c1", "record.ignored", b"{}", "1", "/made", time=datetime.now(UTC))
    async with client_of(QUICK) as http:
        assert "IDNAError" in (await send(http, hook, message, 10)).reason


async def test_calls_keep_their_order_over_failures(server: str, centre: Centre) -> None:
    """An event that is refused at first holds up those of its call behind it, and no other call."""
    failed = Counter[int]()

    def flaky(request: Request) -> int:
        failed[request.number] += 1
        return 204 if request.event["subject"] != "c0" or failed[request.number] == 3 else 500

    async with receiving(flaky) as receiver, working(server, webhooks(QUICK)):
        await centre.hook(receiver.url)
        await centre.happen(*[f"c{number % 4}" for number in range(40)])
        await until(lambda: len(receiver.taken) == 40)
    for call in range(4):
        assert numbers(receiver, f"c{call}") == [number + 1 for number in range(40) if number % 4 == call]
    assert all(it.event["subject"] == "c0" for it in receiver.taken[-4:]), "others waited for the failing one"
    assert receiver.most <= QUICK.in_flight


async def test_what_nobody_takes_is_set_aside_and_sent_again(server: str, centre: Centre) -> None:
    """After the last attempt an event is kept with its reason, its call goes on, and it can be sent again."""
    async with receiving(lambda request: 500 if request.number == 2 else 204) as receiver:
        async with working(server, webhooks(QUICK)):
            hook = await centre.hook(receiver.url)
            _, lost, _ = await centre.happen("c1", "c1", "c1")
            await until(lambda: len(receiver.taken) == 2)
            assert [it.number for it in receiver.requests] == [1, 2, 2, 2, 2, 3]
        assert await centre.hooks.positions(hook.id) == [lost]
        letter = await centre.hooks.letter(hook.id, lost)
        assert letter
        assert (letter.attempts, letter.reason, letter.about) == (4, "500 -", "c1")
        log = centre.client.log(centre.name)
        assert await resend(centre.hooks, hook, log, [lost]) == ([], "500 -")
        receiver.answer = lambda _: 204
        assert await resend(centre.hooks, hook, log, [lost]) == ([lost], "")
        assert receiver.taken[-1].number == 2
        assert await centre.hooks.positions(hook.id) == []


async def test_a_slow_endpoint_holds_up_nobody_else(server: str, centre: Centre) -> None:
    """Where one endpoint never answers, another has everything, and no more than a window is read for the slow one."""
    slow = Settings(attempts=4, first_pause=0.02, timeout=30, in_flight=3, window=5)
    async with receiving(lambda _: HANG) as hanging, receiving() as good, working(server, webhooks(slow)):
        stuck = await centre.hook(hanging.url)
        await centre.hook(good.url)
        await centre.happen(*[f"c{number}" for number in range(30)])
        await until(lambda: len(good.taken) == 30 and len(hanging.requests) == 3)
        await asyncio.sleep(0.6)
        kept = await centre.hooks.slot(stuck).read()
    assert kept
    assert len(kept["open"]) == 5
    assert hanging.most == 3


async def test_a_redirect_is_not_followed(server: str, centre: Centre) -> None:
    """Whoever answers with another address is not obeyed: that is a failure like any other."""
    async with receiving() as other:
        answer = (307, {"location": other.url}, b"")
        async with receiving(lambda _: answer) as receiver, working(server, webhooks(QUICK)):
            await centre.hook(receiver.url)
            await centre.happen("c1")
            await until(lambda: len(receiver.requests) == 4)
    assert other.requests == []


async def test_an_endpoint_that_is_gone_is_left_alone(server: str, centre: Centre) -> None:
    """410 disables the subscription; enabled again it goes on where it was, without a gap."""
    async with receiving(lambda _: 410) as receiver, working(server, webhooks(QUICK)):
        hook = await centre.hook(receiver.url)
        await centre.happen("c1", "c1")

        async def disabled() -> bool:
            return bool((await centre.hooks.all())[hook.id].disabled)

        await until(lambda: len(receiver.requests) == 1)
        await centre.happen("c2", "c3")
        await until(disabled)
        await asyncio.sleep(1.2)
        assert len(receiver.requests) == 1
        receiver.answer = lambda _: 204
        await centre.hooks.disable(hook.id, "")
        await until(lambda: len(receiver.taken) == 4)
        assert numbers(receiver, "c1") == [1, 2]


async def test_one_that_is_enabled_again_at_once_goes_on(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if nobody has seen in between that it was disabled."""
    monkeypatch.setattr(sending, "_LOOK", 0.05)
    async with receiving(lambda _: 410) as receiver:
        hook = await centre.hook(receiver.url)
        task = asyncio.create_task(Delivery(centre.hooks, hook, QUICK).run())
        await centre.happen("c1")
        await until(lambda: len(receiver.requests) == 1)
        receiver.answer = lambda _: 204
        await until(lambda: len(receiver.taken) == 1)
        await end(task)


async def test_a_restart_goes_on_where_it_was(server: str, centre: Centre) -> None:
    """What was delivered is not sent again, what waited for another attempt is, at once, with its attempts counted."""
    patient = Settings(attempts=2, first_pause=60)
    async with receiving(lambda request: 500 if request.number == 7 else 204) as receiver:
        async with working(server, webhooks(patient)):
            hook = await centre.hook(receiver.url)
            await centre.happen(*[f"c{number}" for number in range(20)])
            await until(lambda: len(receiver.requests) == 20)
        async with working(server, webhooks(patient)):
            await centre.happen("c1")
            await until(lambda: len(receiver.requests) == 22)

            async def kept() -> bool:
                return bool(await centre.hooks.positions(hook.id))

            await until(kept)
    assert sorted(it.number for it in receiver.requests) == sorted([*range(1, 22), 7])


async def test_neither_kills_nor_restarts_lose_or_reorder(tmp_path: Path) -> None:
    """kill -9 of workers and of the server: all arrives, in order in each call, and little of it again."""
    words = [sys.executable, "-m", "centralita.cli", "webhook", "run", "--nats"]
    env = environment(CENTRALITA_BEAT="0.3", CENTRALITA_WEBHOOK_FIRST_PAUSE="0.05")
    count, calls, refused = 240, 6, Counter[int]()

    def flaky(request: Request) -> int:
        refused[request.number] += 1
        return 503 if request.number % 7 == 0 and refused[request.number] < 3 else 204

    async with (
        receiving(flaky) as receiver,
        NatsServer.start(tmp_path) as server,
        Operator(server.url) as client,
    ):
        receiver.pause = 0.01
        await centres.add(client.connection, "acme", PLAIN)
        centre = Centre(client, "acme")
        await centre.hook(receiver.url)
        workers = [spawn([*words, server.url], env) for _ in range(2)]
        try:
            await centre.happen(*[f"c{number % calls}" for number in range(count)])
            await until(lambda: len(receiver.taken) > 40, 60)
            workers[0].kill()
            workers.append(spawn([*words, server.url], env))
            await until(lambda: len(receiver.taken) > 100, 60)
            workers[1].kill()
            await until(lambda: len(receiver.taken) > 150, 60)
            await server.restart()
            await until(lambda: len({it.number for it in receiver.taken}) == count, 60)
        finally:
            for worker in workers:
                worker.send_signal(signal.SIGTERM)
            for worker in workers:
                worker.wait(30)
    for call in range(calls):
        expected = [number + 1 for number in range(count) if number % calls == call]
        assert numbers(receiver, f"c{call}") == expected
    assert len(receiver.taken) < 2 * count, "it began again from the start"


async def test_one_that_was_replaced_writes_nothing_more(centre: Centre) -> None:
    """Where its successor stands is not overwritten, neither when it notices nor when it leaves."""
    bucket = Bucket(centre.client.connection, centre.name)
    await bucket.make()
    replaced, successor = (Reading(bucket, Slot(bucket, "at.both"), 0) for _ in range(2))
    await replaced.resume()
    await successor.resume()
    replaced.read(5)
    with pytest.raises(Lost):
        await replaced.save()
    await replaced.leave()
    successor.read(7)
    await successor.leave()
    kept = await Slot(bucket, "at.both").read()
    assert kept
    assert kept["read"] == 7


def spawn(words: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
    """A worker in a process of its own."""
    return subprocess.Popen(words, env=env, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent())


@pytest.mark.parametrize(
    ("url", "types", "secret", "says"),
    [
        ("ftp://a/b", ("call.*",), "", "url: expected http"),
        ("http://a:port/b", ("call.*",), "", "url: Port could not be cast"),
        ("http://a:99999/b", ("call.*",), "", "url: Port out of range"),
        ("http://[::1/b", ("call.*",), "", "url: Invalid IPv6"),
        ("http://a/b\x00", ("call.*",), "", "url: expected no control characters"),
        ("http://u:p@a/b", ("call.*",), "", "url: expected no user"),
        ("http://a/b", ("cal.*",), "", "type: no event is called 'cal.*'"),
        ("http://a/b", (), "", "type: expected at least one"),
        ("http://a/b", ("*",), "whsec_c2hvcnQ=", "secret: expected whsec_"),
    ],
)
def test_a_wrong_subscription_is_told(url: str, types: tuple[str, ...], secret: str, says: str) -> None:
    """What cannot be a subscription is refused, with the field and what was expected."""
    with pytest.raises(ValueError, match=says.replace("*", r"\*")):
        hook_of(url, types, 0, secret)


def test_keys_are_never_sent() -> None:
    """Not even a pattern for everything has the keys of what is sealed sent."""
    assert not hook_of("http://a/b", ("*",), 0).wants("key.kept")
