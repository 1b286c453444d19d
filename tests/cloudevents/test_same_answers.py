"""A producer's mistake is told in the same words at every door: field, what was expected, and the rule."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from eventlog.codec import Malformed
from tests.cloudevents.judged import EVENT, STRUCTURED, in_both
from tests.e2e.stacks import OneProcess, Stack

GOOD = EVENT | {"subject": "c-1"}
WRONG: list[dict[str, Any]] = [
    {"data": {"from": "call me"}},
    {"data": {"from": 3}},
    {"data": {"colour": "red"}},
    {"data": {"queue": "  "}},
    {"data": []},
    {"type": "call.teleported"},
    {"type": "caller.classified"},
    {"type": "request.stated", "data": {"text": "x"}},
    {"dataversion": "9"},
    {"dataversion": "one"},
    {"specversion": "0.3"},
    {"id": ""},
    {"source": ""},
    {"time": "yesterday"},
    {"time": "1969-12-31T23:59:59Z"},
    {"id": "x" * 9000},
    {"resends": "-1"},
]


@pytest.mark.parametrize("change", WRONG, ids=str)
def test_both_modes_of_nats_answer_the_same(change: dict[str, Any]) -> None:
    """Field, expectation, and whether the type is unknown."""
    first, second = in_both(GOOD | change)
    assert isinstance(first, Malformed)
    assert isinstance(second, Malformed)
    assert (first.field, first.expected, first.unknown) == (second.field, second.expected, second.unknown)


async def test_http_answers_as_nats_does(stacks: Callable[[str], Stack]) -> None:
    """In each mode; where the body is the whole event the field is named by its place in it."""
    stack = stacks("one process")
    assert isinstance(stack, OneProcess)
    async with httpx.AsyncClient(base_url=stack.door, trust_env=False, timeout=30) as http:
        for change in WRONG:
            event = GOOD | change
            told, _ = in_both(event)
            assert isinstance(told, Malformed)
            rule = "unknown-type" if told.unknown else "malformed"
            headers = {f"ce-{name}": value for name, value in event.items() if name != "data"}
            binary = await http.post(
                "/nowhere/events", headers=headers | JSON, content=json.dumps(event["data"])
            )
            assert answer(binary) == (told.field, told.expected, rule), change
            whole = await http.post("/nowhere/events", headers=WHOLE, content=json.dumps(event))
            name = told.field.removeprefix("ce-")
            place = name if name != told.field or name in ("data", "headers") else f"data.{name}"
            assert answer(whole) == (place, told.expected, rule), change
            many = await http.post("/nowhere/events", headers=MANY, content=json.dumps([GOOD, event]))
            assert answer(many) == (f"[1].{place}", told.expected, rule), change


JSON, WHOLE = {"content-type": "application/json"}, {"content-type": STRUCTURED}
MANY = {"content-type": "application/cloudevents-batch+json"}


def answer(problem: httpx.Response) -> tuple[str, str, str]:
    """What a problem says."""
    assert problem.status_code == 400, problem.text
    said = problem.json()
    return said["field"], said["expected"], said["rule"]
