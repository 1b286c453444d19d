"""Documents that a schema takes, and schemas changed at random."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

Json = dict[str, Any]
WORDS = [
    "",
    "a",
    "es",
    "ES",
    "R13",
    "ana@b.es",
    "+34 600 555 101",
    "08:00-24:00",
    "2026-02-02",
    "0f" * 32,
    "sales",
]
TIMES = {"date-time": ["2026-02-02T08:00:00Z"], "date": ["2026-02-02"]}
BOUNDS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
)


class Impossible(Exception):
    """No document of the schema is known."""


def document(schema: Any, root: Json, random: Random) -> Any:
    """A document of the schema, often one at its bounds; raises Impossible."""
    if isinstance(schema, bool):
        if not schema:
            raise Impossible
        schema = {}
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return document(random.choice(schema["anyOf"]), root, random)
    if "const" in schema or "enum" in schema:
        return random.choice([schema["const"]] if "const" in schema else schema["enum"] or [Impossible])
    kinds = schema.get("type", ["null", "boolean", "integer", "string"])
    match kinds if isinstance(kinds, str) else random.choice(kinds):
        case "null":
            return None
        case "boolean":
            return random.random() < 0.5
        case "integer" | "number" as kind:
            return _number(schema, kind == "integer", random)
        case "string":
            return _text(schema, random)
        case "array":
            most = min(schema.get("maxItems", 3), 25)
            count = random.choice([schema.get("minItems", 0), most])
            return [document(schema.get("items", {}), root, random) for _ in range(count)]
        case _:
            return _object(schema, root, random)


def changed(schema: Json, random: Random) -> Json:
    """The schema with something about it changed, in one place or two."""
    copy = deepcopy(schema)
    for _ in range(random.choice([1, 1, 2])):
        _change(random.choice(list(_nodes(copy))), random)
    return copy


def tolerant(schema: Any) -> Any:
    """The schema of one who passes over fields that it does not name."""
    if isinstance(schema, dict):
        kept = {k: it for k, it in schema.items() if (k, it) != ("additionalProperties", False)}
        return {k: tolerant(it) for k, it in kept.items()}
    return [tolerant(it) for it in schema] if isinstance(schema, list) else schema


def _number(schema: Json, whole: bool, random: Random) -> float:
    step = 1 if whole else 0.25
    least = schema.get("minimum", schema.get("exclusiveMinimum", -5 - step) + step)
    most = schema.get("maximum", schema.get("exclusiveMaximum", least + 7 + step) - step)
    found: float = random.choice([least, most, (least + most) // 2 if whole else (least + most) / 2])
    if least > most or (whole and not float(found).is_integer()):
        raise Impossible
    return int(found) if whole else found


def _text(schema: Json, random: Random) -> str:
    least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    pool = TIMES.get(schema.get("format", ""), [*WORDS, "x" * least, "x" * int(min(most, least + 9000))])
    pool = [it for it in pool if least <= len(it) <= most and re.search(schema.get("pattern", ""), it)]
    if not pool:
        raise Impossible
    return random.choice(pool)


def _object(schema: Json, root: Json, random: Random) -> Json:
    made = {}
    for name, field in schema.get("properties", {}).items():
        if name in schema.get("required", ()) or random.random() < 0.5:
            made[name] = document(field, root, random)
    rest = schema.get("additionalProperties", True)
    for _ in range(random.choice([0, 1]) if rest is not False else 0):
        name = document({"type": "string"} | schema.get("propertyNames", {}), root, random)
        if name not in schema.get("properties", {}):
            made[name] = document(rest, root, random)
    if schema.get("required", []) and not set(schema["required"]) <= made.keys():
        raise Impossible
    return made


def _nodes(schema: Any) -> Iterator[Json]:
    if not isinstance(schema, dict):
        return
    yield schema
    for key in ("properties", "$defs"):
        for each in schema.get(key, {}).values():
            yield from _nodes(each)
    for each in (*schema.get("anyOf", ()), schema.get("items"), schema.get("additionalProperties")):
        yield from _nodes(each)


def _change(node: Json, random: Random) -> None:
    bounds = [key for key in BOUNDS if key in node]
    if bounds and random.random() < 0.7:
        key = random.choice(bounds)
        node[key] += random.choice([-1, 1])
    elif "enum" in node:
        node["enum"] = random.choice([node["enum"][1:] or ["x"], [*node["enum"], "a"]])
    elif "properties" in node and random.random() < 0.8:
        _change_object(node, random)
    elif "anyOf" in node:
        node["anyOf"] = random.choice(
            [node["anyOf"][:1], node["anyOf"][1:] or node["anyOf"], [*node["anyOf"], {"type": "integer"}]]
        )
    elif random.random() < 0.5 and {"pattern", "format", "items", "propertyNames"} & node.keys():
        node.pop(next(key for key in ("pattern", "format", "items", "propertyNames") if key in node))
    else:
        kind = random.choice(
            ["string", "integer", "number", "boolean", "null", "array", ["integer", "string"]]
        )
        node.pop("$ref", None)
        node.pop("anyOf", None)
        node["type"] = kind


def _change_object(node: Json, random: Random) -> None:
    names, needed = list(node["properties"]), list(node.get("required", ()))
    match random.randrange(5):
        case 0 if names:
            name = random.choice(names)
            del node["properties"][name]
            node["required"] = [it for it in needed if it != name]
        case 1:
            node["properties"]["added"] = {"type": "string"}
        case 2 if names:
            node["required"] = [*needed, random.choice(names)]
        case 3 if needed:
            node["required"] = needed[1:]
        case _:
            node["additionalProperties"] = random.choice([True, False, {"type": "string"}])
