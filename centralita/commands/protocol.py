"""`centralita protocol`: check, publish, show and compare protocols, and try one on past days."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

import protocols
from centralita import centres, holidays
from centralita.commands.common import (
    OK,
    REFUSED,
    USAGE,
    AsJson,
    Centre,
    Group,
    Nats,
    centre_of,
    complain,
    connected,
    console,
    fail,
    print_json,
    run,
)
from centralita.operating import Operator
from centralita.short import facts
from contracts import registry
from contracts.events import ProtocolPublished
from contracts.protocol import PLAIN, Protocol
from eventlog.codec import Message

if TYPE_CHECKING:
    from centralita.rehearsal import Comparison

app = typer.Typer(cls=Group, no_args_is_help=True, help="Check, publish, show and compare protocols.")

File = Annotated[
    str, typer.Argument(metavar="FILE", help=f"A file (TOML), or {', '.join(protocols.names())}.")
]
Version = Annotated[int | None, typer.Option("--version", min=1, help="Usual: the one in force.")]


@app.command("check")
def check(file: File, json: AsJson = False) -> None:
    """Say whether a protocol can be published; what is wrong is told by file, key and expectation."""
    protocol = loaded(file)
    sizes = {
        name: len(value)
        for name in ("kinds", "routing", "scripts", "promises", "calendars", "scorecard")
        if (value := getattr(protocol, name))
    }
    if json:
        print_json({"protocol": protocol.name, "version": protocol.version, **sizes})
        return
    print(f"{protocol.name} {protocol.version} is in order: {facts(sizes)}")


@app.command("publish")
def publish(file: File, centre: Centre = None, nats: Nats = None, json: AsJson = False) -> None:
    """Publish a protocol in a centre: new calls follow it, running ones keep the one they began with."""
    run(_publish(loaded(file), centre_of(centre), nats, json))


async def _publish(protocol: Protocol, centre: str, nats: str | None, as_json: bool) -> None:
    async with connected(nats, centre) as client:
        try:
            position = await centres.publish(client.connection, centre, protocol)
        except ValueError as error:
            fail(REFUSED, str(error))
    if as_json:
        print_json(
            {"centre": centre, "protocol": protocol.name, "version": protocol.version, "position": position}
        )
        return
    print(f"{centre} works by {protocol.name} {protocol.version} from position {position} on")


@app.command("show")
def show(
    file: Annotated[
        str | None, typer.Option(help="A file or a protocol that ships, instead of a centre's.")
    ] = None,
    centre: Centre = None,
    version: Version = None,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """All that a protocol says, one key a line: of a centre, or of a file."""
    if file and (centre or version):
        fail(USAGE, "--file is instead of --centre and --version; give one or the other")
    protocol = loaded(file) if file else run(_one(centre_of(centre), version, nats))
    if json:
        print_json(protocol.model_dump(mode="json", exclude_defaults=True))
        return
    for key, value in flat(protocol):
        print(f"{key} = {value}")


@app.command("diff")
def diff(
    file: File, centre: Centre = None, version: Version = None, nats: Nats = None, json: AsJson = False
) -> None:
    """What a protocol says otherwise than the one that a centre works by; exit code 1 if anything."""
    new = loaded(file)
    old = dict(flat(run(_one(centre_of(centre), version, nats))))
    now = dict(flat(new))
    changed = [key for key in dict.fromkeys([*old, *now]) if old.get(key) != now.get(key)]
    if json:
        print_json({key: {"was": old.get(key), "is": now.get(key)} for key in changed})
    else:
        for key in changed:
            for sign, value in (("-", old.get(key)), ("+", now.get(key))):
                if value is not None:
                    print(f"{sign} {key} = {value}")
    raise typer.Exit(REFUSED if changed else OK)


@app.command("dry-run")
def dry_run(
    file: File,
    since: Annotated[str, typer.Option(help="A day (2026-03-02) or a time with an offset.")],
    centre: Centre = None,
    limit: Annotated[int, typer.Option(min=0, help="How many calls to show in full.")] = 20,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """What would have come out differently, had this protocol been in force since a day. Nothing is recorded."""
    from centralita import rehearsal  # late: all four services are loaded with it

    candidate = loaded(file)
    start = _moment(since, candidate)
    found = run(_rehearse(candidate, start, centre_of(centre), nats))
    totals = rehearsal.by_event(found.changed.values())
    if json:
        changes = {
            about: {"fewer": list(rehearsal.told(lost)), "more": list(rehearsal.told(gained))}
            for about, (lost, gained) in found.changed.items()
        }
        print_json(
            {
                "looked_at": found.looked_at,
                "changed": len(found.changed),
                "events": totals,
                "changes": changes,
            }
        )
        return
    for about, (lost, gained) in list(found.changed.items())[:limit]:
        print(about)
        for sign, outcome in (("-", lost), ("+", gained)):
            for count, service, name, data in rehearsal.told(outcome):
                times = f" x{count}" if count > 1 else ""
                print(f"  {sign} {service:<8} {name:<22} {facts(jsonlib.loads(data))}{times}")
    if len(found.changed) > limit:
        print(f"… and {len(found.changed) - limit} more; --limit shows them")
    print(f"{found.looked_at} looked at, {len(found.changed)} would have come out differently")
    for name, (fewer, more) in totals.items():
        print(f"  {name:<24} -{fewer} +{more}")


async def _rehearse(candidate: Protocol, since: datetime, centre: str, nats: str | None) -> Comparison:
    from centralita import rehearsal

    async with connected(nats, centre) as client:
        messages = await _log(client, centre)
    published = [
        registry.decode(it.name, it.version, it.data) for it in messages if it.name == "protocol.published"
    ]
    last = max((it.protocol.version for it in published if isinstance(it, ProtocolPublished)), default=0)
    if candidate.version <= last:
        candidate = candidate.model_copy(update={"version": last + 1})
    with console(stderr=True).status("deciding again"):
        return rehearsal.compare(messages, candidate, since)


async def _log(client: Operator, centre: str) -> list[Message]:
    return [raw.message() async for part in client.recorded(centre) for raw in part]


async def _one(centre: str, version: int | None, nats: str | None) -> Protocol:
    async with connected(nats, centre) as client:
        published = await centres.protocols_of(client.connection, centre)
    if version is None:
        return published[-1]
    by_version = {protocol.version: protocol for protocol in published}
    if version not in by_version:
        known = ", ".join(map(str, by_version))
        fail(REFUSED, f"{centre} has no version {version} of its protocol; it has {known}")
    return by_version[version]


def loaded(name: str) -> Protocol:
    """A protocol by its name or file, with the public holidays of its calendars filled in; ends with what is wrong."""
    if name == PLAIN.name:
        return PLAIN
    try:
        return holidays.filled(protocols.load(name))
    except ValueError as error:
        *others, last = str(error).splitlines()
        for wrong in others:
            complain(wrong)
        fail(USAGE, last)


def flat(protocol: Protocol) -> Iterator[tuple[str, str]]:
    """Each value that the protocol gives, as JSON, under its dotted key; what is usual is left out."""
    yield from _flat("", protocol.model_dump(mode="json", exclude_defaults=True))


def _flat(key: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case dict() if value:
            for name, each in value.items():
                yield from _flat(f"{key}.{name}" if key else name, each)
        case list() if any(isinstance(each, dict) for each in value):
            for number, each in enumerate(value, start=1):
                yield from _flat(f"{key}.{number}", each)
        case _:
            yield key, jsonlib.dumps(value, ensure_ascii=False)


def _moment(text: str, protocol: Protocol) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(USAGE, f"--since: expected a day as 2026-03-02 or a time, found {text!r}")
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(protocol.timezone))).astimezone(UTC)
