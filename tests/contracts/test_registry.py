"""Names, versions and samples: what has once been recorded is read for ever."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from contracts import examples, registry
from contracts.events import CallAssigned, ProtocolPublished
from contracts.protocol import Protocol
from contracts.registry import Unreadable, decode, encode

SAMPLES = examples.HERE
NAMES = sorted(registry.recorded_types())
VERSIONS = [(name, v) for name in NAMES for v in range(1, registry.version_of(name) + 1)]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_has_a_class_and_every_class_its_name(name: str) -> None:
    """A type name leads to one class, and that class back to the name."""
    kind = registry.recorded_types()[name]
    assert registry.name_of_type(kind) == name
    assert [n for n, k in registry.recorded_types().items() if k is kind] == [name]
    assert kind.__doc__


def test_facts_and_events_share_no_name() -> None:
    """A name is a fact of one topic, or an event, and never two of these."""
    facts = [name for topic in registry.FACTS.values() for name in topic]
    assert sorted([*facts, *registry.EVENTS]) == NAMES
    assert set(registry.FACTS) == set(registry.TOPICS)
    assert all(registry.topic_of(name) is None for name in registry.EVENTS)
    assert all(registry.topic_of(name) in registry.TOPICS for name in facts)


@pytest.mark.parametrize(("name", "version"), VERSIONS)
def test_each_version_has_a_sample_that_is_read(name: str, version: int) -> None:
    """What was stored in any version is read today, and in the present version written as it was."""
    stored = (SAMPLES / f"{name}.v{version}.json").read_bytes()
    event = decode(name, version, stored)
    assert registry.name_of(event) == name
    if version == registry.version_of(name):
        assert encode(event)[:2] == (name, version)
        assert json.loads(encode(event)[2]) == json.loads(stored)


def test_no_sample_is_of_something_else() -> None:
    """Each sample belongs to a type and version that exist."""
    assert {file.name for file in SAMPLES.glob("*.v?.json")} == {f"{name}.v{v}.json" for name, v in VERSIONS}


def test_old_data_is_lifted_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data of version 1 passes all upcasts in order; that of the present version passes none."""

    def named(data: dict[str, Any]) -> dict[str, Any]:
        return {"agent": data["who"]}

    def owned(data: dict[str, Any]) -> dict[str, Any]:
        return {"owner": data["agent"], "by": "system"}

    upcasts = {("call.assigned", 1): named, ("call.assigned", 2): owned}
    monkeypatch.setattr(registry, "UPCASTS", upcasts)
    monkeypatch.setitem(registry._VERSIONS, "call.assigned", 3)
    assert decode("call.assigned", 1, b'{"who": "ana"}') == CallAssigned(owner="ana", by="system")
    assert decode("call.assigned", 2, b'{"agent": "ana"}') == CallAssigned(owner="ana", by="system")
    assert decode("call.assigned", 3, b'{"owner": "ana"}') == CallAssigned(owner="ana")
    assert encode(CallAssigned(owner="ana"))[1] == 3
    with pytest.raises(Unreadable, match=r"call\.assigned as of version 1"):
        decode("call.assigned", 1, b'{"nobody": "ana"}')
    with pytest.raises(Unreadable) as four:
        decode("call.assigned", 4, b"{}")
    assert four.value.unknown


def test_an_unknown_type_or_version_is_said_to_be_unknown() -> None:
    """What is not of this language fails loudly, and says which of the two it is."""
    with pytest.raises(Unreadable) as name:
        decode("call.teleported", 1, b"{}")
    assert (name.value.field, name.value.found, name.value.unknown) == ("ce-type", "call.teleported", True)
    for version in (0, 2, -1):
        with pytest.raises(Unreadable) as unknown:
            decode("call.queued", version, b"{}")
        assert (unknown.value.field, unknown.value.unknown) == ("ce-dataversion", True)


@pytest.mark.parametrize(
    ("name", "data", "field", "expected"),
    [
        ("call.offered", b'{"special_treatment": "yes"}', "special_treatment", "valid boolean"),
        ("call.offered", b'{"special_treatment": 1}', "special_treatment", "valid boolean"),
        ("call.offered", b'{"from_": "+34934567890"}', "from_", "Extra inputs"),
        ("call.offered", b'{"from": "anonymous"}', "from", "match pattern"),
        ("call.offered", b'{"queue": ""}', "queue", "at least 1 character"),
        ("call.offered", b'{"queue": "   "}', "queue", "at least 1 character"),
        ("call.offered", b'{"language": "fr"}', "language", "'es', 'pt' or 'en'"),
        ("call.offered", b'{"colour": "red"}', "colour", "Extra inputs"),
        ("call.answered", b'{"agent": "ana.castro"}', "agent", "match pattern"),
        ("call.answered", b'{"agent": "+34934567890"}', "agent", "match pattern"),
        ("call.transferred", b'{"to": "Ana"}', "mode", "Field required"),
        ("kind.confirmed", b'{"kind": "bank", "answer": null}', "answer", "valid boolean"),
        ("contact.given", b'{"email": "nobody"}', "email", "match pattern"),
        ("request.stated", b'{"text": 5, "category": "sales"}', "text", "valid string"),
        ("record.refused", b'{"line": "7", "field": "a", "reason": "b", "row": ""}', "line", "valid integer"),
        ("record.ignored", b'{"line": 0, "reason": "PHANTOM"}', "line", "greater than or equal to 1"),
        ("record.ignored", b'{"line": 1.5, "reason": "PHANTOM"}', "line", "valid integer"),
        ("agent.signed_in", b'{"name": "Ana", "desks": "sales"}', "desks", "valid array"),
        ("agent.signed_in", b'{"name": "Ana", "tier": 10}', "tier", "less than or equal to 9"),
        ("customer.registered", b'{"name": "A", "kind": "b", "phones": [1]}', "phones.0", "valid string"),
        ("clock.advanced", b'{"to": 1769990400}', "to", "valid datetime"),
        ("clock.advanced", b'{"to": "2026-02-02T08:00:00"}', "to", "timezone"),
        ("clock.advanced", b'{"to": "2200-01-01T00:00:00Z"}', "to", "less than 2200"),
        ("clock.advanced", b'{"to": "1969-12-31T23:59:59Z"}', "to", "greater than or equal to 1970"),
        ("ticket.registered", b'{"number": true}', "number", "valid integer"),
        ("caller.classified", b'{"standing": "known", "protocol": 1, "confidence": 1.1}', "confidence", "1"),
        ("protocol.published", b'{"name": "a", "version": 1, "protocol": {}}', "protocol.name", "required"),
        ("call.queued", b"", "data", "Invalid JSON"),
        ("call.queued", b"not JSON", "data", "Invalid JSON"),
        ("call.queued", b"[]", "data", "object"),
        ("call.queued", b"null", "data", "object"),
        ("call.queued", b"\xff\xfe", "data", "Invalid JSON"),
        ("contact.given", b'{"phone": "\xff"}', "data", "Invalid JSON"),
        ("request.stated", b'{"text": "\\ud800", "category": "sales"}', "data", "Invalid JSON"),
        ("call.queued", b'{"a":' * 5000 + b"1" + b"}" * 5000, "data", "Invalid JSON"),
    ],
)
def test_what_does_not_fit_names_field_and_expectation(
    name: str, data: bytes, field: str, expected: str
) -> None:
    """Data of the wrong type, shape or encoding is unreadable, says where and what was expected instead."""
    with pytest.raises(Unreadable) as wrong:
        decode(name, 1, data)
    assert wrong.value.field == field
    assert expected in wrong.value.expected
    assert not wrong.value.unknown


def test_a_complaint_does_not_repeat_personal_values() -> None:
    """What is said about unreadable data names the field, never the value found there."""
    with pytest.raises(Unreadable) as wrong:
        decode("contact.given", 1, b'{"email": "maria jose at home"}')
    assert "maria" not in str(wrong.value)


def test_text_is_trimmed_and_unicode_kept() -> None:
    """Blanks around a text are no part of it; letters of any script are."""
    event = decode("caller.asked_for", 1, '{"person": "  Núria Çelik 李  "}'.encode())
    assert encode(event)[2].decode() == '{"person":"Núria Çelik 李"}'


def test_a_protocol_that_was_in_order_when_published_is_read_for_ever() -> None:
    """A prompt that no service issues any more, or a new demand, does not make a log unreadable."""
    recorded = {
        "name": "old",
        "version": 1,
        "protocol": {"name": "old", "scripts": {"r99.gone": {"es": "hola"}}},
    }
    published = decode("protocol.published", 1, json.dumps(recorded).encode())
    assert isinstance(published, ProtocolPublished)
    with pytest.raises(ValidationError, match=r"r99\.gone"):
        Protocol.model_validate(recorded["protocol"])
