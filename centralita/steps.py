"""The steps of a scenario: what each may say, and how times are told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import ValidationError

from contracts import registry
from contracts.base import Data

__all__ = ["ScenarioError", "Step", "local", "mapping", "moment", "read"]

SUBJECTS = ("call", "agent", "customer", "message", "ticket", "problem", "block", "about")
Verb = Literal["fact", "command", "query", "expect", "never", "order", "protocol", "clock"]
WORDS: Mapping[Verb, frozenset[str]] = {
    "fact": frozenset({"occurred", "rejected", "times", "id", "data"}),
    "command": frozenset({"refused", "as", "data"}),
    "query": frozenset({"answer", "refused", "as", "data"}),
    "expect": frozenset({"service", "count", "at_time", "contains", "as", "data"}),
    "never": frozenset({"service", "at_time", "contains", "data"}),
    "order": frozenset({"service"}),
    "protocol": frozenset({"refused"}),
    "clock": frozenset(),
}
"""The kinds of step and, beside `at` and whom it is about, the words of each that are not data."""


class ScenarioError(ValueError):
    """A scenario that cannot be read: the file, the scenario, the step, and what was expected there."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: `at` in UTC; `what` is a type, [service, verb], an order or a protocol; `data` its data."""

    number: int
    at: datetime
    verb: Verb
    what: Any
    about: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    words: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""


def read(number: int, told: Any, start: datetime) -> Step:
    given = dict(mapping(told, "a step"))
    if "at" not in given:
        raise ScenarioError("at: every step says when")
    at = moment(given.pop("at"), start, "at")
    # the first of these words says what is done: in what is expected others may be data, as in rule.violated
    verbs: list[Any] = [key for key in given if key in WORDS and key not in ("protocol", "clock")]
    verb: Verb = verbs[0] if verbs else "protocol" if "protocol" in given else "clock"
    what = given.pop(verb, None)
    words = {key: given.pop(key) for key in WORDS[verb] if key in given}
    extra = mapping(words.pop("data", None) or {}, "data")
    for key in ("occurred", "at_time"):
        if key in words:
            words[key] = moment(words[key], start, key)
    model = _model(verb, what)
    known = _fields(model)
    about = {
        key: str(given.pop(key))
        for key in SUBJECTS
        if given.get(key) is not None and _says_whom(verb, what, key)
    }
    if verb in ("order", "protocol", "clock"):
        known = set()
    lenient = "rejected" in words or ("refused" in words and verb in ("command", "query"))
    for keys in (given, {} if lenient else extra, words.get("contains") or {}):
        if unknown := sorted(set(map(str, keys)) - known):
            there = f"; there is {', '.join(sorted(known))}" if known else ""
            raise ScenarioError(f"{what or verb}: unknown key {', '.join(unknown)}{there}")
    step = Step(number, at, verb, what, about, {**given, **extra}, words, line(told))
    _check(step, model, lenient)
    return step


def _model(verb: Verb, what: Any) -> type[Data] | None:
    """The model of what a step's data must be; ScenarioError where there is no such type, command or query."""
    if verb in ("protocol", "clock"):
        return None
    if verb == "order":
        for each in what if isinstance(what, list) and what else [None]:
            name = next(iter(each)) if isinstance(each, dict) and len(each) == 1 else each
            if name not in registry.recorded_types():
                raise ScenarioError(f"order: {name!r} is no type of event")
        return None
    known: Mapping[Any, type[Data]] = registry.recorded_types()
    if verb == "fact":
        known = {name: model for facts in registry.FACTS.values() for name, model in facts.items()}
    elif verb in ("command", "query"):
        every = registry.COMMANDS if verb == "command" else registry.QUERIES
        known = {f"{service} {name}": model for service, its in every.items() for name, model in its.items()}
    if not isinstance(what, str) or what not in known:
        raise ScenarioError(f"{verb}: there is no {what!r}; one of {', '.join(sorted(known))} was expected")
    return known[what]


def _says_whom(verb: Verb, what: Any, key: str) -> bool:
    """Whether the key says whom a step is about."""
    return key == registry.topic_of(what) if verb == "fact" else verb in ("order", "expect", "never")


def _check(step: Step, model: type[Data] | None, lenient: bool) -> None:
    """ScenarioError where the words or the data of a step are not what they must be."""
    if step.verb == "fact" and not step.about:
        raise ScenarioError(f"expected {registry.topic_of(step.what)}: whom it is about")
    if step.verb == "order" and not step.about:
        raise ScenarioError("expected call: the call whose events are in order")
    if step.verb == "protocol":
        mapping(step.what, "protocol")
    count = step.words.get("count", 1)
    counts = count if isinstance(count, list) and len(count) == 2 else [count]
    if not all(type(each) is int for each in [*counts, step.words.get("times", 1)]):
        raise ScenarioError("expected a whole number (count: also [from, to])")
    if step.words.get("service", "sla") not in (*registry.SERVICES, registry.CENTRE):
        raise ScenarioError(f"service: expected one of {', '.join(registry.SERVICES)}")
    if model is None or lenient or step.verb not in ("fact", "command", "query"):
        return
    content = json.dumps(step.data, default=str, ensure_ascii=False)
    if "times" in step.words:
        content = content.replace("{n}", "1")
    if "${" in content:
        return
    try:
        model.model_validate_json(content, strict=step.verb == "fact", by_alias=True, by_name=False)
    except ValidationError as error:
        raise ScenarioError(f"{step.what}: {registry.unreadable(error)}") from None


def _fields(model: type[Data] | None) -> set[str]:
    return {it.alias or name for name, it in model.model_fields.items()} if model else set()


def mapping(told: Any, what: str, known: Iterable[str] | None = None) -> Mapping[str, Any]:
    if not isinstance(told, Mapping):
        raise ScenarioError(f"{what}: expected keys and values, found {told!r}")
    if known is not None and (unknown := sorted(set(map(str, told)) - set(known))):
        raise ScenarioError(f"{what}: unknown key {', '.join(unknown)}; there is {', '.join(sorted(known))}")
    return told


_CLOCK = re.compile(r"(?:(\d+):)?(\d+):([0-5]\d(?:\.\d{1,6})?)|(\d+(?:\.\d{1,6})?)")


def moment(told: Any, start: datetime, what: str = "time") -> datetime:
    """A time in UTC, told as h:mm:ss, m:ss or seconds after the start, or as a local one of its zone."""
    if (here := local(told)) is not None:
        return here.replace(tzinfo=start.tzinfo).astimezone(UTC)
    whole: float
    if isinstance(told, int | float) and not isinstance(told, bool):  # YAML reads 2:00 as 120
        whole = told
    elif isinstance(told, str) and (found := _CLOCK.fullmatch(told.strip())):
        hours, minutes, seconds, plain = found.groups(default="0")
        whole = int(hours) * 3600 + int(minutes) * 60 + float(seconds) + float(plain)
    else:
        raise ScenarioError(
            f"{what}: expected a time as 2:00.000, 1:30:00 or 2026-03-03 17:00, found {told!r}"
        )
    return start.astimezone(UTC) + timedelta(microseconds=round(whole * 1_000_000))


def local(told: Any) -> datetime | None:
    """A date with a time, without a zone; None where it is none."""
    if isinstance(told, str) and re.match(r"\d{4}-\d\d-\d\d[ T]\d", told):
        try:
            told = datetime.fromisoformat(told)
        except ValueError:
            return None
    return told if isinstance(told, datetime) and told.tzinfo is None else None


def line(told: Any) -> str:
    """A step as it was written, or nearly so."""
    return json.dumps(told, default=str, ensure_ascii=False).replace('"', "")
