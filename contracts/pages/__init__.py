"""The contract for people: a page for each sort of message, with the meaning, fields and an example of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

from contracts import registry
from contracts.answers import ANSWERS
from contracts.base import Data, Problem
from contracts.commands import Recorded
from contracts.examples import examples, problems
from contracts.pages.fields import anchor, parts, table
from contracts.problems import PROBLEMS

DOCS = Path(__file__).parents[2] / "docs" / "messages"
NOTE = (
    "Written by `python -m contracts.pages` from the code. `?`: may be left out; *personal*: such data is sealed\n"
    "where a centre says so. How messages travel, and what they have in common: [the contract](../contract.md)."
)
OWNERS = {"centre": "of the centre and of every service"} | {name: f"of {name}" for name in registry.SERVICES}


def files() -> dict[str, str]:
    """All pages: name to content."""
    pages = {
        "facts.md": _facts(),
        "events.md": _events(),
        "commands.md": _commands(),
        "queries.md": _queries(),
        "problems.md": _problems(),
    }
    return {"README.md": "\n".join(_index()) + "\n"} | {
        name: "\n".join(page) + "\n" for name, page in pages.items()
    }


def differences(here: Path = DOCS) -> list[str]:
    """The pages below `here` that are not what the code says, and those that are none."""
    wanted = files()
    found = {file.name: file.read_text(encoding="utf-8") for file in here.glob("*.md")}
    return sorted(name for name in {*wanted, *found} if wanted.get(name) != found.get(name))


def write(here: Path = DOCS) -> list[str]:
    """Bring the pages below `here` up to date; which were written or removed."""
    changed, wanted = differences(here), files()
    here.mkdir(parents=True, exist_ok=True)
    for name in changed:
        if name in wanted:
            (here / name).write_text(wanted[name], encoding="utf-8")
        else:
            (here / name).unlink()
    return changed


def _index() -> Iterator[str]:
    yield from ("# All messages", "", NOTE)
    asked = [
        (page, title, [f"{service} {verb}" for service, verbs in services.items() for verb in verbs])
        for page, title, services in (
            ("commands", "Commands", registry.COMMANDS),
            ("queries", "Queries", registry.QUERIES),
        )
    ]
    facts = [name for kinds in registry.FACTS.values() for name in kinds]
    for page, title, listed in (
        ("facts", "Facts", facts),
        ("events", "Events", list(registry.EVENTS)),
        *asked,
        ("problems", "Problems", list(PROBLEMS)),
    ):
        yield from ("", f"## [{title}]({page}.md)", "")
        yield "\n".join(f"[`{name}`]({page}.md#{anchor(name)})" for name in listed)


def _facts() -> Iterator[str]:
    yield from ("# Facts", "", NOTE, "", "What others publish, to `inbox.<centre>.<topic>.<id>`.")
    for topic, kinds in registry.FACTS.items():
        yield from ("", f"## Topic `{topic}`, read by {registry.TOPICS[topic]}")
        for name, kind in kinds.items():
            yield from _message(name, kind, f"{name}.v{registry.version_of(name)}")


def _events() -> Iterator[str]:
    where = "What the services record, on `log.<centre>.<service>.<id>`, beside the [facts](facts.md) as they"
    yield from ("# Events", "", NOTE, "", f"{where} were accepted.")
    for owner, text in OWNERS.items():
        yield from ("", f"## Events {text}")
        for name, kind in registry.EVENTS.items():
            if kind.__module__.rpartition(".")[2] == owner:
                yield from _message(name, kind, f"{name}.v{registry.version_of(name)}")


def _commands() -> Iterator[str]:
    yield from (
        "# Commands",
        "",
        NOTE,
        "",
        "Sent to `command.<centre>.<service>.<verb>`. The answer to each is",
    )
    yield "[what was recorded](#recorded), or [a problem](problems.md)."
    for service, verbs in registry.COMMANDS.items():
        yield from ("", f"## Commands of {service}")
        for verb, kind in verbs.items():
            yield from _message(f"{service} {verb}", kind, f"command.{service}.{verb}")
    yield from ("", "## The answer")
    yield from _message("recorded", Recorded, "recorded")


def _queries() -> Iterator[str]:
    yield from (
        "# Queries",
        "",
        NOTE,
        "",
        "Sent to `query.<centre>.<service>.<name>`, answered as shown or with",
    )
    yield "[a problem](problems.md). Pass over fields of an answer that you do not know."
    told: set[str] = set()
    for service, names in registry.QUERIES.items():
        yield from ("", f"## Queries of {service}")
        for name, kind in names.items():
            yield from _message(f"{service} {name}", kind, f"query.{service}.{name}")
            answer = ANSWERS[service][name]
            schema = answer.model_json_schema()
            if answer.__name__ not in told:
                yield from ("", f"Answer: {_meaning(answer)}")
                yield from table(schema, schema)
            else:
                yield from ("", "Answer, as of every service:")
            told.add(answer.__name__)
            yield from _example(f"answer.{service}.{name}")
            for title, part in parts(schema):
                if title not in told:
                    told.add(title)
                    yield from ("", f"#### {title}", "", cleandoc(part.get("description", "")))
                    yield from table(part, schema)


def _problems() -> Iterator[str]:
    yield from ("# Problems", "", NOTE, "", _meaning(Problem))
    yield from table(schema := Problem.model_json_schema(), schema)
    yield from ("", "## Kinds of problems")
    for name, (status, when) in PROBLEMS.items():
        yield from ("", f"### `{name}`", "", f"Status {status}: {when}.")
        yield from _block(problems()[name.strip("<>")])


def _message(name: str, kind: type[Data], title: str) -> Iterator[str]:
    yield from ("", f"### `{name}`", "", _meaning(kind))
    yield from table(schema := kind.model_json_schema(), schema)
    for part, inner in parts(schema):
        yield from (
            "",
            f'<a id="{anchor(part)}"></a>{part}: {inner.get("description", "").partition(chr(10))[0]}',
        )
        yield from table(inner, schema)
    yield from _example(title)


def _example(title: str) -> Iterator[str]:
    if title in examples():
        yield from _block(examples()[title])


def _block(content: object) -> Iterator[str]:
    yield from ("", "```json", json.dumps(content, indent=2, ensure_ascii=False), "```")


def _meaning(kind: type[Data]) -> str:
    return cleandoc(kind.__doc__ or "")
