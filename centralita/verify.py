"""Verification: rebuild a centre from its log alone, and compare with what is kept beside it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from centralita.audit import Audit, Witness, anchor_of
from centralita.client import Refusal
from centralita.operating import Operator
from centralita.stack import ALL
from contracts import registry
from eventlog import errors
from eventlog.codec import Message
from eventlog.core import Core
from eventlog.recovery import Recovery
from eventlog.view import View
from services.decider import Decider, Service
from services.inbox import forgets
from services.seat import checkpoint_of, place_of, view_path

_ASKED = 2.0
"""Seconds that a running service has to say where it stands."""
Heads = dict[str, dict[str, Any]]


@dataclass(slots=True)
class Report:
    """What was looked at, by name, everything found wrong, in words, and the last link of each chain.

    `notes` are on what is none the worse.
    """

    centre: str
    events: dict[str, int] = field(default_factory=dict)
    compared: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    heads: Heads = field(default_factory=dict)


@dataclass(slots=True)
class _Kept:
    """What a service keeps beside the log: the memory of its checkpoint, and a copy of its read model's file."""

    memory: dict[str, Any] | None = None
    copy: Path | None = None
    view: View | None = None


async def verify(
    client: Operator,
    centre: str,
    store: Path | None = None,
    heads: Mapping[str, Any] | None = None,
    *,
    copied: bool = False,
) -> Report:
    """Audit the log, rebuild every service from it, and compare with what `store` holds.

    Checkpoints and read models are compared at the position where they stand; `heads` are those of an earlier
    report. In a log `copied` in the midst of work a last decision may be cut short: its service completes it.
    errors.LogError if the log cannot be read, ValueError if `heads` are none.
    """
    report = Report(centre)
    witnesses = _remembered(heads or {}) + await _running(report, client, centre)
    last = await client.log(centre).last_sequence()
    with TemporaryDirectory(prefix="centralita-") as directory:
        kept = {
            name: _kept(service, centre, store, Path(directory)) if store else _Kept()
            for name, service in ALL.items()
        }
        for name, it in kept.items():
            witnesses += _witnesses(name, it)
        try:
            witnesses += await _anchors(client, centre, last)
        except errors.Corrupt as reason:
            report.wrong.append(str(reason))
        audit = Audit(centre, witnesses)
        async for part in client.recorded(centre, last):
            audit.take(part)
        audit.end(last)
        report.wrong += audit.wrong
        report.wrong += await _inbox(client, centre, audit, last)
        report.heads = audit.heads
        for name, service in ALL.items():
            report.events[name] = audit.writers[name].events
            cut = await _rebuild(report, client, service, kept[name], last)
            if cut:
                found = f"{name}: the last decision is cut short at {cut.seq}"
                (report.notes if copied else report.wrong).append(found)
            if kept[name].view:
                await _compare_view(report, client, service, kept[name], last)
    return report


# what others know of the log


def _remembered(heads: Mapping[str, Any]) -> list[Witness]:
    try:
        return [
            Witness("who noted the heads earlier", int(it["position"]), name, str(it["chain"]))
            for name, it in heads.items()
        ]
    except (KeyError, TypeError, ValueError, AttributeError):
        expected = "{service: {position, chain}} as `verify --json` prints them"
        raise ValueError(f"heads: expected {expected}, found {heads}") from None


async def _running(report: Report, client: Operator, centre: str) -> list[Witness]:
    """What the running services know; those that do not answer are passed over."""

    async def ask(service: str) -> Witness | None:
        with suppress(TimeoutError, errors.LogError, Refusal, KeyError):
            async with asyncio.timeout(_ASKED):
                status = await client.query(centre, service, "status")
            report.compared.append(f"running {service} at {status['own']}")
            return Witness(f"the running {service}", status["own"], service, status["chain"])
        return None

    answers = await asyncio.gather(*map(ask, ALL))
    return [answer for answer in answers if answer]


async def _anchors(client: Operator, centre: str, last: int) -> list[Witness]:
    found = []
    terms = registry.log_subject(centre, "*", registry.TERM)
    async for part in client.log(centre).read([terms], 0, last):
        for raw in part:
            if anchor := anchor_of(raw):
                writer = raw.subject.split(".")[2]
                found.append(Witness(f"the term of {writer} at {raw.seq}", writer=writer, **anchor))
    return found


def _kept(service: Service, centre: str, store: Path, directory: Path) -> _Kept:
    found = _Kept(checkpoint_of(service, centre, store).read())
    path = view_path(service, centre, store)
    if service.reading and path and path.exists():
        found.copy = directory / path.name
        with (
            closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as live,
            closing(sqlite3.connect(found.copy)) as copy,
        ):
            live.backup(copy)
        found.view = View(service.reading, Decider(service, centre), found.copy)
    return found


def _witnesses(name: str, kept: _Kept) -> list[Witness]:
    found = []
    if kept.memory:
        found.append(Witness(f"the checkpoint of {name}", kept.memory["own"], name, kept.memory["chain"]))
    if kept.view:
        found.append(Witness(f"the read model {kept.view.reading.name}", kept.view.position, id=kept.view.id))
    return found


async def _inbox(client: Operator, centre: str, audit: Audit, end: int) -> list[str]:
    """The inbox is trimmed up to what was recorded, never further, and holds what was decided on."""
    recorded = max(writer.inbox for writer in audit.writers.values())
    try:
        first, last = await client.inbox(centre).bounds()
    except errors.NoStream:
        gone = await forgets(client.log(centre), centre, end)  # with the server's memory; it is made anew
        return [] if gone else ["the inbox is missing"]
    if first - 1 > recorded:
        return [
            f"the inbox is trimmed up to {first - 1}, the log knows of {recorded} only: its end is missing"
        ]
    if last < recorded:
        return [f"the inbox ends at {last}, before {recorded}, which was decided on"]
    return []


# the rebuild


async def _rebuild(
    report: Report, client: Operator, service: Service, kept: _Kept, last: int
) -> Message | None:
    """Fold what a service recorded, as it would itself, and compare on the way where its checkpoint stands.

    Returns the last event of a decision that is cut short.
    """
    centre, name = report.centre, service.name
    place, decider = place_of(centre, service), Decider(service, centre)
    core: Core[Any] = Core(decider, place.source, secrecy=decider.sealing)
    recovery = Recovery(core, client.log(centre), client.inbox(centre), place)
    try:
        if kept.memory and kept.memory["own"] <= last:
            await recovery.catch_up(kept.memory["own"])
            report.compared.append(f"checkpoint of {name} at {kept.memory['own']}")
            report.wrong += await _differences(service, kept.memory, core, recovery)
        await recovery.catch_up(last)
        for id, why in decider.stopped(core.world).items():
            report.wrong.append(f"{name}: {id} is stopped, as this release cannot read it: {why}")
    except Exception as reason:  # noqa: BLE001  whatever it is, the report tells
        report.wrong.append(f"{name} cannot be rebuilt behind {core.own}: {_fault(reason)}")
        return None
    return core.cut


def _fault(reason: Exception) -> str:
    """What an error tells of the log; one that only says that it cannot be read now is raised again."""
    if isinstance(reason, errors.Corrupt):
        return str(reason)
    if isinstance(reason, errors.LogError):
        raise reason
    return f"{type(reason).__name__}: {reason}"


async def _differences(
    service: Service, memory: Mapping[str, Any], rebuilt: Core[Any], recovery: Recovery[Any]
) -> list[str]:
    kept: Core[Any] = Core(Decider(service, ""), rebuilt.source)
    for name, value in memory.items():
        setattr(kept, name, value)
    what = f"{service.name}: the checkpoint"
    # what an older release could not read when it wrote the checkpoint is no difference
    unknown = sorted(set(rebuilt.world.aggregates) - set(kept.world.aggregates) - set(kept.world.stopped))
    found = [f"{what} lacks {id}" for id in unknown if not rebuilt.decider.over(rebuilt.world, id)]
    if kept.own != rebuilt.own:
        found.append(f"{what} stands at {kept.own}, the log at {rebuilt.own}")
    for id, aggregate in sorted(kept.world.aggregates.items()):
        await recovery.read_back([id])
        if id not in rebuilt.world.aggregates:
            found.append(f"{what} has {id}, the log has not")
        elif rebuilt.world.aggregates[id] != aggregate:
            found.append(f"{what} has another {id} than the log")
        elif rebuilt.tracks[id].version != kept.tracks[id].version:
            found.append(f"{what} has another version of {id} than the log")
    return found


async def _compare_view(report: Report, client: Operator, service: Service, kept: _Kept, last: int) -> None:
    assert kept.view
    assert kept.copy
    reading, position = kept.view.reading, kept.view.position
    kept.view.close()
    if position > last:
        return  # it is a witness of what is missing
    subjects = [registry.log_subject(report.centre, name, ">") for name in reading.services]
    with closing(View(reading, Decider(service, report.centre), kept.copy.with_suffix(".new"))) as fresh:
        try:
            async for part in client.log(report.centre).read(subjects, 0, position):
                fresh.take(part)
        except Exception as reason:  # noqa: BLE001  whatever it is, the report tells
            report.wrong.append(f"{reading.name} cannot be rebuilt: {_fault(reason)}")
            return
        report.compared.append(f"read model {reading.name} at {position}")
        for table in fresh.differing(kept.copy):
            report.wrong.append(
                f"{service.name}: the table {table} of {reading.name} is not what the log says"
            )
