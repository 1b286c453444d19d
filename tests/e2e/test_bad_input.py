"""Whatever is sent: nothing crashes, nothing is lost, all are told what was wrong, the rest goes on."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import nats.errors
import pytest

from centralita.client import Fact, Refusal
from centralita.stack import ALL
from contracts import registry
from eventlog import errors
from eventlog.codec import Message
from tests.e2e.bad_facts import ACCEPTED, BEFORE, FACTS, REFUSED, REPEAT, Bad
from tests.e2e.bad_requests import ASKED, CASE, NOBODY
from tests.e2e.centre import Centre, advanced, fact, offered
from tests.e2e.conftest import Open
from tests.e2e.stacks import FourProcesses, Stack
from tests.e2e.wire import Refused, Wire


async def test_every_bad_fact_gets_its_answer_and_the_rest_goes_on(centre: Centre, stack: Stack) -> None:
    """Each fact that was acknowledged leaves one outcome: its event, or a rejection and the original."""
    await centre.tell(BEFORE)
    positions: dict[int, tuple[int, Bad]] = {}
    wire = await Wire.open(stack.url)
    told = {}
    for number, bad in enumerate(FACTS):
        block = bad.header_block(number)
        try:
            answer = await wire.publish(bad.subject(centre.name, number), block, bad.content)
        except Refused as refused:
            answer = {"error": {"description": str(refused)}}
        if "error" in answer:
            told[bad.what] = answer["error"]["description"]
        else:
            positions[answer["seq"]] = number, bad
    wire.close()
    for bad in FACTS:
        assert (bad.rule == REFUSED) == (bad.what in told), f"{bad.what}: {told.get(bad.what)}"
        if bad.rule == REFUSED:
            assert str(bad.field) in told[bad.what]

    await centre.tell(*good_call())
    log = await centre.log()
    wrong = []
    for position, (number, bad) in positions.items():
        found = [message for message in log if is_outcome(message, position)]
        if len(found) != (bad.rule != REPEAT):
            wrong.append(f"{bad.what}: {len(found)} outcomes")
        elif bad.rule == ACCEPTED and found[0].name != bad.type:
            wrong.append(f"{bad.what}: {found[0].name} {found[0].data.decode()[:200]}")
        elif bad.rule not in (ACCEPTED, REPEAT):
            wrong += [f"{bad.what}: {each}" for each in rejection(found[0], bad)]
            kept = json.loads(found[0].data).get("kept", "none")
            wrong += [f"{bad.what}: {each}" for each in await loss(centre, kept, bad, number)]
    assert not wrong, "\n".join(wrong)
    await goes_on(centre, stack)


def is_outcome(message: Message, position: int) -> bool:
    """Whether this event is what became of the fact at this position of the inbox."""
    if message.name == "fact.deferred":
        return False  # it waits for what it follows
    if message.name == "fact.rejected":
        return bool(json.loads(message.data)["position"] == position)
    fact = message.cause_source and not message.actor
    return bool(fact and message.place[0] == 1 and message.inbox == position)


def rejection(found: Message, bad: Bad) -> list[str]:
    """What a rejection says otherwise than it should."""
    if found.name != "fact.rejected":
        return [f"not rejected: {found.name} {found.data.decode()[:200]}"]
    said = json.loads(found.data)
    wrong = [] if (said["rule"], said.get("field")) == (bad.rule, bad.field) else [f"{said}"[:400]]
    reader = registry.TOPICS[bad.topic]
    if found.subject.split(".")[2] != reader:
        wrong.append(f"rejected by {found.subject}, and {reader} reads it")
    if not said["reason"]:
        wrong.append("no reason is given")
    return wrong


async def loss(centre: Centre, subject: str, bad: Bad, number: int) -> list[str]:
    """In which bytes what was kept of a fact differs from what was sent."""
    kept = await stored(centre, subject)
    if kept is None:
        return [f"nothing is kept under {subject}"]
    block, body = kept
    if body != bad.content:
        return [f"the body kept is {body[:100]!r}"]
    sent = bad.header_block(number) or b""
    if lines(block) == lines(sent):
        return []
    apart = await stored(centre, f"{subject}.headers")
    if apart is None or apart[1] != sent:
        return [f"the headers kept are {block[:200]!r}, sent were {sent[:200]!r}"]
    return []


def lines(block: bytes) -> list[bytes]:
    """The header lines, but for those that the server goes by."""
    return sorted(each for each in block.split(b"\r\n") if each and not each.lower().startswith(b"nats"))


async def stored(centre: Centre, subject: str) -> tuple[bytes, bytes] | None:
    """The last message of a subject of the inbox as the server has it: header block and body."""
    api = f"$JS.API.STREAM.MSG.GET.{registry.inbox_stream(centre.name)}"
    reply = await centre.client.connection.request(api, json.dumps({"last_by_subj": subject}).encode())
    message = json.loads(reply.data).get("message")
    return message and (b64decode(message.get("hdrs", "")), b64decode(message.get("data", "")))


def good_call() -> list[Fact]:
    """A call as it should be."""
    return [
        offered("good", 2_000),
        fact("call.answered", "good", 2_003, agent="ana"),
        fact("call.ended", "good", 2_100),
        advanced(3_000),
    ]


async def goes_on(centre: Centre, stack: Stack) -> None:
    """The good call has gone through all services, and each is as well as before."""
    assert await centre.names("intake", "good") == [
        *("call.offered", "caller.classified", "call.answered", "prompt.issued"),
        *("call.ended", "contact.missing"),
    ]
    assert (await centre.deadlines("good"))["answer"] == "met"
    for service in ALL:
        assert (await centre.query(service, "status"))["state"] == "active"
    terms = [message for message in await centre.log() if message.name == "term.taken"]
    assert len(terms) == len(ALL), "a service had to begin again"
    if isinstance(stack, FourProcesses):
        for service, process in stack.processes.items():
            assert process.poll() is None
            assert "Traceback" not in stack.log_of(service)


async def test_every_bad_command_gets_its_answer_and_the_rest_goes_on(centre: Centre, stack: Stack) -> None:
    """A problem says what was wrong, and nothing is recorded of what was refused."""
    await centre.tell(BEFORE)
    before = len(await centre.log())
    wrong = []
    done = 0
    for number, asked in enumerate(ASKED):
        headers = {"ce-id": f"asked-{number}", **(asked.headers or {})} if asked.headers else None
        answer = await ask(centre, asked.subject(centre.name), asked.content, headers)
        found = answer.get("status", 200), answer.get("rule"), answer.get("field")
        if found != (asked.status, asked.rule, asked.field):
            wrong.append(f"{asked.what}: {answer}"[:500])
        done += asked.to.startswith("command") and asked.status == 200
    assert not wrong, "\n".join(wrong)
    assert len(await centre.log()) == before + done
    await centre.tell(*good_call())
    await goes_on(centre, stack)


async def ask(centre: Centre, subject: str, body: bytes, headers: dict[str, str] | None) -> dict[str, Any]:
    """The answer to these bytes."""
    try:
        reply = await centre.client.connection.request(subject, body, timeout=5, headers=headers)
    except nats.errors.NoRespondersError:
        return {"status": NOBODY}
    except nats.errors.TimeoutError:
        return {"status": "no answer in time"}
    answer: dict[str, Any] = json.loads(reply.data)
    problem = "type" in answer and str(answer["type"]).startswith("/problems")
    return answer if problem else {"answer": answer}


async def test_a_command_is_known_by_its_id(centre: Centre) -> None:
    """Sent again, be it with other words, it is not done again: the answer is the first one's."""
    first = await centre.command("tickets", "register", id="same", **CASE)
    assert await centre.command("tickets", "register", id="same", **CASE) == first
    assert await centre.command("tickets", "register", id="same", **CASE | {"need": "otra cosa"}) == first
    second = await centre.command("tickets", "register", id="other", **CASE)
    assert (first["data"]["number"], second["data"]["number"]) == (1, 2)


async def test_the_client_says_what_cannot_be_had(centre: Centre) -> None:
    """A centre, verb or id that does not exist, and what is too large: each has an error of its own."""
    other = Centre(centre.client, "nowhere")
    with pytest.raises(errors.NoStream, match="no centre 'nowhere'"):
        await other.command("tickets", "register", **CASE)
    with pytest.raises(errors.NoStream):
        await centre.client.publish("nowhere", [offered("c1", 0)])
    with pytest.raises(Refusal, match="knows no command burn"):
        await centre.command("tickets", "burn")
    with pytest.raises(ValueError, match="is no fact"):
        await centre.client.publish(centre.name, [fact("call.teleported", "c1", 0)])
    with pytest.raises(ValueError, match="cannot be an id"):
        await centre.client.publish(centre.name, [offered("a.b", 0)])
    for size in (600_000, 2_000_000):
        with pytest.raises(errors.TooLarge):
            await centre.client.publish(centre.name, [offered("c1", 0, queue="q" * size)])
    with pytest.raises(errors.TooLarge):
        await centre.command("tickets", "register", **CASE | {"need": "n" * 2_000_000})
    assert await centre.tell(offered("c1", 0)), "the connection has outlived it"


async def test_a_server_that_is_spoken_to_badly_hangs_up_and_goes_on(centre: Centre, stack: Stack) -> None:
    """Too large a message, or a lie about its size, ends one connection and nothing else."""
    subject = f"inbox.{centre.name}.call.c1".encode()
    for sent in (
        b"PUB %s %d\r\n" % (subject, 2_000_000),
        b"HPUB %s 100 10\r\n" % subject,
        b"PUB %s -1\r\n" % subject,
        b"HPUB %s 99999999999999999999 1\r\n" % subject,
        b"NONSENSE\r\n",
    ):
        wire = await Wire.open(stack.url)
        with pytest.raises(Refused):
            await wire.send(sent)
        wire.close()
    await centre.tell(*good_call())
    await goes_on(centre, stack)


async def test_nobody_advances_a_real_clock(open_centre: Open) -> None:
    """Where the world's clock holds, a fact that says what time it is is refused, and says so."""
    centre = await open_centre(clock="real")
    await centre.tell(advanced(0))
    (rejected,) = await centre.events("intake", registry.CLOCK, "fact.rejected")
    assert rejected["rule"] == "clock-real"
