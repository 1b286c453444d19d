"""Producers made of nothing but the published documents: their events get through, their mistakes are explained."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from contracts import registry
from tests.cloudevents.told import advanced, event
from tests.e2e.centre import Centre, offered
from tests.e2e.conftest import centre, client, open_centre
from tests.e2e.stacks import Stack

__all__ = ["centre", "client", "open_centre"]

PAGES = Path(__file__).parents[2] / "docs/producers"
CALL = [
    event("agent.signed_in", "ana", 0, name="Ana – ñ", desks=["technical-service"]),
    event("call.offered", "c-1", 1, from_="600 100 200"),
    event("call.answered", "c-1", 4, agent="ana"),
    event("request.stated", "c-1", 20, text="hay una fuga de agua – ñ", category="complaint"),
    advanced(60),
]


@pytest.fixture(scope="session")
def stack(stacks: Callable[[str], Stack]) -> Stack:
    """All services and the HTTP door in one process."""
    return stacks("one process")


async def run(*command: str, events: list[dict[str, Any]]) -> tuple[int, str]:
    """Exit code and output of a producer that is given these events."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=-1, stdout=-1, stderr=-2, cwd=PAGES, env={"LANG": "C.UTF-8"}
    )
    lines = "\n".join(json.dumps(it, ensure_ascii=False) for it in events)
    out, _ = await asyncio.wait_for(process.communicate(lines.encode()), 30)
    assert process.returncode is not None
    return process.returncode, out.decode()


def python(stack: Stack, name: str) -> list[str]:
    """The producer over HTTP, without anything that is installed."""
    assert hasattr(stack, "door")
    return [sys.executable, "-I", str(PAGES / "publish.py"), stack.door, name]


def node(stack: Stack, name: str) -> list[str]:
    """The producer over NATS."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not installed: the producer in JavaScript is not run")
    address = urlsplit(stack.url)
    return [found, str(PAGES / "publish.js"), f"{address.hostname}:{address.port}", name]


PRODUCERS = {"python": python, "node": node}


@pytest.mark.parametrize("language", PRODUCERS)
async def test_its_events_get_through(centre: Centre, stack: Stack, language: str) -> None:
    """All are stored and lead to what they should; the same again changes nothing."""
    command = PRODUCERS[language](stack, centre.name)
    code, said = await run(*command, events=CALL)
    assert code == 0, said
    assert [line.partition(":")[0] for line in said.splitlines()] == [it["id"] for it in CALL]
    await centre.client.settle(centre.name)
    assert {"call.offered", "call.answered", "request.stated"} <= set(await centre.names("intake", "c-1"))
    assert (await centre.events("routing", "agent:ana", "agent.signed_in"))[0]["name"] == "Ana – ñ"
    before = len(await centre.log())
    code, said = await run(*command, events=CALL)
    assert code == 0, said
    await centre.client.settle(centre.name)
    assert len(await centre.log()) == before


@pytest.mark.parametrize("language", PRODUCERS)
async def test_its_mistakes_are_explained(centre: Centre, stack: Stack, language: str) -> None:
    """A field of the wrong kind, a type that there is not, an id that is none, a call that is known: each is told."""
    command = PRODUCERS[language](stack, centre.name)
    await centre.tell(offered("c-1", 0))
    for wrong, expected in (
        (event("call.offered", "c-1", 1, from_=600), "from"),
        (event("call.teleported", "c-1", 1), "a fact that is in the contract"),
        (event("call.offered", "+34600", 1), "letters, digits"),
        (event("call.offered", "c-1", 2), "call-known"),
    ):
        code, said = await run(*command, events=[wrong])
        assert code == 1, said
        assert expected in said


@pytest.mark.parametrize("language", PRODUCERS)
async def test_a_centre_that_is_not_open(stack: Stack, language: str) -> None:
    """It is told at once that nobody takes the event."""
    code, said = await run(*PRODUCERS[language](stack, "nowhere"), events=CALL[1:2])
    assert code == 1
    assert "centre" in said


def blocks(page: str, kind: str) -> list[str]:
    """The code of a page."""
    return re.findall(rf"```{kind}\n(.*?)```", (PAGES / page).read_text(), re.DOTALL)


async def test_what_the_nats_cli_is_told_to_send(centre: Centre) -> None:
    """Subject, headers and body of each line of the page are acknowledged, and lead to what they say."""
    sent = 0
    for command in map(shlex.split, blocks("nats-cli.md", "sh")):
        if command[:2] != ["nats", "request"]:
            continue
        subject, body, *options = [part for part in command[2:] if part.strip()]
        headers = dict(part.split(":", 1) for part in options if part != "-H")
        inbox = subject.replace("acme", centre.name)
        answer = await centre.client.connection.request(inbox, body.encode(), timeout=20, headers=headers)
        assert "error" not in json.loads(answer.data)
        sent += 1
    await centre.client.settle(centre.name)
    names = await centre.names("intake", "c-1")
    assert names.count("call.offered") + names.count("call.answered") == sent == 2


async def test_the_python_page_runs(centre: Centre, stack: Stack) -> None:
    """With the official SDK and client the event gets through."""
    (code,) = blocks("python.md", "python")
    page: dict[str, Any] = {}
    exec(code, page)
    position = await page["publish"](stack.url, centre.name, "c-7")
    assert position > 0
    await centre.client.settle(centre.name)
    assert (await centre.events("intake", "c-7", "call.offered"))[0]["from"] == "+34600555101"


def test_every_fact_travels_on_the_topic_that_the_page_says() -> None:
    """The rule by which the JavaScript finds the topic of a type is that of the contract."""
    source = (PAGES / "publish.js").read_text()
    listed = re.search(r"const TOPIC = \{(.*?)\}", source)
    assert listed
    topics = dict(re.findall(r"(\w+): \"(\w+)\"", listed[1]))
    for topic, kinds in registry.FACTS.items():
        assert {topics.get(name.split(".")[0], "call") for name in kinds} == {topic}
