"""Whether one schema takes all that another takes: never a yes that a document gives the lie."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from contracts import released
from contracts.released.containment import Containment
from tests.contracts.documents import Impossible, changed, document, tolerant
from tests.contracts.planting import schema

PRESENT = released.contract()
NAMES = [*PRESENT["recorded"], *(f"command {name}" for name in PRESENT["commands"]), "protocol", "problem"]
NUMBERS = {"type": "array", "items": {"type": "integer"}}
LINK: dict[str, Any] = {
    "$ref": "#/$defs/Node",
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}, "n": {"type": "integer"}},
            "additionalProperties": False,
        }
    },
}  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(NAMES), st.integers(0, 2**32), st.booleans(), st.booleans())
def test_what_is_contained_is_taken(name: str, seed: int, wider: bool, passing: bool) -> None:
    """If a schema is said to take all that another takes, then it takes every document made for that one."""
    random = Random(seed)
    one = schema(PRESENT, name)
    other = changed(one, random)
    source, target = (one, other) if wider else (other, one)
    if Containment(source, target, passing).differences():
        return
    validator = Draft202012Validator(tolerant(target) if passing else target)
    for _ in range(3):
        try:
            made = document(source, source, random)
        except Impossible:
            continue
        validator.validate(made)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_contains_itself(name: str) -> None:
    """Nothing is changed where nothing is changed, and what is made for a schema is taken by it."""
    of = schema(PRESENT, name)
    assert Containment(of, of).differences() == []
    made = document(of, of, Random(7))
    Draft202012Validator(of).validate(made)


@pytest.mark.parametrize(
    ("source", "target", "contained"),
    [
        ({"type": "integer"}, {"type": "number"}, True),
        ({"type": "number"}, {"type": "integer"}, False),
        ({"type": "boolean"}, {"enum": [False, True, None]}, True),
        ({"const": 1}, {"type": "boolean"}, False),
        ({"const": True}, {"const": 1}, False),
        ({"const": 3}, {"type": "integer", "exclusiveMinimum": 2, "maximum": 3}, True),
        ({"const": 3}, {"type": "integer", "exclusiveMaximum": 3}, False),
        ({"enum": ["R13", "R1"]}, {"type": "string", "pattern": "^R\\d\\d$"}, False),
        ({"enum": ["R13", "R14"]}, {"type": "string", "pattern": "^R\\d\\d$"}, True),
        ({"type": "string", "enum": ["a", 1]}, {"const": "a"}, True),
        ({"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 1}, True),
        ({"type": "number", "exclusiveMinimum": 0}, {"type": "number", "minimum": 1}, False),
        ({"type": "number", "multipleOf": 0.5}, {"type": "number", "multipleOf": 0.25}, True),
        ({"type": "integer"}, {"type": "number", "multipleOf": 2}, False),
        ({"type": ["string", "null"]}, {"anyOf": [{"type": "null"}, {"type": "string"}]}, True),
        ({}, {"type": ["null", "boolean", "number", "string", "array", "object"]}, True),
        ({}, {"type": ["null", "number", "string", "array", "object"]}, False),
        (LINK, LINK, True),
        (LINK, {"$defs": {"Node": {"type": "object"}}, "$ref": "#/$defs/Node"}, True),
        (
            LINK,
            {**LINK, "$defs": {"Node": {**LINK["$defs"]["Node"], "required": ["n"]}}},
            False,
        ),
        ({"type": "array", "prefixItems": [{"const": 1}]}, NUMBERS, False),
        ({"type": "array", "prefixItems": [{"const": 1}], "maxItems": 1}, NUMBERS, True),
        ({"type": "object", "required": ["a", "b"]}, {"type": "object", "minProperties": 2}, True),
        ({"type": "string", "contentEncoding": "base64"}, {"type": "string"}, True),
        ({"type": "string"}, {"type": "string", "not": {"const": "a"}}, False),
        ({"allOf": [{"type": "string"}]}, {"type": "string"}, True),
        ({"allOf": [{"type": "string"}, {"maxLength": 3}]}, {"type": "string"}, False),
        ({"type": "object", "properties": {"a": False}}, {"type": "object", "properties": {"a": {"const": 1}}}, True),
        (False, {"type": "null"}, True),
    ],
)  # fmt: skip
def test_small_schemas(source: Any, target: Any, contained: bool) -> None:
    """What is meant by each keyword; a doubt counts as a no."""
    where = {"type": "object", "properties": {"it": source}, "additionalProperties": False}
    there = {"type": "object", "properties": {"it": target}, "additionalProperties": False}
    for schema_, part in ((where, source), (there, target)):
        if isinstance(part, dict) and "$defs" in part:
            schema_["$defs"] = part["$defs"]
    assert (Containment(where, there).differences() == []) is contained


def test_alternatives_are_told_apart_by_a_field() -> None:
    """One of several objects, each with a name of its own, is any of them; only the one that changed is told of."""

    def kind(name: str, most: int) -> dict[str, Any]:
        fields = {"kind": {"const": name, "type": "string"}, "n": {"type": "integer", "maximum": most}}
        return {"type": "object", "properties": fields, "required": ["kind"], "additionalProperties": False}

    one = {"oneOf": [kind("a", 5), kind("b", 5)], "discriminator": {"propertyName": "kind"}}
    other = {"oneOf": [kind("a", 5), kind("b", 4)], "discriminator": {"propertyName": "kind"}}
    assert Containment(other, one).differences() == []
    assert Containment(one, other).differences() == [("n", "be more than 4")]
    assert Containment(one, {"oneOf": [{"type": "object"}, kind("a", 5)]}).differences() != []
