"""All scenarios of this directory, and what the two plays of one must have in common."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

from centralita.judging import Event
from centralita.scenarios import Scenario, ScenarioError, readable

HERE = Path(__file__).parent


@cache
def every() -> tuple[list[Scenario], list[ScenarioError]]:
    """The scenarios of all files, and what is wrong with those that cannot be read."""
    read = [each for file in sorted(HERE.glob("*.yaml")) for each in readable(file)]
    scenarios = [each for each in read if isinstance(each, Scenario)]
    wrong = [each for each in read if isinstance(each, ScenarioError)]
    wrong += [
        ScenarioError(f"{each.file}: {each.name}: shows no rule") for each in scenarios if not each.rules
    ]
    seen = dict[str, Scenario]()
    for each in scenarios:
        other = seen.setdefault(id_of(each), each)
        if other is not each:
            wrong.append(ScenarioError(f"{each.file}: {each.name}: called as one of {other.file}"))
    return scenarios, wrong


def id_of(scenario: Scenario) -> str:
    """R25-answered-a-millisecond-before-…"""
    return f"{next(iter(scenario.rules), '')}-{re.sub(r'[^a-z0-9]+', '-', scenario.name.lower()).strip('-')}"


def differing(first: list[Event], second: list[Event]) -> list[str]:
    """Where two plays of a scenario part ways: the aggregate and the two events, in short."""
    one, other = _by_aggregate(first), _by_aggregate(second)
    found = []
    for key in sorted(one.keys() | other.keys()):
        pairs = zip([*one[key], None], [*other[key], None], strict=False)
        found += [f"{key}: {a} / {b}" for a, b in pairs if a != b][:1]
    return found


def _by_aggregate(events: list[Event]) -> dict[str, list[Any]]:
    """What was recorded of each aggregate, but for keys, what they seal, and where in the inbox a rejected fact lay."""
    found = defaultdict[str, list[Any]](list)
    for event in events:
        if event.service != "centre":
            left_out = {"position", "kept", "sealed"} | ({"key"} if event.name == "key.kept" else set())
            data = {key: value for key, value in event.data.items() if key not in left_out}
            found[f"{event.service} {event.aggregate}"].append((event.name, data, event.time, event.place))
    return found
