"""What a schema says beyond what it takes: the fields, what is assumed for one left out, what is personal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from contracts.released.alternatives import Json
from contracts.released.containment import Difference, at


class Field(NamedTuple):
    """One place of a message: what is assumed if it is left out (`…` where it may not be), and its mark."""

    default: Any
    personal: bool


def fields(schema: Json) -> dict[str, list[Field]]:
    """Every field by its path; several where alternatives have one each."""
    found: dict[str, list[Field]] = {}
    for path, it in _fields(schema, schema, "", ()):
        found.setdefault(path, [])
        if it not in found[path]:
            found[path].append(it)
    return found


def gone(old: Json, new: Json) -> list[Difference]:
    """The fields that are no more; of what lay within them nothing is said."""
    before, now = fields(old), fields(new)
    lost = [path for path in before if path not in now]
    return [
        Difference(path, "is gone") for path in lost if not within(path, [it for it in lost if it != path])
    ]


def assumed(old: Json, new: Json) -> list[Difference]:
    """The fields for which something else is assumed where they are left out."""
    before, now = fields(old), fields(new)
    changed = []
    for path in before.keys() & now.keys():
        was = [it.default for it in before[path] if it.default is not ...]
        is_now = [it.default for it in now[path] if it.default is not ...]
        added = {other for other in now if other not in before}
        if was and is_now and not all(any(_follows(a, b, path, added) for b in is_now) for a in was):
            said = " or ".join(json.dumps(it, ensure_ascii=False) for it in was)
            changed.append(Difference(path, f"is no longer {said} where it is left out"))
    return sorted(changed)


def marked(old: Json, new: Json) -> list[Difference]:
    """The fields that are personal data now and were not."""
    before, now = fields(old), fields(new)
    return [
        Difference(path, "is personal data now: it may be sealed, and missing")
        for path, found in now.items()
        if path in before and _personal(found) and not _personal(before[path])
    ]


def unmarked(old: Json, new: Json) -> list[Difference]:
    """The fields that were personal data and are not any more."""
    return [Difference(path, "is personal data no longer: it is not sealed") for path, _ in marked(new, old)]


def within(path: str, others: list[str]) -> bool:
    """Whether a field is one of others, or lies within one."""
    return any(path == other or path.startswith((f"{other}.", f"{other}[")) for other in others)


def _fields(node: Any, root: Json, path: str, within: tuple[str, ...]) -> Iterator[tuple[str, Field]]:
    if not isinstance(node, dict):
        return
    reference = node.get("$ref")
    if reference is not None and reference not in within:
        target: Any = root
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
        yield from _fields(target, root, path, (*within, reference))
    for name, schema in node.get("properties", {}).items():
        here = at(path, name)
        default = ... if name in node.get("required", ()) else schema.get("default")
        yield here, Field(default, bool(schema.get("x-personal")))
        yield from _fields(schema, root, here, within)
    for key in ("anyOf", "oneOf", "allOf"):
        for option in node.get(key, ()):
            yield from _fields(option, root, path, within)
    yield from _fields(node.get("items"), root, f"{path}[]", within)
    yield from _fields(node.get("additionalProperties"), root, at(path, "*"), within)


def _follows(old: Any, new: Any, path: str, added: set[str]) -> bool:
    """Whether a default is what it was, but for fields that are new and have defaults of their own."""
    if isinstance(old, dict) and isinstance(new, dict):
        more = {at(path, name) for name in new.keys() - old.keys()}
        kept = (name in new and _follows(old[name], new[name], at(path, name), added) for name in old)
        return more <= added and all(kept)
    return json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)


def _personal(found: list[Field]) -> bool:
    return any(it.personal for it in found)
