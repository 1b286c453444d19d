"""Data of events and protocols: whether it is as expected, and how it is changed in depth. Imports nothing of ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

__all__ = ["Moment", "fits", "holds", "merged"]

Moment = Callable[[Any], datetime | None]
"""Reads a time as it is told by whoever expects it; None where it is none."""


def fits(expected: Any, found: Any, moment: Moment) -> bool:
    """Whether it is what was expected: maps as far as given, lists whole, times however they are told."""
    match expected, found:
        case Mapping(), Mapping():
            return all(fits(value, found.get(key), moment) for key, value in expected.items())
        case list() | tuple(), list():
            pairs = zip(expected, found, strict=False)
            return len(expected) == len(found) and all(fits(one, other, moment) for one, other in pairs)
        case bool(), _:
            return expected is found
        case ((int() | float()), (int() | float())):
            return not isinstance(found, bool) and expected == found
        case _, str() if expected != found and re.match(r"\d{4}-\d\d-\d\dT\d", found):
            told = moment(expected)
            return told is not None and told == datetime.fromisoformat(found)
        case int(), str():  # an id such as 42 without its quotes
            return str(expected) == found
    return bool(expected == found)


def holds(part: Any, found: Any, moment: Moment) -> bool:
    """Whether a text holds this part, or a list such an element."""
    if isinstance(found, str):
        return str(part) in found
    return isinstance(found, list) and any(fits(part, each, moment) for each in found)


def merged(data: Any, changes: Any) -> Any:
    """The data with the changes merged in depth: maps by key, None takes a key away, all else is replaced."""
    if not isinstance(data, Mapping) or not isinstance(changes, Mapping):
        return changes
    kept = {key: value for key, value in data.items() if key not in changes}
    return kept | {k: merged(data.get(k), change) for k, change in changes.items() if change is not None}
