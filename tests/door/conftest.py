"""The door of a running stack, spoken to over HTTP and nothing else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from httpx_sse import EventSource, ServerSentEvent

from tests.e2e.stacks import Stack

START = "2026-03-02T09:00:00Z"


class Http:
    """A centre behind the door: what one does there, in one line each."""

    def __init__(self, http: httpx.AsyncClient, centre: str) -> None:
        self.http, self.centre = http, centre

    async def events(self, *events: dict[str, Any]) -> httpx.Response:
        """Publish events as a batch."""
        kind = {"content-type": "application/cloudevents-batch+json"}
        return await self.http.post(f"{self.centre}/events", content=json.dumps(events), headers=kind)

    async def settled(self) -> int:
        """The position at which all is settled."""
        answer = await self.http.get(f"{self.centre}/settled", params={"timeout": 20})
        assert answer.status_code == 200, answer.text
        return int(answer.json()["position"])

    async def log(self, headers: dict[str, str] | None = None, **query: Any) -> list[ServerSentEvent]:
        """What the log holds, up to its present end unless `until` says otherwise."""
        query.setdefault("until", await self.settled())
        async with self.http.stream("GET", f"{self.centre}/log", params=query, headers=headers) as told:
            assert told.status_code == 200
            return [event async for event in EventSource(told).aiter_sse() if event.data]

    async def names(self, **query: Any) -> list[str]:
        """The types of what the log holds."""
        return [event.event for event in await self.log(**query)]


def fact(type: str, about: str = "c-1", id: str = "", **data: Any) -> dict[str, Any]:
    """A fact as a CloudEvent in JSON."""
    told = {"specversion": "1.0", "id": id or uuid4().hex, "source": "/pbx", "type": type, "subject": about}
    return {**told, "time": START, "data": data}


@pytest.fixture(scope="session")
def stack(stacks: Callable[[str], Stack]) -> Stack:
    """A running Centralita with a door."""
    return stacks("one process")


@pytest.fixture
async def http(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of its door."""
    async with httpx.AsyncClient(base_url=stack.door, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
async def centre(http: httpx.AsyncClient) -> AsyncIterator[Http]:
    """A centre of one's own on a virtual clock."""
    name = f"c{uuid4().hex[:8]}"
    opened = await http.put(name, json={"protocol": "cold-industry", "clock": "virtual"})
    assert opened.status_code == 201
    yield Http(http, name)
    await http.delete(name)


@pytest.fixture
def nowhere(http: httpx.AsyncClient) -> Http:
    """A centre that is not open: what is wrong with a request is told first."""
    return Http(http, "nowhere")


@pytest.fixture(scope="session")
def shared_name(stack: Stack) -> str:
    """The name of a centre in which nothing is changed."""
    assert httpx.put(f"{stack.door}/shared", json={"clock": "virtual"}, trust_env=False).status_code < 300
    return "shared"


@pytest.fixture
def shared(http: httpx.AsyncClient, shared_name: str) -> Http:
    """A centre that all tests share, as they change nothing there."""
    return Http(http, shared_name)
