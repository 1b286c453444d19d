"""The examples are true, and the pages for people show them with every message and field."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from contracts import examples, pages, registry, schemas
from contracts.answers import ANSWERS
from contracts.base import Data, Problem
from contracts.commands import Recorded
from contracts.pages.__main__ import main
from contracts.problems import PROBLEMS
from tests.contracts.answering import closed
from tests.contracts.test_schemas import resolved

KINDS: dict[str, type[Data]] = {
    title: kind for title, kind in schemas.types().items() if title not in ("protocol", "problem")
} | {f"problem.{kind.strip('<>')}": Problem for kind in PROBLEMS}
PAGES = {file.name: file.read_text(encoding="utf-8") for file in pages.DOCS.glob("*.md")}


def test_each_message_has_an_example_and_each_example_its_message() -> None:
    """None is missing, and none is of something that is no more; those of earlier versions are kept."""
    earlier = {
        f"{name}.v{v}" for name in registry.recorded_types() for v in range(1, registry.version_of(name))
    }
    assert set(examples.examples()) == {*KINDS, *earlier}


@pytest.mark.parametrize("title", sorted(KINDS))
def test_an_example_is_what_it_is_an_example_of(title: str) -> None:
    """It fits the published schema without a field that does not stand there, and is read by the code."""
    shown = examples.example(title)
    kind = KINDS[title]
    Draft202012Validator(closed(kind.model_json_schema())).validate(shown)
    read = kind.model_validate_json(json.dumps(shown), strict=True)
    assert read.model_dump(mode="json", by_alias=True).keys() >= shown.keys()


def test_examples_of_problems_are_of_their_kind() -> None:
    """Type and status are those of the kind."""
    for kind, (status, _) in PROBLEMS.items():
        shown = examples.problems()[kind.strip("<>")]
        assert shown["status"] == status
        assert shown["type"] == f"/problems/{kind}" or kind == "<rule>"


def test_what_was_recorded_is_an_event() -> None:
    """The example of a command's answer tells of an event that is one."""
    answer = Recorded.model_validate(examples.example("recorded"))
    assert registry.decode(answer.type, 1, json.dumps(answer.data).encode())


def test_every_query_has_an_answer() -> None:
    """No query is without a schema of its answer, and no schema without its query."""
    assert {s: set(names) for s, names in ANSWERS.items()} == {s: set(n) for s, n in registry.QUERIES.items()}


def test_the_pages_are_what_the_code_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They were generated from this very code; one that is changed, missing or stray is named."""
    assert pages.differences() == []
    assert main(["--check"]) == 0
    pages.write(tmp_path)
    (tmp_path / "facts.md").write_text("none")
    (tmp_path / "events.md").unlink()
    (tmp_path / "stray.md").write_text("")
    assert pages.differences(tmp_path) == ["events.md", "facts.md", "stray.md"]
    assert main(["--chekc"]) == 2


def test_every_message_stands_on_a_page_with_its_fields_and_its_example() -> None:
    """Meaning, fields with the marks of what is personal, and the example, word for word."""
    everything = "\n".join(PAGES.values())
    for title, kind in KINDS.items():
        assert json.dumps(examples.example(title), indent=2, ensure_ascii=False) in everything, title
        assert (kind.__doc__ or "").partition("\n")[0] in everything, title
    section = PAGES["facts.md"].partition("### `call.offered`")[2].partition("\n### ")[0]
    assert "| `from?` | a telephone number or null | personal |" in section
    assert '| `queue?` | a text of 1 to 200 characters | `"main"` if left out |' in section


def test_links_lead_somewhere() -> None:
    """Each link to a place on a page has its heading or anchor there, and each page exists."""
    places = {
        name: {pages.anchor(title) for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
        | set(re.findall(r'<a id="([^"]+)">', text))
        for name, text in PAGES.items()
    }
    for name, text in PAGES.items():
        for target in re.findall(r"\]\(([^)]+)\)", text):
            page, _, place = target.partition("#")
            assert (pages.DOCS / (page or name)).exists(), (name, target)
            assert not place or place in places[page or name], (name, target)


def test_the_documents_show_the_same_examples() -> None:
    """Those of the AsyncAPI document are these, and fit the payload's schema within it."""
    shown = json.loads((schemas.HERE / "asyncapi.json").read_text(encoding="utf-8"))
    messages = shown["components"]["messages"]
    assert messages["fact.call.offered"]["examples"] == [{"payload": examples.example("call.offered.v1")}]
    assert all(message["examples"] for message in messages.values())
    assert {"$ref": "#/channels/reply/messages/answer.sla.figures"} in shown["operations"][
        "query.sla.figures"
    ]["reply"]["messages"]
    for name, message in messages.items():
        payload = resolved(shown, message["payload"]["$ref"])
        validator = Draft202012Validator({**payload, "components": shown["components"]})
        for each in message["examples"]:
            assert validator.is_valid(each["payload"]), name
