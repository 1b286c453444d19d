"""Scenarios: what happens in a centre and what must then be on its log, read from YAML and checked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import ValidationError

import protocols
from centralita.shapes import merged
from centralita.short import START
from centralita.steps import ScenarioError, Step, line, local, mapping
from centralita.steps import read as step_of
from contracts import registry
from contracts.protocol import PLAIN, Protocol

__all__ = ["RULES", "Scenario", "ScenarioError", "load", "protocol_of", "readable"]

RULES = frozenset(f"R{number:02}" for number in range(1, 77))


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story: the rules it shows, the protocol of its centre as data, when it starts, and its steps."""

    file: str
    name: str
    rules: tuple[str, ...]
    protocol: Mapping[str, Any]
    start: datetime
    steps: tuple[Step, ...]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML in which a key that stands twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise yaml.constructor.ConstructorError(
                None, None, f"{', '.join(sorted(map(str, twice)))} stands twice", node.start_mark
            )
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


def load(file: Path) -> list[Scenario]:
    """The scenarios of a file; ScenarioError says what is wrong with the first that cannot be read."""
    found = list[Scenario]()
    for each in readable(file):
        if isinstance(each, ScenarioError):
            raise each
        found.append(each)
    return found


def readable(file: Path) -> Iterator[Scenario | ScenarioError]:
    """The scenarios of a file, and in the place of each that cannot be read what is wrong with it."""
    try:
        told = yaml.load(file.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        yield ScenarioError(f"{file}: {error.strerror}")
        return
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        yield ScenarioError(f"{file}: expected YAML: {' '.join(str(error).split())}")
        return
    if not isinstance(told, list):
        yield ScenarioError(f"{file}: expected a list of scenarios, found {type(told).__name__}")
        return
    names = set[str]()
    for number, each in enumerate(told, start=1):
        name = each.get("scenario") if isinstance(each, dict) else None
        try:
            scenario = _scenario(str(file), each)
            if scenario.name in names:
                raise ScenarioError("expected a name of its own: another scenario is called so")
        except ScenarioError as error:
            yield ScenarioError(f"{file}: {name or f'scenario {number}'}: {error}")
            continue
        names.add(scenario.name)
        yield scenario


def _scenario(file: str, told: Any) -> Scenario:
    told = mapping(told, "a scenario", {"scenario", "rules", "centre", "with", "start", "steps"})
    for key in ("scenario", "centre"):
        if not isinstance(told.get(key), str) or not told[key].strip():
            raise ScenarioError(f"{key}: expected a text, found {told.get(key)!r}")
    rules = told.get("rules", [])
    if not isinstance(rules, list) or not (rules or "rules" not in told):
        raise ScenarioError(f"rules: expected a list of ids as R25, found {rules!r}")
    if unknown := [rule for rule in rules if rule not in RULES]:
        raise ScenarioError(f"rules: there is no {', '.join(map(str, unknown))}; R01 to R76 was expected")
    try:
        data = merged(_protocol(told["centre"], Path(file).parent), mapping(told.get("with") or {}, "with"))
        zone = ZoneInfo(protocol_of(data).timezone)
    except protocols.ProtocolError as error:
        raise ScenarioError(f"centre: {error}") from None
    start = local(told.get("start", START))
    if start is None:
        raise ScenarioError(f"start: expected a local time as {START}, found {told.get('start')!r}")
    start = start.replace(tzinfo=zone)
    steps = told.get("steps")
    if not isinstance(steps, list) or not steps:
        raise ScenarioError("steps: expected a list of steps")
    read, now = list[Step](), start.astimezone(UTC)
    for number, each in enumerate(steps, start=1):
        try:
            step = step_of(number, each, start)
            if step.at < now:
                raise ScenarioError("at: time runs backwards")
        except ScenarioError as error:
            raise ScenarioError(f"step {number} {line(each)}: {error}") from None
        now = step.at
        read.append(step)
    return Scenario(file, told["scenario"], tuple(rules), data, start, tuple(read))


@cache
def _protocol(name: str, beside: Path) -> Mapping[str, Any]:
    """A protocol that ships, or the file of one, where it is not absolute beside the scenario."""
    shipped = name in protocols.names()
    found = PLAIN if name == PLAIN.name else protocols.load(name if shipped else beside / name)
    return found.model_dump(mode="json", by_alias=True, exclude_unset=True)


def protocol_of(data: Mapping[str, Any]) -> Protocol:
    """The protocol that the data are; ScenarioError names the key that is wrong."""
    try:
        return Protocol.model_validate_json(json.dumps(data, default=str))
    except ValidationError as error:
        raise ScenarioError(f"protocol: {registry.unreadable(error)}") from None
