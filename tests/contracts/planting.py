"""How changes are planted in a copy of the contract."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

Json = dict[str, Any]
Change = Callable[[Json], object]
TEXT = {"type": "string", "minLength": 1, "maxLength": 200}
OPTIONAL = {"anyOf": [TEXT, {"type": "null"}], "default": None}
GONE = object()


def schema(contract: Json, about: str) -> Json:
    """The schema of what is named like `call.offered`, `command tickets register` or `protocol`."""
    part, _, name = about.partition(" ")
    parts = {"command": "commands", "query": "queries", "answer": "answers", "headers": "headers"}
    if part in parts:
        found: Json = contract[parts[part]][name]
    elif part in ("protocol", "problem"):
        found = contract[part][part]
    else:
        entry = contract["recorded"][part]
        found = entry["versions"][str(entry["present"])]
    return found


def node(contract: Json, about: str, path: str, whole: bool = False) -> Json:
    """The schema of a field such as kinds.*.titles or phones[]; `whole`: with its null and its default."""
    root = found = schema(contract, about)
    for step in path.replace("[]", ".[]").split(".") if path else []:
        found = _seen(root, found)
        within = {"*": found.get("additionalProperties"), "[]": found.get("items")}
        found = within[step] if step in within else found["properties"][step]
    return found if whole else _seen(root, found)


def _seen(root: Json, found: Json) -> Json:
    if "$ref" in found:
        target: Json = root["$defs"][found["$ref"].rpartition("/")[2]]
        return target
    options = [it for it in found.get("anyOf", ()) if it != {"type": "null"}]
    return _seen(root, options[0]) if options else found


def put(about: str, path: str, whole: bool = False, /, **keywords: Any) -> Change:
    """Set keywords of a field's schema (`x_personal` for x-personal), or take them away with GONE."""

    def change(contract: Json) -> None:
        at = node(contract, about, path, whole)
        for key, value in keywords.items():
            key = key.replace("x_", "x-")
            if value is GONE:
                del at[key]
            else:
                at[key] = deepcopy(value)

    return change


def drop(about: str, path: str) -> Change:
    """Take a field away."""

    def change(contract: Json) -> None:
        within, _, name = path.rpartition(".")
        at = node(contract, about, within)
        del at["properties"][name]
        at["required"] = [it for it in at.get("required", ()) if it != name]

    return change


def add(about: str, path: str, field: Any = OPTIONAL, required: bool = False) -> Change:
    """Add a field."""

    def change(contract: Json) -> None:
        within, _, name = path.rpartition(".")
        at = node(contract, about, within)
        at["properties"][name] = deepcopy(field)
        if required:
            at.setdefault("required", []).append(name)

    return change


def need(about: str, path: str) -> Change:
    """Make a field required."""

    def change(contract: Json) -> None:
        within, _, name = path.rpartition(".")
        node(contract, about, within).setdefault("required", []).append(name)

    return change


def free(about: str, path: str) -> Change:
    """Require a field no longer."""

    def change(contract: Json) -> None:
        within, _, name = path.rpartition(".")
        node(contract, about, within)["required"].remove(name)

    return change


def cut(part: str, name: str) -> Change:
    """Take an entry of a part of the contract away."""
    return lambda contract: contract[part].pop(name)


def set_to(part: str, name: str, value: Any) -> Change:
    """Give an entry of a part of the contract, such as a subject, another value."""
    return lambda contract: contract[part].update({name: value})


def raised(about: str, *changes: Change, upcast: bool = True) -> Change:
    """A new version of a type, with an upcaster from the one before and these changes."""

    def change(contract: Json) -> None:
        entry = contract["recorded"][about]
        entry["present"] += 1
        entry["versions"][str(entry["present"])] = deepcopy(entry["versions"][str(entry["present"] - 1)])
        if upcast:
            entry["upcasts"].append(entry["present"] - 1)
        for each in changes:
            each(contract)

    return change


def all_of(*changes: Change) -> Change:
    """Several changes as one."""

    def change(contract: Json) -> None:
        for each in changes:
            each(contract)

    return change


def moved(contract: Json, about: str, key: str, value: str) -> None:
    """Give what is recorded another topic or owner."""
    contract["recorded"][about][key] = value
