"""Two contracts compared: what breaks for those who keep to the older one, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from contracts.released import meaning
from contracts.released.containment import Containment, Difference

Json = dict[str, Any]

NEW_VERSION = (
    "make a new version of it, with an entry in contracts/registry.py UPCASTS that lifts the one before"
)
BESIDE = "leave it as it was and add a field beside it (in a new version) or a new type"
KEEP = "leave it as it was, or offer another beside it"


class Break(NamedTuple):
    """Something that breaks: where (a type, and a field of it), why, and what to do instead."""

    about: str
    field: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.about}: {self.field + ' ' if self.field else ''}{self.why}; {self.remedy}"


def breaks(old: Json, new: Json) -> list[Break]:
    """All that breaks for whoever keeps to the contract `old` while the services keep to `new`."""
    found = [*_fixed(old, new), *_recorded(old, new)]
    for part in ("commands", "queries", "protocol"):
        found += _each(part, old, new, _asked)
    for part in ("answers", "problem"):
        found += _each(part, old, new, _told)
    found += _each("headers", old, new, _headers)
    return list(dict.fromkeys(found))


def _fixed(old: Json, new: Json) -> Iterator[Break]:
    """Names that others have written down: subjects, streams, topics, ids, kinds of problems, resources."""
    for part in ("subjects", "ids", "topics", "problems", "http"):
        for name, was in old[part].items():
            now = new[part].get(name)
            if now != was:
                why = f"was {_said(was)} and is " + ("gone" if now is None else f"{_said(now)} now")
                yield Break(f"{part} {name}", "", why, KEEP)


def _recorded(old: Json, new: Json) -> Iterator[Break]:
    for name, was in old["recorded"].items():
        now = new["recorded"].get(name)
        if now is None:
            yield Break(
                name, "", "is gone: what is published or recorded of it cannot be read any more", KEEP
            )
            continue
        for key in ("topic", "of"):
            if was.get(key) != now.get(key):
                yield Break(name, "", f"was of {was.get(key)} and is of {now.get(key)} now", KEEP)
        for version, schema in was["versions"].items() if was != now else ():
            yield from _version(f"{name}.v{version}", int(version), schema, now)


def _version(about: str, version: int, schema: Json, now: Json) -> Iterator[Break]:
    present, versions = now["present"], now["versions"]
    if version > present:
        yield Break(about, "", f"has been released, and the present version is {present}", KEEP)
        return
    kept = versions.get(str(version))
    if kept is None:
        yield Break(about, "", "has no schema any more", "put back the one that was released")
        return
    for step in range(version, present):
        if step not in now["upcasts"]:
            yield Break(about, "", f"is lifted no further than version {step}", NEW_VERSION)
    news = versions[str(present)]
    lasting = {it.path for it in _readers(schema, news)}
    for it in (*_forth(schema, kept), *_back(schema, kept), *_meant(schema, kept)):
        yield Break(about, it.path, it.what, BESIDE if it.path in lasting else NEW_VERSION)
    if present > version:
        for it in _readers(schema, news):
            yield Break(about, it.path, f"{it.what} (as of version {present})", BESIDE)


def _asked(about: str, was: Json, now: Json) -> Iterator[Break]:
    """Others write, we read: what was taken must be taken, and mean the same."""
    for it in (*_forth(was, now), *meaning.assumed(was, now), *meaning.unmarked(was, now)):
        yield Break(about, it.path, it.what, KEEP)


def _told(about: str, was: Json, now: Json) -> Iterator[Break]:
    """We write, others read and pass over what they do not know: what was there must be there as it was."""
    lost = meaning.gone(was, now)
    others = [it for it in _readers(was, now) if not meaning.within(it.path, [each.path for each in lost])]
    for it in (*lost, *others):
        yield Break(about, it.path, it.what, KEEP)


def _headers(about: str, was: Json, now: Json) -> Iterator[Break]:
    """Those of facts, commands and queries are written by others, those of the log by us."""
    for it in meaning.gone(was, now):
        yield Break(about, it.path, it.what, KEEP)
    yield from _told(about, was, now) if about.endswith(" log") else _asked(about, was, now)


def _forth(was: Json, now: Json) -> Iterator[Difference]:
    for path, what in Containment(was, now).differences():
        yield Difference(path, f"could {what}, and may not any more")


def _back(was: Json, now: Json) -> Iterator[Difference]:
    for path, what in Containment(now, was).differences():
        yield Difference(path, f"may {what} now, which readers of before do not take")


def _readers(was: Json, now: Json) -> Iterator[Difference]:
    """What breaks for readers who pass over fields that they do not know."""
    for path, what in Containment(now, was, passing=True).differences():
        yield Difference(path, f"may {what} now, which readers of before do not take")
    yield from meaning.assumed(was, now)
    yield from meaning.unmarked(was, now)


def _meant(was: Json, now: Json) -> Iterator[Difference]:
    yield from meaning.assumed(was, now)
    yield from meaning.unmarked(was, now)
    yield from meaning.marked(was, now)


def _each(part: str, old: Json, new: Json, compare: Any) -> Iterator[Break]:
    for name, was in old[part].items():
        about = f"{_ONE[part]} {name}".strip()
        if name not in new[part]:
            yield Break(about, "", "is gone", KEEP)
        elif was != new[part][name]:
            yield from compare(about, was, new[part][name])


_ONE = {
    "commands": "command",
    "queries": "query",
    "answers": "answer",
    "headers": "headers",
    "problem": "",
    "protocol": "",
}


def _said(value: Any) -> str:
    return value if isinstance(value, str) else str(value)
