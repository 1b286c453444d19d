"""Verification: rebuild a centre from its log alone, and compare with what is kept beside it."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from centralita.client import Client
from centralita.lines import deadline_of
from centralita.stack import ALL
from contracts import registry
from eventlog.codec import Malformed, Message
from eventlog.core import Core
from eventlog.errors import Corrupt
from eventlog.stream import Raw
from eventlog.view import View
from services.decider import Decider, Service
from services.seat import checkpoint_of, view_path

_EVERYTHING = 1 << 62


@dataclass(slots=True)
class Report:
    """What was looked at, by name, and everything found wrong, in words; `notes` on what is none the worse."""

    centre: str
    events: dict[str, int] = field(default_factory=dict)
    compared: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


async def verify(client: Client, centre: str, store: Path | None = None, *, copied: bool = False) -> Report:
    """Check the log (versions, positions, decisions whole, causes known) and compare what `store` holds with it.

    Checkpoints and read models are compared at the position where they stand. In a log `copied` in the midst of
    work a last decision may be cut short: its service completes it. errors.LogError if the log cannot be read.
    """
    report = Report(centre)
    log = client.log(centre)
    raws: list[Raw] = []
    async for part in log.read([f"log.{centre}.>"], 0, await log.last_sequence()):
        raws += part
    try:
        messages = [raw.message() for raw in raws]
    except Malformed as malformed:
        report.wrong.append(f"a message of the log cannot be read: {malformed}")
        return report
    ids = {message.id for message in messages} | {_timer(message) for message in messages}
    for service in ALL.values():
        core = _rebuild(report, service, centre, raws)
        if core and core.cut:
            found = f"{service.name}: the last decision is cut short at {core.cut.seq}"
            (report.notes if copied else report.wrong).append(found)
        if core and store:
            await _compare(report, service, centre, core, raws, store)
    for message in messages:
        stands_alone = message.cause_source or not message.cause or message.name == "fact.rejected"
        if not stands_alone and not {message.cause, deadline_of(message.cause)} & ids:
            report.wrong.append(
                f"event {message.seq} {message.name}: its cause {message.cause} is not in the log"
            )
    return report


def _timer(message: Message) -> str:
    """What a timer of a deadline is called as the cause of an event."""
    return (
        f"{message.aggregate}.{json.loads(message.data)['deadline']}"
        if message.name == "deadline.set"
        else ""
    )


def _rebuild(
    report: Report, service: Service, centre: str, raws: list[Raw], until: int = _EVERYTHING
) -> Core[Any] | None:
    """A core with everything folded that the service recorded up to a position; None if that is impossible."""
    decider = Decider(service, centre)
    core = Core(decider, registry.source(centre, service.name), _EVERYTHING, _EVERYTHING)
    own = f"{registry.log_subject(centre, service.name, '')}"
    reference = [
        raw for raw in raws if raw.subject.startswith(registry.log_subject(centre, registry.CENTRE, ""))
    ]
    count = 0
    try:
        for raw in raws:  # what was sealed is read with the key that was kept later
            if raw.subject.startswith(own):
                decider.sealing.learn(raw.message())
        for raw in raws:
            if raw.seq > until or not raw.subject.startswith(own):
                continue
            message = raw.message()
            while reference and reference[0].seq <= message.log:
                core.refer(reference.pop(0).message())
            core.fold(message)
            count += 1
    except (Corrupt, Malformed) as reason:
        report.wrong.append(f"{service.name}: {reason}")
        return None
    report.events.setdefault(service.name, count)
    return core


async def _compare(
    report: Report, service: Service, centre: str, core: Core[Any], raws: list[Raw], store: Path
) -> None:
    kept: Core[Any] = Core(Decider(service, centre), registry.source(centre, service.name))
    fields = checkpoint_of(service, centre, store).read()
    if fields:
        for name, value in fields.items():
            setattr(kept, name, value)
        then = _rebuild(report, service, centre, raws, until=kept.own)
        if then:
            report.compared.append(f"checkpoint of {service.name} at {kept.own}")
            report.wrong += _differences(service, kept, then)
    path = view_path(service, centre, store)
    if service.reading and path and path.exists():
        _compare_view(report, service, centre, path, raws)


def _differences(service: Service, kept: Core[Any], rebuilt: Core[Any]) -> list[str]:
    found = []
    if kept.own != rebuilt.own:
        found.append(f"{service.name}: the checkpoint stands at {kept.own}, the log at {rebuilt.own}")
    for id, aggregate in rebuilt.world.aggregates.items():
        if id not in kept.world.aggregates:
            if not rebuilt.decider.over(rebuilt.world, id):
                found.append(f"{service.name}: the checkpoint lacks {id}")
        elif kept.world.aggregates[id] != aggregate:
            found.append(f"{service.name}: the checkpoint has another {id} than the log")
        elif kept.tracks[id].version != rebuilt.tracks[id].version:
            found.append(f"{service.name}: the checkpoint has another version of {id} than the log")
    unknown = set(kept.world.aggregates) - set(rebuilt.world.aggregates)
    return found + [f"{service.name}: the checkpoint has {id}, the log has not" for id in sorted(unknown)]


def _compare_view(report: Report, service: Service, centre: str, path: Path, raws: list[Raw]) -> None:
    reading = service.reading
    assert reading
    copy = sqlite3.connect(":memory:", isolation_level=None)
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as live:
        live.backup(copy)
    live.close()
    held = View(reading, Decider(service, centre), None, copy)
    fresh = View(reading, Decider(service, centre), None)
    prefixes = tuple(registry.log_subject(centre, name, "") for name in reading.services)
    fresh.take([raw for raw in raws if raw.subject.startswith(prefixes) and raw.seq <= held.position])
    report.compared.append(f"read model {reading.name} at {held.position}")
    if held.content() != fresh.content():
        for table, rows in fresh.content().items():
            if held.content().get(table) != rows:
                report.wrong.append(
                    f"{service.name}: the table {table} of {reading.name} is not what the log says"
                )
    held.close()
    fresh.close()
