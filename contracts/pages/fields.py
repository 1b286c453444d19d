"""A schema's fields as people read them: a table, and in words what each may be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from contracts.base import Email, Id, Phone

Json = dict[str, Any]


def _pattern(kind: Any) -> str:
    return str(next(it.pattern for it in kind.__metadata__))


_KNOWN = {_pattern(Id): "an id", _pattern(Phone): "a telephone number", _pattern(Email): "an e-mail address"}
_FORMATS = {"date-time": "a time", "date": "a date"}
_ELSEWHERE = {"Protocol": "[a protocol](../protocols.md)"}
"""What has pages of its own."""


def table(schema: Json, root: Json) -> Iterator[str]:
    """The fields of an object; nothing where it has none."""
    if not schema.get("properties"):
        return
    yield from ("", "| field | what | |", "|---|---|---|")
    for name, field in schema["properties"].items():
        optional = name not in schema.get("required", ())
        yield f"| `{name}{'?' if optional else ''}` | {said(field, root)} | {_notes(field, optional)} |"


def parts(schema: Json) -> Iterator[tuple[str, Json]]:
    """The objects that occur within a message, by name, in the order in which they are met."""
    seen: dict[str, Json] = {}

    def walk(node: Any) -> None:
        if isinstance(node, list):
            for each in node:
                walk(each)
        if not isinstance(node, dict):
            return
        name = _target(node)
        if name and name not in seen and name not in _ELSEWHERE:
            seen[name] = schema["$defs"][name]
            walk(seen[name])
        for key, each in node.items():
            if key != "$defs":
                walk(each)

    walk(schema)
    yield from seen.items()


def said(schema: Any, root: Json) -> str:
    """In words what a value may be."""
    if schema is True or not schema:
        return "anything"
    if name := _target(schema):
        return _ELSEWHERE.get(name, f"[{name}](#{anchor(name)})")
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(said(option, root) for option in schema["anyOf"]))
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return "one of " + " ".join(f"`{value}`" for value in schema["enum"])
    match schema.get("type"):
        case "string":
            return _text(schema)
        case "integer" | "number" as kind:
            return ("a whole number" if kind == "integer" else "a number") + _bounds(schema)
        case "boolean":
            return "true or false"
        case "null":
            return "null"
        case "array":
            return f"a list of {_several(said(schema.get('items', {}), root))}{_count(schema)}"
        case "object":
            keys = schema.get("propertyNames", {})
            by = f"by one of {' '.join(f'`{it}`' for it in keys['enum'])}" if "enum" in keys else "by name"
            return f"an object: {by}, {said(schema.get('additionalProperties', {}), root)}"
    return "anything"


def anchor(title: str) -> str:
    """Where a heading is found on its page."""
    kept = (it for it in title.lower() if it.isalnum() or it in "-_ ")
    return "".join(kept).replace(" ", "-")


def _target(schema: Any) -> str:
    return str(schema["$ref"]).rpartition("/")[2] if isinstance(schema, dict) and "$ref" in schema else ""


def _text(schema: Json) -> str:
    if "format" in schema:
        return _FORMATS.get(schema["format"], f"a text ({schema['format']})")
    if "pattern" in schema:
        pattern = schema["pattern"].replace("|", "\\|")
        return _KNOWN.get(schema["pattern"], f"a text that matches `{pattern}`")
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if most:
        return f"a text of {least} to {most} characters"
    return "a text" + (" that is not empty" if least else "")


def _bounds(schema: Json) -> str:
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    return "".join(f" {word} {schema[key]}" for key, word in words.items() if key in schema)


def _count(schema: Json) -> str:
    if "maxItems" in schema:
        return f", {schema.get('minItems', 0)} to {schema['maxItems']}"
    return f", at least {schema['minItems']}" if schema.get("minItems") else ""


def _several(what: str) -> str:
    return what.removeprefix("an ").removeprefix("a ")


def _notes(field: Json, optional: bool) -> str:
    default = field.get("default")
    notes = ["personal"] if field.get("x-personal") else []
    if optional and default is not None and default not in ([], {}):
        notes.append(f"`{json.dumps(default, ensure_ascii=False)}` if left out")
    return ", ".join(notes)
