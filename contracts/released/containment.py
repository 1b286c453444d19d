"""Whether all that one JSON Schema takes is taken by another: where not, at which field, and what would not be.

Never a wrong yes for the keywords that pydantic writes; what cannot be decided is told as a difference.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from contracts.released.alternatives import (
    BY_TYPE,
    NOTES,
    Json,
    Schema,
    Undecided,
    branches,
    lower,
    takes,
    upper,
)


class Difference(NamedTuple):
    """At `path`, a field such as slots.mon[], what is given `may be` what is not taken."""

    path: str
    what: str


@dataclass(slots=True)
class Containment:
    """Compares what is `given` with what is `taken`; `passing`: the taker passes over fields that it does not know."""

    given: Json
    taken: Json
    passing: bool = False
    _assumed: set[tuple[str, str]] = field(default_factory=set)

    def differences(self) -> list[Difference]:
        """All that may be given and is not taken; none if nothing."""
        return list(dict.fromkeys(self._schema(self.given, self.taken, "")))

    def _schema(self, given: Schema, taken: Schema, path: str) -> Iterator[Difference]:
        if taken is True or (isinstance(taken, dict) and not taken.keys() - NOTES):
            return
        yield from self._union(given, taken, path)

    def _union(self, given: Schema, taken: Schema, path: str) -> Iterator[Difference]:
        try:
            from_here, to_there = branches(given, self.given), branches(taken, self.taken)
        except Undecided as reason:
            if not (given == taken and self.given.get("$defs") == self.taken.get("$defs")):
                yield Difference(path, f"be what cannot be compared here ({reason})")
            return
        for branch in from_here:
            if "enum" in branch:
                lost = [value for value in branch["enum"] if not any(takes(it, value) for it in to_there)]
                if lost:
                    yield Difference(path, "be " + " or ".join(map(_said, lost)))
                continue
            alike = [it for it in to_there if _alike(branch, it)]
            if not alike:
                yield Difference(path, f"be any {_NAMES[branch['type']]}")
                continue
            against = [list(self._branch(branch, it, path)) for it in alike]
            if all(against):
                yield from min(against, key=len)

    def _branch(self, given: Json, taken: Json, path: str) -> Iterator[Difference]:
        for keyword in taken.keys() - NOTES - {"type"} - BY_TYPE.get(taken["type"], set()):
            if given.get(keyword) != taken[keyword]:
                yield Difference(path, f"be what cannot be compared here ({keyword})")
        match given["type"]:
            case "integer" | "number":
                yield from _numbers(given, taken, path)
            case "string":
                yield from _strings(given, taken, path)
            case "array" | "object" as kind:
                pair = (json.dumps(given, sort_keys=True), json.dumps(taken, sort_keys=True))
                if pair in self._assumed:
                    return  # a schema that contains itself is contained if nothing else is against it
                self._assumed.add(pair)
                found = list((self._arrays if kind == "array" else self._objects)(given, taken, path))
                if found:
                    self._assumed.discard(pair)
                yield from found

    def _arrays(self, given: Json, taken: Json, path: str) -> Iterator[Difference]:
        yield from _bounds(given, taken, path, "Items", "items")
        if taken.get("uniqueItems") and not given.get("uniqueItems"):
            yield Difference(path, "have the same item twice")
        first, second = given.get("prefixItems", []), taken.get("prefixItems", [])
        for place in range(max(len(first), len(second))):
            if place < given.get("maxItems", math.inf):
                one = first[place] if place < len(first) else given.get("items", True)
                other = second[place] if place < len(second) else taken.get("items", True)
                yield from self._schema(one, other, f"{path}[{place}]")
        if max(len(first), len(second)) < given.get("maxItems", math.inf):
            yield from self._schema(given.get("items", True), taken.get("items", True), f"{path}[]")

    def _objects(self, given: Json, taken: Json, path: str) -> Iterator[Difference]:
        mine, theirs = given.get("properties", {}), taken.get("properties", {})
        rest, other = given.get("additionalProperties", True), taken.get("additionalProperties", True)
        always, wanted = set(given.get("required", ())), set(taken.get("required", ()))
        for name in sorted(wanted - always):
            yield Difference(at(path, name), "be missing")
        for name in [*mine, *(name for name in theirs if name not in mine)]:
            one = mine.get(name, rest)
            if one is False or (name not in theirs and other is False and self.passing):
                continue
            if name not in theirs and other is False:
                yield Difference(at(path, name), "be there")
            else:
                yield from self._schema(one, theirs.get(name, other), at(path, name))
        if rest is not False and not (other is False and self.passing):
            yield from self._schema(rest, other, at(path, "*"))
        if "propertyNames" in taken:
            text = {"type": "string"}
            names = {"enum": list(mine)} if rest is False else text | given.get("propertyNames", {})
            for it in self._schema(names, text | taken["propertyNames"], path):
                yield Difference(path, f"have a name that may {it.what}")
        known = {"minProperties": len(always)} | ({"maxProperties": len(mine)} if rest is False else {})
        yield from _bounds(known | given, taken, path, "Properties", "fields")


def _numbers(given: Json, taken: Json, path: str) -> Iterator[Difference]:
    whole = given["type"] == "integer"
    if not whole and taken["type"] == "integer":
        yield Difference(path, "be a number that is not whole")
        return
    least, most = lower(taken, whole), upper(taken, whole)
    if lower(given, whole) < least:
        yield Difference(path, f"be less than {_said(least[0])}")
    if upper(given, whole) > most:
        yield Difference(path, f"be more than {_said(most[0])}")
    if "multipleOf" in taken:
        step = Fraction(str(given.get("multipleOf", 1 if whole else 0)))
        if not step or step % Fraction(str(taken["multipleOf"])):
            yield Difference(path, f"be no multiple of {taken['multipleOf']}")


def _strings(given: Json, taken: Json, path: str) -> Iterator[Difference]:
    yield from _bounds(given, taken, path, "Length", "characters")
    for keyword in ("pattern", "format"):
        wanted, found = taken.get(keyword), given.get(keyword)
        if wanted is not None and found is None:
            yield Difference(path, f"be of another {keyword} than {wanted}")
        elif wanted is not None and found != wanted:
            unsure = " (whether it can is not decided here)" if keyword == "pattern" else ""
            yield Difference(path, f"be of {keyword} {found}, and so of another than {wanted}{unsure}")


def _bounds(given: Json, taken: Json, path: str, of: str, unit: str) -> Iterator[Difference]:
    least, most = taken.get(f"min{of}", 0), taken.get(f"max{of}", math.inf)
    if given.get(f"min{of}", 0) < least:
        yield Difference(path, f"have fewer than {least} {unit}")
    if given.get(f"max{of}", math.inf) > most:
        yield Difference(path, f"have more than {most} {unit}")


def _alike(given: Json, taken: Json) -> bool:
    """Whether an alternative is the one to compare with: of the same type, and not told apart by a fixed field."""
    kinds = {given["type"], taken.get("type", "")}
    mine, theirs = given.get("properties", {}), taken.get("properties", {})
    fixed = [(mine[name], theirs[name]) for name in mine.keys() & theirs.keys()]
    apart = any("const" in a and "const" in b and a["const"] != b["const"] for a, b in fixed if a and b)
    return (len(kinds) == 1 or kinds == {"integer", "number"}) and not apart


def _said(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


_NAMES = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "array": "list",
    "object": "object",
}
