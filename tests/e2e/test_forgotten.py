"""R29, R31: of a caller who is no customer nothing remains; what a protocol does not ask for is not stored."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import protocols
from centralita import centres
from centralita.client import Fact, Refusal
from centralita.lines import line
from centralita.opening import Opener
from centralita.operating import Operator
from centralita.server import NatsServer
from centralita.verify import verify
from contracts.protocol import Privacy, Protocol
from contracts.registry import inbox_stream
from eventlog.errors import Conflict
from services.sealing import Sealing
from tests.e2e.centre import Centre, advanced, fact, offered, signed_in
from tests.e2e.stacks import STACKS, FourProcesses, OneProcess, Stack

CENTRE = "discreet"
NUMBER, NAME, EMAIL = "+34 611 722 337", "Zacarías Quintanilla", "zacarias@quintanilla.example"
WORDS = ["estalactita", "murciélago", "ornitorrinco", "galimatías", "berenjena", "turquesa", "zarzaparrilla"]
TRACES = [
    *(NUMBER, NUMBER.replace(" ", ""), "611722337", "611 722 337", "611-722-337"),
    *(NAME, "Zacar", "Quintanilla", EMAIL, *WORDS),
]
"""What a stranger says and is called, in the forms in which it could be written down."""


def discreet(**more: Any) -> Protocol:
    """The cold-industry protocol at a centre that forgets who is no customer."""
    forgotten = {"privacy": Privacy(non_customers="forgotten")}
    return protocols.load("cold-industry").model_copy(update=forgotten | more)


def begun(call: str, at: float) -> list[Fact]:
    """A stranger calls and says who they are and what they want."""
    return [
        offered(call, at, from_=NUMBER),
        fact("call.answered", call, at + 1, agent="luis"),
        fact("caller.identified", call, at + 2, standing="new", name=NAME, given_name="Zacarías"),
        fact("caller.asked_for", call, at + 3, person=f"el señor {WORDS[0]}"),
        fact("request.stated", call, at + 4, text=f"la cámara hace {WORDS[1]}", category="complaint"),
        fact("contact.given", call, at + 5, phone=NUMBER, email=EMAIL),
        fact("assignment.attempted", call, at + 6, by="ana", outcome="instructed", instruction=WORDS[2]),
        # neither can be accepted: no number, and no such kind
        fact("contact.given", call, at + 6.5, phone="611722337000000000"),
        fact("kind.confirmed", call, at + 6.6, kind=WORDS[3], answer=True),
    ]


def ended(call: str, at: float) -> list[Fact]:
    """The stranger goes on, hangs up, and is spoken of once more."""
    return [
        fact("utterance.transcribed", call, at, by="caller", text=f"qué {WORDS[4]}"),
        fact("call.ended", call, at + 1, by="caller", note=f"{NAME} llamó por la {WORDS[5]}"),
        fact("contact.given", call, at + 2, email=EMAIL),
    ]


def customers_call(call: str, at: float) -> list[Fact]:
    """A customer calls, whom only their word tells."""
    return [
        offered(call, at, from_="600 123 456"),
        fact("call.answered", call, at + 1, agent="luis"),
        fact("request.stated", call, at + 2, text="mi cámara gotea azafrán", category="complaint"),
        fact("caller.identified", call, at + 3, standing="customer", customer="42", name="Alba Soler"),
        fact("contact.given", call, at + 4, email="alba@soler.example"),
    ]


@asynccontextmanager
async def opened(stack: Stack, protocol: Protocol | None = None) -> AsyncIterator[Centre]:
    """The centre of a stack, opened if it is not, with a client of its own."""
    async with Operator(stack.url, name="forgotten") as client:
        await centres.add(client.connection, CENTRE, protocol or discreet(), clock="virtual")
        await client.settle(CENTRE)
        yield Centre(client, CENTRE)


def traces(store: Path, said: str = "", wanted: list[str] = TRACES) -> set[str]:
    """Which of these can be found in any file below the store, or in what was said."""
    files = [file for file in store.rglob("*") if file.is_file()]
    assert any(file.suffix == ".blk" for file in files), "where is the server's store?"
    contents = [file.read_bytes() for file in files] + [said.encode()]
    forms = {it: {it.encode(), it.casefold().encode(), ascii(it)[1:-1].encode()} for it in wanted}
    return {
        it for it, any_of in forms.items() for content in contents if any(form in content for form in any_of)
    }


async def metrics(stack: Stack) -> str:
    """The metrics of all services of a stack in one process."""
    assert isinstance(stack, OneProcess)
    ports = [host.http_port for host in stack.hosts.values()]
    read = [asyncio.to_thread(_get, f"http://127.0.0.1:{port}/metrics") for port in ports]
    return "".join(await asyncio.gather(*read))


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


async def trimmed(centre: Centre) -> None:
    """Wait until the inbox holds nothing that was decided on."""
    js = centre.client.connection.jetstream()
    for _ in range(200):
        if (await js.stream_info(inbox_stream(CENTRE))).state.messages == 0:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the inbox is not trimmed")


async def check_counted(centre: Centre, offered: int, answered: int) -> None:
    """The anonymous counts are there."""
    figures = (await centre.query("sla", "figures"))["queues"]["all"]
    assert (figures["offered"], figures["answered"]) == (offered, answered)


@pytest.mark.parametrize("kind", STACKS)
async def test_nothing_remains_of_a_stranger_and_all_of_a_customer(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    """No file, output or metric holds a word of a stranger's call; a customer's is whole, also after a restart."""
    stack: Stack = STACKS[kind](tmp_path)
    try:
        async with opened(stack) as centre:
            await centre.tell(signed_in("ana"), begun("c1", 10), customers_call("k1", 12))
            assert not traces(tmp_path)
            with suppress(Refusal):  # that a stranger needs an owner is for routing to say
                await centre.command("routing", "instruct", call="c1", by="ana", instruction=WORDS[6])
            await centre.tell(ended("c1", 20), advanced(30))
            await trimmed(centre)
            await check_counted(centre, 2, 2)
            said = await metrics(stack) if kind == "one process" else ""
            before = call_of(stack, "k1")
            assert call_of(stack, "c1") is None
        stack = restarted(stack, tmp_path)
        async with opened(stack) as centre:
            assert call_of(stack, "k1") == before
            await centre.tell(fact("call.ended", "k1", 40, note="volverá a llamar"), advanced(50))
            story = b"".join(message.data for message in await centre.client.story(CENTRE, "k1")).decode()
            for told in ("34600123456", "azafrán", "Alba Soler", "alba@soler.example", "volverá a llamar"):
                assert told in story
            assert "sealed" not in story
            opener = Opener(centre.client.log(CENTRE), CENTRE)
            shown = [await opener.open(it) for it in await centre.log() if it.name == "call.offered"]
            assert [("+34600123456" in line(it).plain, "sealed=…" in line(it).plain) for it in shown] == [
                (it.aggregate == "k1", it.aggregate == "c1") for it in shown
            ]
            assert not (report := await verify(centre.client, CENTRE, tmp_path / "services")).wrong, report
            await check_counted(centre, 2, 2)
            rejected = await centre.events("intake", "c1", "fact.rejected")
            assert [it["field"] for it in rejected] == ["phone", "kind"]
            assert not any("kept" in it for it in rejected)
    finally:
        stack.stop()
    assert not list(tmp_path.rglob("*.checkpoint"))
    assert not traces(tmp_path, said + "".join(capfd.readouterr()))


def restarted(stack: Stack, store: Path) -> Stack:
    """The stack stopped and started again, with its server; of four processes intake."""
    if isinstance(stack, OneProcess):
        stack.stop()
        return OneProcess(store)
    stack.end("intake")
    stack.start("intake")
    return stack


def call_of(stack: Stack, call: str) -> Any:
    """What intake knows of a call; where it is another process, nothing can be seen."""
    if not isinstance(stack, OneProcess):
        return None
    return stack.hosts["intake"].seats[CENTRE].runner.core.world.aggregates.get(call)


async def test_a_kill_in_mid_call_leaves_nothing_either(tmp_path: Path) -> None:
    """Intake goes on without what strangers said before; who turns out a customer is kept from there."""
    stack = FourProcesses(tmp_path)
    try:
        async with opened(stack) as centre:
            await centre.tell(signed_in("ana"), begun("c1", 10), customers_call("k1", 12)[:3])
            stack.kill("intake")
            await centre.client.publish(CENTRE, begun("c2", 11))
            assert not traces(tmp_path), "what nobody has read yet is on disk"
            stack.start("intake")
            await centre.tell(customers_call("k1", 12)[3:])
            await centre.tell(ended("c1", 20), ended("c2", 21), advanced(30))
            await check_counted(centre, 3, 3)
            story = b"".join(message.data for message in await centre.client.story(CENTRE, "k1")).decode()
            assert "Alba Soler" in story
            assert "azafrán" not in story
            assert not (report := await verify(centre.client, CENTRE, tmp_path)).wrong, report
    finally:
        stack.stop()
    assert not traces(tmp_path)


async def test_a_killed_server_leaves_nothing_and_the_centre_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """With the server the inbox goes; it is made anew behind what was decided, and no word is on disk."""
    stack = OneProcess(tmp_path)
    try:
        async with opened(stack) as centre:
            await centre.tell(signed_in("ana"), begun("c1", 10), customers_call("k1", 12))
            reached = call_of(stack, "k1")
            server = stack.server
            assert server
            await asyncio.to_thread(stack.do, killed(server))
            assert not traces(tmp_path)
            await asyncio.to_thread(stack.do, server.restart())
            await back(centre)
            assert call_of(stack, "k1") == reached
            await centre.tell(ended("c1", 20), fact("call.ended", "k1", 21), advanced(30))
            await check_counted(centre, 2, 2)
            assert not (report := await verify(centre.client, CENTRE, tmp_path / "services")).wrong, report
    finally:
        stack.stop()
    assert not traces(tmp_path, "".join(capfd.readouterr()))


async def killed(server: NatsServer) -> None:
    """SIGKILL, and gone."""
    server.kill()
    await server.ended()


async def back(centre: Centre) -> None:
    """Wait until the centre is open again."""
    for _ in range(100):
        if await centres.exists(centre.client.connection, CENTRE):
            break
        await asyncio.sleep(0.05)
    await centre.tell()


async def test_the_search_finds_what_is_not_sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With sealing off the same search finds number, name, address and words: it can fail."""
    monkeypatch.setattr(Sealing, "seal", lambda self, aggregate, event, data: data)
    stack = OneProcess(tmp_path)
    try:
        async with opened(stack) as centre:
            await centre.tell(signed_in("ana"), begun("c1", 10), ended("c1", 20), advanced(30))
    finally:
        stack.stop()
    assert {NUMBER.replace(" ", ""), NAME, EMAIL, *WORDS[:3], *WORDS[4:6]} <= traces(tmp_path)


async def test_what_is_not_asked_for_is_stripped(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """R31: what the protocol does not ask for is stored nowhere, and the violation names its field; the rest stays."""
    asking = protocols.load("cold-industry").model_copy(
        update={"asks_for": ("call.offered.from", "contact.given.email")}
    )
    stack = OneProcess(tmp_path)
    try:
        async with opened(stack, asking) as centre:
            await centre.tell(
                offered("c1", 1, from_="600 123 456"),
                fact("call.answered", "c1", 2, agent="luis"),
                fact("contact.given", "c1", 3, email="alba@soler.example", phone=NUMBER),
                fact("caller.identified", "c1", 4, standing="new", name=NAME),
                fact("contact.given", "c1", 5, email="alba@soler.example", phone="611722337000000000"),
                advanced(9),
            )
            given = (await centre.events("intake", "c1", "contact.given"))[0]
            assert given == {"email": "alba@soler.example"}
            violated = await centre.events("intake", "c1", "rule.violated")
            assert [(it["rule"], it["fact"]) for it in violated] == [
                ("R31", "contact.given"),
                ("R31", "caller.identified"),
            ]
            assert ["phone" in violated[0]["detail"], "name" in violated[1]["detail"]] == [True, True]
            assert (await centre.events("intake", "c1", "call.offered"))[0]["from"] == "+34600123456"
    finally:
        stack.stop()
    assert not traces(tmp_path, "".join(capfd.readouterr()))


async def test_a_discreet_protocol_needs_an_inbox_in_memory(tmp_path: Path) -> None:
    """Where the inbox is on disk such a protocol is refused, with the stream and what was expected."""
    stack = OneProcess(tmp_path)
    try:
        async with opened(stack, protocols.load("cold-industry")) as centre:
            with pytest.raises(
                Conflict, match=r"INBOX_discreet is on disk: expected storage memory, found file"
            ):
                await centres.publish(centre.client.connection, CENTRE, discreet(version=9))
    finally:
        stack.stop()
