"""The published language as files: a JSON Schema of each type in `schema/`, `asyncapi.json` and `openapi.json`.

`python -m contracts.schemas` writes them, with `--check` compares. Those of earlier versions are kept.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from difflib import unified_diff
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from contracts import openapi as of_http
from contracts import registry
from contracts.answers import ANSWERS
from contracts.asyncapi import document
from contracts.base import Data, Problem
from contracts.commands import Recorded
from contracts.protocol import Protocol

HERE = Path(__file__).parent
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def types() -> dict[str, type[Data]]:
    """Every type by the name of its schema: call.offered.v1, command.tickets.register, answer.sla.figures, problem."""
    named: dict[str, type[Data]] = {
        f"{name}.v{registry.version_of(name)}": kind for name, kind in registry.recorded_types().items()
    }
    asked: dict[str, Mapping[str, Mapping[str, type[Data]]]] = {
        "command": registry.COMMANDS,
        "query": registry.QUERIES,
        "answer": ANSWERS,
    }
    for prefix, services in asked.items():
        for service, kinds in services.items():
            named |= {f"{prefix}.{service}.{name}": kind for name, kind in kinds.items()}
    return named | {"protocol": Protocol, "problem": Problem, "recorded": Recorded}


def schema(title: str, kind: type[Data]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a type, complete in itself; personal fields carry `x-personal`."""
    return {"$schema": DIALECT, **kind.model_json_schema(), "title": title}


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document of all services."""
    return document(_definitions(types().values()))


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the HTTP door."""
    services = {*registry.recorded_types()} - {name for facts in registry.FACTS.values() for name in facts}
    spoken = [kind for title, kind in types().items() if title.rpartition(".v")[0] not in services]
    return of_http.document(_definitions([*spoken, *of_http.MODELS]))


def files() -> dict[str, str]:
    """Everything that is generated: path below `contracts/` to content."""
    contents = {f"schema/{title}.json": _text(schema(title, kind)) for title, kind in types().items()}
    return {**contents, "asyncapi.json": _text(asyncapi()), "openapi.json": _text(openapi())}


def differences(here: Path = HERE) -> Iterator[str]:
    """Where the files below `here` are not what the code says: the type's name, and a diff."""
    wanted = files()
    for path, content in wanted.items():
        file = here / path
        found = file.read_text(encoding="utf-8") if file.exists() else ""
        if found != content:
            diff = unified_diff(
                found.splitlines(), content.splitlines(), f"stored/{path}", f"code/{path}", "", "", 2
            )
            yield "\n".join((f"{_title(path)}: the stored schema is not that of the code", *diff))
    for title in _earlier():
        if not (here / f"schema/{title}.json").exists():
            yield f"{title}: the schema of an earlier version is missing; it must be kept"
    for title in _stray(here, wanted):
        yield f"{title}: a schema is stored, but there is no such type or version"


def write(here: Path = HERE) -> int:
    """Bring the files below `here` up to date; how many were written or removed."""
    wanted, changed = files(), 0
    (here / "schema").mkdir(parents=True, exist_ok=True)
    for path, content in wanted.items():
        file = here / path
        if not file.exists() or file.read_text(encoding="utf-8") != content:
            file.write_text(content, encoding="utf-8")
            changed += 1
    for title in _stray(here, wanted):
        (here / f"schema/{title}.json").unlink()
        changed += 1
    return changed


def main(arguments: list[str]) -> int:
    """The command; 0 if all is well, 1 if the stored files differ, 2 for arguments it does not know."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: python -m contracts.schemas [--check]\n")
        return 2
    if not arguments:
        sys.stdout.write(f"{write()} files changed\n")
        return 0
    found = list(differences())
    for difference in found:
        sys.stderr.write(f"{difference}\n\n")
    if found:
        sys.stderr.write(f"{len(found)} differences: is each meant? Then run python -m contracts.schemas\n")
    return 1 if found else 0


def _definitions(kinds: Iterable[type[Data]]) -> dict[str, Any]:
    template, wanted = "#/components/schemas/{model}", dict.fromkeys(kinds)
    _, found = models_json_schema([(kind, "validation") for kind in wanted], ref_template=template)
    return found["$defs"]  # type: ignore[no-any-return]


def _earlier() -> list[str]:
    names = registry.recorded_types()
    return [f"{name}.v{v}" for name in names for v in range(1, registry.version_of(name))]


def _stray(here: Path, wanted: Mapping[str, str]) -> list[str]:
    known = {_title(path) for path in wanted} | set(_earlier())
    return sorted({_title(file.name) for file in (here / "schema").glob("*.json")} - known)


def _title(path: str) -> str:
    return path.removeprefix("schema/").removesuffix(".json")


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
