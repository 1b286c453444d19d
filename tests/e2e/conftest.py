"""Every end-to-end test runs over the services in one process, and again over the four as processes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

import protocols
from centralita import centres
from centralita.operating import Operator
from contracts.protocol import Protocol
from tests.e2e.centre import Centre
from tests.e2e.stacks import STACKS, Stack

Open = Callable[..., Awaitable[Centre]]


@pytest.fixture(scope="session", params=STACKS)
def stack(request: pytest.FixtureRequest, stacks: Callable[[str], Stack]) -> Stack:
    """A running Centralita, shared by all tests: each opens centres of its own."""
    return stacks(request.param)


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[Operator]:
    """A client of the running stack."""
    async with Operator(stack.url, name="e2e") as connected:
        yield connected


@pytest.fixture
async def open_centre(client: Operator) -> AsyncIterator[Open]:
    """Opens centres, on the cold-industry protocol and a virtual clock; all are removed in the end."""
    opened: list[str] = []

    async def open_(protocol: Protocol | str = "cold-industry", **options: Any) -> Centre:
        loaded = protocols.load(protocol) if isinstance(protocol, str) else protocol
        opened.append(f"c{uuid4().hex[:8]}")
        await centres.add(client.connection, opened[-1], loaded, **{"clock": "virtual", **options})
        await client.settle(opened[-1])
        return Centre(client, opened[-1])

    yield open_
    for name in opened:
        await centres.remove(client.connection, name)


@pytest.fixture
async def centre(open_centre: Open) -> Centre:
    """A centre of one's own, whose virtual clock stands still until it is told."""
    return await open_centre()
