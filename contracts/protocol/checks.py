"""What must fit together in a protocol beyond each value on its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING

from contracts.protocol.callers import Line, Wording
from contracts.protocol.errors import unknown
from contracts.protocol.scripts import PLACEHOLDERS, SCRIPT_KEYS, is_script
from contracts.wording import places

if TYPE_CHECKING:
    from contracts.protocol import Protocol

_DIALLED = re.compile(r"\+[0-9]+")


def complaints(protocol: Protocol) -> Iterator[str]:
    """Everything that does not fit together, each as "key: expected …, found …"; rows count from 1."""
    yield from _routing(protocol)
    yield from _lines(protocol)
    yield from _times(protocol)
    yield from _lists(protocol)
    yield from _scripts(protocol)


def _meant(protocol: Protocol) -> dict[str, set[str]]:
    """Which categories each queue is for, by the table of queues and by the rows that name it."""
    meant: dict[str, set[str]] = {queue: set(what) for queue, what in protocol.queues.items()}
    for row in protocol.routing:
        for queue in row.queues:
            meant.setdefault(queue, set()).update(row.categories)
    return meant


def _routing(protocol: Protocol) -> Iterator[str]:
    for number, row in enumerate(protocol.routing, start=1):
        yield from _known(f"routing.{number}.kinds", row.kinds, protocol.kinds)
        yield from _queues(protocol, f"routing.{number}.queues", row.queues)
    for desk, shares in protocol.shares.items():
        if (total := sum(shares.values())) != 100:
            yield f"shares.{desk}: expected shares that add up to 100, found {total}"


def _lines(protocol: Protocol) -> Iterator[str]:
    for number, line in enumerate(protocol.lines, start=1):
        yield from _queues(protocol, f"lines.{number}.queues", line.queues)
        yield from (f"lines.{number}.{wrong}" for wrong in _line(protocol, line))
    yield from _twice("lines", (f"{line.number} since {line.since}" for line in protocol.lines))


def _line(protocol: Protocol, line: Line) -> Iterator[str]:
    """R57: what a line is not for must not be led to from it, and has another number."""
    if not _DIALLED.fullmatch(line.number):
        yield f"number: expected + and digits as +34902, found {line.number!r}"
    never = set[str](line.never)
    if line.line == "sales_only" and "after_sales" not in never:
        yield f"never: R57: expected 'after_sales' among them as {line.number} is for sales only, found none"
        never.add("after_sales")
    for queue, what in _meant(protocol).items():
        if (not line.queues or queue in line.queues) and (wrong := sorted(never & what)):
            reached = f"{queue!r}" if line.queues else f"none named, so all, and {queue!r} is one"
            yield (
                f"queues: R57: expected no queue for {', '.join(wrong)} on {line.number} ({line.line}),"
                f" found {reached}"
            )
    if never and line.instead is None:
        yield f"instead: expected the number for callers about {', '.join(sorted(never))}, found nothing"
    other = protocol.line_of(line.instead, date.max)
    if other and (wrong := sorted(never & set(other.never))):
        yield f"instead: R57: expected a number for {', '.join(wrong)}, found {line.instead!r}"


def _times(protocol: Protocol) -> Iterator[str]:
    limits = protocol.limits
    if limits.hold_s and limits.hold_warning_s and limits.hold_warning_s >= limits.hold_s:
        yield f"limits.hold_warning_s: expected less than hold_s, found {limits.hold_warning_s:g}"
    for number, promise in enumerate(protocol.promises, start=1):
        key = f"promises.{number}"
        if promise.calendar is not None:
            yield from _known(f"{key}.calendar", [promise.calendar], protocol.calendars)
        if (promise.within_s is None) == (promise.end_of is None):
            yield f"{key}: expected either within_s or end_of, found {'both' if promise.end_of else 'neither'}"
        if promise.end_of and promise.calendar is None:
            yield f"{key}.calendar: expected one, for the end of a {promise.end_of}, found nothing"
    yield from _twice("promises", (promise.name for promise in protocol.promises))
    for number, target in enumerate(protocol.targets, start=1):
        yield from _queues(protocol, f"targets.{number}.queues", target.queues)
    for number, watched in enumerate(protocol.watched, start=1):
        if watched.figure == "answer_rate" and watched.bound > 1:
            yield f"watched.{number}.bound: expected a share of at most 1, found {watched.bound:g}"


def _lists(protocol: Protocol) -> Iterator[str]:
    for category, departments in protocol.cases.follow_up_departments.items():
        if protocol.departments:
            yield from _known(f"cases.follow_up_departments.{category}", departments, protocol.departments)
    if protocol.asks_for is not None:
        yield from _known("asks_for", protocol.asks_for, _personal_fields())


def _scripts(protocol: Protocol) -> Iterator[str]:
    for key in protocol.scripts:
        if not is_script(key):
            yield f"scripts.{key}: {unknown(key, sorted(SCRIPT_KEYS))}"
    filled = {f"scripts.{key}": wording for key, wording in protocol.scripts.items()}
    filled |= {f"next_steps.{key}": wording for key, wording in protocol.next_steps.items()}
    spoken = {f"departments.{key}": wording for key, wording in protocol.departments.items()}
    spoken |= {"buying_channels": protocol.buying_channels}
    spoken |= {f"dossiers.{key}.summary": dossier.summary for key, dossier in protocol.dossiers.items()}
    for where, text in _texts(filled):
        yield from _known(where, sorted(places(text)), PLACEHOLDERS)
    for where, text in _texts(filled | spoken):
        for rule, phrase in protocol.forbids("script", text):
            yield f"{where}: expected wording that {rule} allows, found {phrase!r}"


def _texts(wordings: Mapping[str, Wording]) -> Iterator[tuple[str, str]]:
    for key, wording in wordings.items():
        yield from ((f"{key}.{language}", text) for language, text in wording.items())


def _queues(protocol: Protocol, key: str, queues: Iterable[str]) -> Iterator[str]:
    return _known(key, queues, protocol.queues) if protocol.queues else iter(())


def _known(key: str, found: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    there = sorted(known)
    yield from (f"{key}: {unknown(each, there)}" for each in found if each not in there)


def _twice(key: str, names: Iterable[str]) -> Iterator[str]:
    many = ((name, count) for name, count in Counter(names).items() if count > 1)
    yield from (f"{key}: expected each once, found {name!r} {count} times" for name, count in many)


def _personal_fields() -> list[str]:
    from contracts.names import FACTS  # not at the top: events carry a protocol

    return [
        f"{name}.{field.alias or attribute}"
        for facts in FACTS.values()
        for name, kind in facts.items()
        for attribute, field in kind.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("x-personal")
    ]
