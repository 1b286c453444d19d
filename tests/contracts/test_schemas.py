"""The generated contract: complete, up to date, and with every reference leading somewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts import registry, schemas
from contracts.answers import ANSWERS
from contracts.registry import recorded_types

DOCUMENT: dict[str, Any] = json.loads((schemas.HERE / "asyncapi.json").read_text(encoding="utf-8"))
STORED = {file.stem: json.loads(file.read_text()) for file in (schemas.HERE / "schema").glob("*.json")}


def references(node: Any) -> Iterator[str]:
    """Every $ref below a node."""
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "$ref" and isinstance(value, str))
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from references(child)


def resolved(document: Any, reference: str) -> Any:
    """What a reference within a document leads to; KeyError if it leads nowhere."""
    assert reference.startswith("#/")
    for part in reference[2:].split("/"):
        document = document[part]
    return document


def test_what_is_stored_is_what_the_code_says() -> None:
    """The files beside the package were generated from this very code."""
    assert list(schemas.differences()) == []
    assert schemas.main(["--check"]) == 0


def test_generating_twice_gives_the_same(tmp_path: Path) -> None:
    """The output depends on the code alone; writing again changes nothing."""
    assert schemas.files() == schemas.files()
    assert schemas.write(tmp_path) == len(schemas.files())
    assert schemas.write(tmp_path) == 0
    assert list(schemas.differences(tmp_path)) == []


def test_a_difference_names_the_type_and_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A changed, a missing and a stray schema are each named, and the check fails."""
    schemas.write(tmp_path)
    changed = tmp_path / "schema/call.answered.v1.json"
    changed.write_text(changed.read_text().replace('"agent"', '"operator"'))
    (tmp_path / "schema/protocol.json").unlink()
    (tmp_path / "schema/call.teleported.v1.json").write_text("{}")
    found = list(schemas.differences(tmp_path))
    assert [text.partition(":")[0] for text in found] == [
        "call.answered.v1",
        "protocol",
        "call.teleported.v1",
    ]
    assert '-    "operator": {' in found[0]
    assert '+    "agent": {' in found[0]
    monkeypatch.setattr(schemas, "differences", lambda: iter(found))
    assert schemas.main(["--check"]) == 1
    assert "call.answered.v1" in capsys.readouterr().err
    schemas.write(tmp_path)
    assert not (tmp_path / "schema/call.teleported.v1.json").exists()


def test_schemas_of_earlier_versions_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new version adds a file; that of the old one stays, and is missed when it is gone."""
    schemas.write(tmp_path)
    old = tmp_path / "schema/call.answered.v1.json"
    before = old.read_text()
    monkeypatch.setitem(registry._VERSIONS, "call.answered", 2)
    schemas.write(tmp_path)
    assert old.read_text() == before
    assert (tmp_path / "schema/call.answered.v2.json").exists()
    assert list(schemas.differences(tmp_path)) == []
    old.unlink()
    assert any(text.startswith("call.answered.v1:") for text in schemas.differences(tmp_path))


def test_an_unknown_argument_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Anything but --check leads to the usage and exit code 2."""
    assert schemas.main(["--chekc"]) == 2
    assert "usage" in capsys.readouterr().err


def test_every_type_has_a_schema() -> None:
    """Each fact, event, command, query, problem, answer and the protocol has its file, described."""
    titles = {f"{name}.v{registry.version_of(name)}" for name in recorded_types()}
    titles |= {f"command.{s}.{verb}" for s, verbs in registry.COMMANDS.items() for verb in verbs}
    titles |= {f"query.{s}.{name}" for s, names in registry.QUERIES.items() for name in names}
    titles |= {f"answer.{s}.{name}" for s, names in ANSWERS.items() for name in names}
    assert titles | {"protocol", "problem", "recorded"} == set(STORED)
    for title, schema in STORED.items():
        assert schema["$schema"] == schemas.DIALECT
        assert schema["title"] == title
        assert schema["description"]
        is_open = title == "problem" or title.startswith("answer.")
        assert (schema.get("additionalProperties", True) is not False) == is_open


@pytest.mark.parametrize("title", sorted(STORED))
def test_references_of_a_schema_lead_somewhere(title: str) -> None:
    """A schema is complete in itself."""
    for reference in references(STORED[title]):
        assert resolved(STORED[title], reference)


def test_references_of_the_asyncapi_document_lead_somewhere() -> None:
    """Channels, messages, operations and schemas refer to each other within the document."""
    for reference in references(DOCUMENT):
        assert resolved(DOCUMENT, reference)


def test_addresses_and_parameters_agree() -> None:
    """A channel declares exactly the parameters in its address, and the rest of that is literal."""
    for key, channel in DOCUMENT["channels"].items():
        address = channel["address"] or ""
        assert re.findall(r"\{(\w+)\}", address) == list(channel.get("parameters", {})), key
        assert re.fullmatch(r"([a-z_]+|\{\w+\})(\.([a-z_]+|\{\w+\}))*", address) or key == "reply"


def test_every_type_travels_on_a_channel() -> None:
    """Each fact is published to its topic's channel, and each of facts and events is read on the log's."""
    channels = DOCUMENT["channels"]
    for topic, kinds in registry.FACTS.items():
        assert set(channels[f"inbox.{topic}"]["messages"]) == {f"fact.{name}" for name in kinds}
    assert set(channels["log"]["messages"]) == {f"event.{name}" for name in recorded_types()}
    assert channels["command.tickets.register"]["address"] == "command.{centre}.tickets.register"
    assert channels["query.sla.figures"]["address"] == "query.{centre}.sla.figures"


def test_operations_use_messages_of_their_channels() -> None:
    """A reply's messages belong to its channel; every channel but the replies' has an operation."""
    operations = DOCUMENT["operations"]
    used = {operation["channel"]["$ref"] for operation in operations.values()}
    assert used == {f"#/channels/{key}" for key in DOCUMENT["channels"] if key != "reply"}
    for operation in operations.values():
        for message in operation.get("reply", {}).get("messages", []):
            assert message["$ref"].startswith(operation["reply"]["channel"]["$ref"] + "/messages/")


def test_messages_name_their_type_and_keep_the_personal_marks() -> None:
    """A message fixes ce-type to its name; its payload carries the marks of the type's own schema."""
    for name in recorded_types():
        message = DOCUMENT["components"]["messages"][f"event.{name}"]
        assert message["headers"]["allOf"][1]["properties"]["ce-type"]["const"] == name
        payload = resolved(DOCUMENT, message["payload"]["$ref"])
        own = STORED[f"{name}.v{registry.version_of(name)}"]["properties"]
        marks = {n for n, field in payload["properties"].items() if field.get("x-personal")}
        assert marks == {n for n, field in own.items() if field.get("x-personal")}
