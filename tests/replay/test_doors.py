"""A recorded day, replayed through each front door, leads to the same log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from centralita import Client, Fact
from centralita.client.events import to_json
from centralita.replay import Import
from contracts import registry
from tests.e2e.centre import Centre, Told
from tests.e2e.conftest import Open, client, open_centre
from tests.e2e.stacks import OneProcess, Stack
from tests.replay.rows import NO_QUEUE, Made, hung, served, text_of

__all__ = ["client", "open_centre"]

CALLS = 18
STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
Event = dict[str, Any]


@pytest.fixture(scope="module")
def stack(stacks: Callable[[str], Stack]) -> Stack:
    """Services, server and door in one process."""
    return stacks("one process")


def day() -> Iterator[Made]:
    """Calls of an afternoon: served, given up, unqueued, identified, by clocks that differ; and rows that are none."""
    for number in range(CALLS):
        at = f"{12 + number // 6}:{number % 6 * 10:02d}"
        times = {"vru_entry": f"{at}:00", "vru_exit": f"{at}:10", "q_start": f"{at}:10", "q_exit": f"{at}:40"}
        row = {**times, "call_id": str(7000 + number), "type": ("PS", "NE", "TT")[number % 3]}
        row["customer_id"] = str(445566 + number % 5) if number % 4 == 0 else "0"
        if number % 6 == 5:
            yield hung(**row)
            continue
        early = f"{at}:{39 if number % 7 == 3 else 40}"
        yield served(
            **row, ser_start=early, ser_exit=f"{at}:58", ser_time="18", server=("LUZ", "ANA")[number % 2]
        )
    yield served(call_id="8000", **NO_QUEUE)
    yield served(call_id="8001", outcome="PHANTOM")
    yield served(call_id="8002", q_exit="10:00:09")


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> list[Fact]:
    """The day as facts, in the order in which they are published."""
    path = tmp_path_factory.mktemp("day") / "calls.txt"
    path.write_text(text_of(*day()))
    return list(Import.read(path, ZoneInfo("Europe/Madrid")).facts())


def in_json(fact: Fact) -> Event:
    """The fact as a CloudEvent in JSON, as another producer would write it."""
    event: Event = json.loads(to_json(fact.cloudevent()))
    return event


async def over_nats(mode: str, centre: Centre, stack: OneProcess, facts: list[Fact]) -> None:
    """Each a message, acknowledged before the next."""
    for event in map(in_json, facts):
        subject = registry.inbox_subject(
            centre.name, registry.topic_of(event["type"]) or "", event["subject"]
        )
        if mode == "binary":
            headers = {f"ce-{name}": text for name, text in event.items() if name != "data"}
            body = json.dumps(event["data"]).encode()
        else:
            headers, body = {"content-type": STRUCTURED}, json.dumps(event).encode()
        answer = await centre.client.connection.request(subject, body, timeout=20, headers=headers)
        assert "error" not in json.loads(answer.data)


async def over_http(mode: str, centre: Centre, stack: OneProcess, facts: list[Fact]) -> None:
    """Each a request, or a hundred in one."""
    events = [in_json(fact) for fact in facts]
    async with httpx.AsyncClient(base_url=f"{stack.door}/{centre.name}", trust_env=False, timeout=30) as http:
        part = 100 if mode == "batch" else 1
        for number in range(0, len(events), part):
            event = events[number]
            if mode == "binary":
                headers = {f"ce-{name}": text for name, text in event.items() if name != "data"}
                headers["content-type"], body = "application/json", json.dumps(event["data"])
            elif mode == "structured":
                headers, body = {"content-type": STRUCTURED}, json.dumps(event)
            else:
                headers, body = {"content-type": BATCH}, json.dumps(events[number : number + part])
            answer = await http.post("/events", content=body, headers=headers)
            assert answer.status_code == 202, answer.text


async def with_client(over: str, centre: Centre, stack: OneProcess, facts: list[Fact]) -> None:
    """With our client, which makes batches of them."""
    async with Client(getattr(stack, over)) as client:
        assert len(await client.publish(centre.name, facts)) == len(facts)


DOORS: dict[str, Callable[[Centre, OneProcess, list[Fact]], Awaitable[None]]] = {
    "NATS, binary": partial(over_nats, "binary"),
    "NATS, structured": partial(over_nats, "structured"),
    "HTTP, binary": partial(over_http, "binary"),
    "HTTP, structured": partial(over_http, "structured"),
    "HTTP, batch": partial(over_http, "batch"),
    "Client, NATS": partial(with_client, "url"),
    "Client, HTTP": partial(with_client, "door"),
}


async def test_each_front_door_leads_to_the_same_log(
    open_centre: Open, stack: Stack, facts: list[Fact]
) -> None:
    """Per service and aggregate, event by event: names, data, times and places in decisions."""
    assert isinstance(stack, OneProcess)
    assert len(facts) > 4 * CALLS

    async def story(door: str, centre: Centre) -> dict[str, list[Told]]:
        await DOORS[door](centre, stack, facts)
        await centre.client.settle(centre.name, timeout=60)
        return await centre.story()

    opened = [await open_centre("cold-industry") for _ in DOORS]
    stories = dict(zip(DOORS, await asyncio.gather(*map(story, DOORS, opened)), strict=True))
    first = stories.pop("NATS, binary")
    told = {event.name for each in first.values() for event in each}
    assert {"call.answered", "call.abandoned", "caller.classified", "deadline.met", "record.refused"} <= told
    assert "fact.rejected" not in told
    for door, found in stories.items():
        assert found.keys() == first.keys(), door
        for aggregate, expected in first.items():
            assert found[aggregate] == expected, f"{door}: {aggregate}"
