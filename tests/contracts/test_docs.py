"""The guide to the contract says what the code says, and its examples are real."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from contracts import registry
from contracts.asyncapi import HEADERS, OF_FACTS, REQUIRED
from contracts.base import Data, Problem
from contracts.commands import Recorded
from contracts.problems import PROBLEMS
from contracts.registry import decode, recorded_types
from eventlog.codec import headers_of, message_of

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/contract.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```text\n(.*?)\n```", GUIDE, re.DOTALL)
ASKED: dict[str, type[Data]] = {
    f"{service} {verb}": kind
    for services in (registry.COMMANDS, registry.QUERIES)
    for service, verbs in services.items()
    for verb, kind in verbs.items()
}


def rows(first: str) -> dict[str, list[str]]:
    """The cells of all table rows whose first cell is code that matches, by that code."""
    found = re.findall(rf"^\| `({first})` \|(.*)\|$", GUIDE, re.MULTILINE)
    assert len({name for name, _ in found}) == len(found)
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in found}


def fields(kind: type[Data]) -> str:
    """The fields as the guide writes them: `?` may be left out, `*` personal."""
    schema = kind.model_json_schema()
    marks = [
        f"`{name}{'' if name in schema.get('required', ()) else '?'}{'*' if field.get('x-personal') else ''}`"
        for name, field in schema.get("properties", {}).items()
    ]
    return " ".join(marks)


def example(text: str) -> tuple[str, dict[str, str], bytes]:
    """Subject, headers and body of an example."""
    head, _, body = text.partition("\n\n")
    subject, *lines = head.splitlines()
    return subject, dict(line.split(": ", 1) for line in lines), body.encode()


def of_kind(prefix: str) -> list[tuple[str, dict[str, str], bytes]]:
    """The examples whose subject begins like this; there is one at least."""
    found = [read for read in map(example, EXAMPLES) if read[0].split(".")[0] == prefix]
    assert found, prefix
    return found


def test_all_facts_and_events_stand_there_with_their_fields() -> None:
    """Each type has one row, with exactly its fields."""
    written = rows(r"[a-z_]+\.[a-z_]+")
    assert {name: cells[0] for name, cells in written.items()} == {
        name: fields(kind) for name, kind in recorded_types().items()
    }


def test_all_commands_and_queries_stand_there_with_their_fields() -> None:
    """Each verb has one row, with exactly its fields."""
    written = rows(r"(?:intake|routing|tickets|sla) [a-z_]+")
    assert {name: cells[0] for name, cells in written.items()} == {n: fields(k) for n, k in ASKED.items()}


def test_all_headers_stand_there() -> None:
    """Each header has one row, with the meaning that the AsyncAPI document gives it."""
    written = rows(r"ce-[a-z]+")
    assert {name: cells[2] for name, cells in written.items()} == {
        n: text for n, (_, text) in HEADERS.items()
    }
    assert {name for name, cells in written.items() if cells[0] == "●"} == set(REQUIRED)
    assert {name for name, cells in written.items() if cells[0]} == set(OF_FACTS)


def test_the_members_of_problems_stand_there() -> None:
    """No member of a problem or an answer goes unmentioned."""
    for kind in (Problem, Recorded):
        assert all(f"`{member}`" in GUIDE for member in kind.model_fields)


def test_all_kinds_that_are_told_are_in_the_contract() -> None:
    """Whatever a service or the door calls a problem is one of the kinds."""
    sources = (*(ROOT / "services").rglob("*.py"), *(ROOT / "centralita/door").glob("*.py"))
    told = re.compile(r'(?:Exceeded|Wrong|_problem)\(\s*(?:\d+,\s*)?"([a-z-]+)"|/problems/([a-z-]+)"')
    named = {a or b for path in sources for a, b in told.findall(path.read_text(encoding="utf-8"))}
    assert {"too-many-readers", "id-taken"} <= named
    assert named <= PROBLEMS.keys()


def test_all_kinds_of_problems_stand_there() -> None:
    """Each kind has one row, with its status and when it comes."""
    found = re.findall(r"^\| (\d+) \| `/problems/([a-z<>-]+)` \| (.*) \|$", GUIDE, re.MULTILINE)
    assert {name: (int(status), when) for status, name, when in found} == dict(PROBLEMS)
    assert len(found) == len(PROBLEMS)


def test_the_fact_is_one() -> None:
    """The example of a fact is on its topic, under a valid id, and can be read."""
    for subject, headers, body in of_kind("inbox"):
        message = message_of(subject, headers, body)
        _, centre, topic, about = subject.split(".")
        assert registry.centre_name(centre)
        assert registry.valid_id(about, topic)
        assert message.name in registry.FACTS[topic]
        assert registry.name_of(decode(message.name, message.version, body)) == message.name
        assert set(headers) <= set(OF_FACTS)


def test_the_event_is_one() -> None:
    """The example of a log event has the very headers and data that a service would write."""
    for subject, headers, body in of_kind("log"):
        message = message_of(subject, headers, body)
        event = decode(message.name, message.version, body)
        assert headers_of(message) == headers
        assert json.loads(registry.encode(event)[2]) == json.loads(body)
        assert message.source == registry.source(*subject.split(".")[1:3])


@pytest.mark.parametrize("prefix", ["command", "query"])
def test_commands_and_queries_are_such(prefix: str) -> None:
    """The examples fit the models of their verbs."""
    for subject, _, body in of_kind(prefix):
        _, centre, service, verb = subject.split(".")
        assert registry.centre_name(centre)
        assert ASKED[f"{service} {verb}"].model_validate_json(body, strict=True)


def test_answers_are_such() -> None:
    """The example of an answer fits its model, and what it says was recorded is an event."""
    for _, _, body in of_kind("recorded"):
        answer = Recorded.model_validate_json(body, strict=True)
        assert decode(answer.type, 1, json.dumps(answer.data).encode())
    for _, headers, body in of_kind("problem"):
        content: dict[str, Any] = json.loads(body)
        assert Problem.model_validate_json(body, strict=True).model_dump(exclude_none=True) == content
        assert headers == {"content-type": "application/problem+json"}


def test_a_problem_may_carry_more() -> None:
    """Members that a reader does not know are passed over, as RFC 9457 asks."""
    assert Problem.model_validate({"title": "Malformed", "instance": "/x"}) == Problem(title="Malformed")
