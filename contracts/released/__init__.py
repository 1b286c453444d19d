"""The contracts of all releases, which the present one must keep to: `<version>.json` beside this file.

Each has what others rely on: schemas, subjects, headers and names, without titles and descriptions.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts import http, registry, schemas
from contracts.answers import ANSWERS
from contracts.asyncapi import HEADERS, OF_FACTS, OF_REQUESTS, REQUIRED, headers
from contracts.base import Data, Problem
from contracts.commands import Recorded
from contracts.problems import PROBLEMS
from contracts.protocol import Protocol
from contracts.released.breaking import Break, breaks
from contracts.released.offered import offered

Json = dict[str, Any]

HERE = Path(__file__).parent
OF_HTTP: Mapping[str, type[Data]] = {
    "centres": http.Centres,
    "centre": http.Centre,
    "published": http.Published,
    "accepted": http.Accepted,
    "settled": http.Settled,
}
_SCHEMAS = ("properties", "$defs", "patternProperties")


def contract() -> Json:
    """The present contract."""
    return {
        "subjects": {
            "fact": registry.inbox_subject("<centre>", "<topic>", "<id>"),
            "rejected": registry.inbox_subject("<centre>", registry.REJECTED, "<position>"),
            "log": registry.log_subject("<centre>", "<service>", "<id>"),
            "command": registry.command_subject("<centre>", "<service>", "<verb>"),
            "query": registry.query_subject("<centre>", "<service>", "<name>"),
            "inbox stream": registry.inbox_stream("<centre>"),
            "log stream": registry.log_stream("<centre>"),
            "attachments": registry.attachments_bucket("<centre>"),
        },
        "ids": {
            "centre": registry._CENTRE.pattern,
            "any": registry._ID.pattern,
            "not of a call": f": {registry.TERM} {registry.CLOCK} {registry.REJECTED}",
            "beside a call": " ".join(registry.BESIDE),
        },
        "topics": dict(registry.TOPICS),
        "problems": {name: status for name, (status, _) in PROBLEMS.items()},
        "headers": {
            "of facts": _closed(headers(OF_FACTS, REQUIRED)),
            "of commands and queries": _closed(headers(OF_REQUESTS)),
            "of the log": _closed(headers(HEADERS, (*REQUIRED, "ce-time", "ce-sequence"))),
        },
        "recorded": {name: _recorded(name) for name in registry.recorded_types()},
        "http": dict(offered(schemas.openapi())),
        "commands": _several({**registry.COMMANDS, "http": {"open": http.Opening}}),
        "queries": _several({**registry.QUERIES, "http": {"log": http.LogQuery, "settled": http.SettledQuery}}),
        "answers": {"recorded": _schema(Recorded), **_several({**ANSWERS, "http": OF_HTTP})},
        "problem": {"problem": _schema(Problem)},
        "protocol": {"protocol": _schema(Protocol)},
    }  # fmt: skip


def released(here: Path = HERE) -> Mapping[str, Json]:
    """The contracts of all releases by version, the oldest first."""
    files = sorted(here.glob("*.json"), key=lambda file: [int(part) for part in file.stem.split(".")])
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def check(here: Path = HERE) -> Mapping[str, list[Break]]:
    """What the present contract breaks of that of each release; nothing if all is well."""
    present = contract()
    return {version: found for version, kept in released(here).items() if (found := breaks(kept, present))}


def write(again: bool = False, here: Path = HERE) -> Path:
    """Keep the present contract as that of the version in pyproject.toml; FileExistsError if that is released."""
    project = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    file = here / f"{project['version']}.json"
    text = _text(contract())
    if file.exists() and file.read_text(encoding="utf-8") != text and not again:
        raise FileExistsError(
            f"{project['version']} has been released with another contract; raise the version first"
        )
    file.write_text(text, encoding="utf-8")
    return file


def _recorded(name: str) -> Json:
    present = registry.version_of(name)
    kinds, topic = registry.recorded_types(), registry.topic_of(name)
    versions = {}
    for version in range(1, present):
        file = schemas.HERE / f"schema/{name}.v{version}.json"
        if file.exists():
            versions[str(version)] = _bare(json.loads(file.read_text(encoding="utf-8")))
    return {
        **({"topic": topic} if topic else {}),
        "of": registry.TOPICS[topic] if topic else kinds[name].__module__.rpartition(".")[2],
        "present": present,
        "upcasts": [step for other, step in registry.UPCASTS if other == name],
        "versions": {**versions, str(present): _schema(kinds[name])},
    }


def _several(kinds: Mapping[str, Mapping[str, type[Data]]]) -> Json:
    return {f"{of} {name}": _schema(kind) for of, named in kinds.items() for name, kind in named.items()}


def _schema(kind: type[Data]) -> Json:
    bare: Json = _bare(schemas.schema("", kind))
    return bare


def _closed(of: Json) -> Json:
    """Headers that nobody has named mean nothing."""
    return {**_bare(of), "additionalProperties": False}


def _bare(schema: Any) -> Any:
    """A schema without what is there for people; a field may be called title as well."""
    if not isinstance(schema, dict):
        return [_bare(it) for it in schema] if isinstance(schema, list) else schema
    kept = {key: it for key, it in schema.items() if key not in ("$schema", "title", "description")}
    return {
        key: {name: _bare(one) for name, one in it.items()} if key in _SCHEMAS else it
        if key in ("default", "enum", "const", "required") else _bare(it)
        for key, it in kept.items()
    }  # fmt: skip


def _text(content: Json) -> str:
    """One type a line, so that a difference between releases can be read."""
    parts = []
    for part, entries in content.items():
        lines = [
            f"{json.dumps(name)}:{json.dumps(it, separators=(',', ':'), ensure_ascii=False)}"
            for name, it in entries.items()
        ]
        parts.append(f"{json.dumps(part)}:{{\n" + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
