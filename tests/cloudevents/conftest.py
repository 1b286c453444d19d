"""A running Centralita, spoken to through a plain NATS connection."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from contracts import registry
from tests.cloudevents.judged import STRUCTURED
from tests.e2e.centre import Centre
from tests.e2e.conftest import centre, client, open_centre
from tests.e2e.stacks import Stack

__all__ = ["centre", "client", "open_centre"]


@pytest.fixture(scope="session")
def stack(stacks: Callable[[str], Stack]) -> Stack:
    """All services in one process."""
    return stacks("one process")


async def publish(centre: Centre, event: dict[str, Any], mode: str = "structured") -> int:
    """Publish an event in JSON as it is, or in the binary mode; its position in the inbox."""
    topic = registry.topic_of(event["type"]) or "call"
    if mode == "structured":
        headers, body = {"Content-Type": STRUCTURED}, json.dumps(event).encode()
    else:
        headers = {f"ce-{name}": value for name, value in event.items() if name != "data"}
        body = json.dumps(event["data"]).encode()
    subject = registry.inbox_subject(centre.name, topic, event["subject"])
    answer = await centre.client.connection.request(subject, body, timeout=20, headers=headers)
    return int(json.loads(answer.data)["seq"])
