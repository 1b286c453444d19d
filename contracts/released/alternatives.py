"""A JSON Schema as the alternatives that it stands for, each of one type or an enumeration."""

from __future__ import annotations

import json
import math
import re
from typing import Any

Json = dict[str, Any]
Schema = Json | bool

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
NOTES = frozenset(
    {"title", "description", "default", "examples", "x-personal", "deprecated", "readOnly", "writeOnly"}
    | {"$schema", "$defs", "$comment", "$id", "discriminator"}
)
"""Keywords that keep no document out."""
BY_TYPE = {
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "string": {"minLength", "maxLength", "pattern", "format"},
    "array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems"},
    "object": {"properties", "required", "additionalProperties", "propertyNames", "minProperties", "maxProperties"},
}  # fmt: skip
BY_TYPE["integer"] = BY_TYPE["number"]
"""The keywords that are compared, by the type that they are about."""


class Undecided(Exception):
    """A schema says something that is not compared here."""


def branches(schema: Schema, root: Json) -> list[Json]:
    """The alternatives of a schema, with what it refers to within `root`; raises Undecided."""
    if isinstance(schema, bool):
        schema = {} if schema else {"enum": []}
    schema = {key: value for key, value in schema.items() if key not in NOTES}
    for key, parts in (("$ref", [schema.get("$ref")]), ("allOf", schema.get("allOf", []))):
        if key in schema:
            return branches(_merged(key, parts, schema, root), root)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            if len(schema) > 1 or (key == "oneOf" and not _disjoint(schema[key], root)):
                raise Undecided(key)
            return [branch for option in schema[key] for branch in branches(option, root)]
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    rest = {key: value for key, value in schema.items() if key not in ("const", "enum")}
    kinds = schema.get("type", TYPES)
    each = [{**rest, "type": kind} for kind in ([kinds] if isinstance(kinds, str) else kinds)]
    if values is not None:
        return [{"enum": [value for value in values if any(takes(it, value) for it in each)]}]
    few: Json = {"null": [None], "boolean": [False, True]}
    return [{"enum": few[it["type"]]} if it["type"] in few else it for it in each]


def _merged(key: str, parts: list[Any], schema: Json, root: Json) -> Json:
    """What stands beside a reference (or a lone allOf) and what it leads to, as one."""
    rest = {name: value for name, value in schema.items() if name != key}
    target = _resolved(parts[0], root) if key == "$ref" else parts[0]
    if len(parts) != 1 or not isinstance(target, dict):
        raise Undecided(key)
    target = {name: value for name, value in target.items() if name not in NOTES}
    if any(target[name] != rest[name] for name in target.keys() & rest.keys()):
        raise Undecided(key)
    return target | rest


def takes(branch: Json, value: Any) -> bool:
    """Whether a branch takes a value; of an array or object, or by a format, only if it is enumerated."""
    if "enum" in branch:
        return any(_same(value, it) for it in branch["enum"])
    kind, wanted = _type(value), branch["type"]
    if kind != wanted and not (kind == "integer" and wanted == "number"):
        return False
    if branch.keys() - {"type"} - BY_TYPE.get(wanted, set()):
        return False
    match value:
        case bool() | None:
            return True
        case str():
            long_enough = branch.get("minLength", 0) <= len(value) <= branch.get("maxLength", math.inf)
            fits = "pattern" not in branch or re.search(branch["pattern"], value) is not None
            return long_enough and fits and "format" not in branch
        case int() | float():
            within = lower(branch, False) <= (value, False) and (value, True) <= upper(branch, False)
            return within and "multipleOf" not in branch
    return not branch.keys() - {"type"}


def lower(schema: Json, whole: bool) -> tuple[float, bool]:
    """The least number, and whether it is itself left out; in whole numbers that is never needed."""
    least, above = schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf)
    if whole and above > -math.inf:
        return max((least, False), (math.floor(above) + 1, False))
    return max((least, False), (above, True))


def upper(schema: Json, whole: bool) -> tuple[float, bool]:
    """The greatest number, and whether it is itself taken."""
    most, below = schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf)
    if whole and below < math.inf:
        return min((most, True), (math.ceil(below) - 1, True))
    return min((most, True), (below, False))


def _resolved(reference: str, root: Json) -> Any:
    target: Any = root
    for part in reference.removeprefix("#/").split("/"):
        target = target[part]
    return target


def _disjoint(options: list[Schema], root: Json) -> bool:
    """Whether a required field tells the alternatives apart, so that one of them is any of them."""
    seen: list[tuple[str, Any]] = []
    for option in options:
        for branch in branches(option, root):
            fields = branch.get("properties", {})
            fixed = {
                (n, json.dumps(fields[n]["const"]))
                for n in branch.get("required", ())
                if "const" in fields.get(n, {})
            }
            if not fixed:
                return False
            seen.extend(fixed)
    return len(set(seen)) == len(seen) and len({name for name, _ in seen}) == 1


def _type(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return "integer"
    kinds = {
        bool: "boolean",
        type(None): "null",
        int: "integer",
        float: "number",
        str: "string",
        list: "array",
    }
    return kinds.get(type(value), "object")


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
