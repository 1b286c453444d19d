"""One cycle: a new centre, a load, a fault in its midst; then what was recorded is held against a run without it."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import protocols
from centralita import centres
from centralita.verify import verify
from eventlog import errors
from eventlog.codec import Message
from tests.e2e.centre import Centre
from tests.faults.checks import Outcomes, comparable, figures, outcomes
from tests.faults.kinds import KINDS, Kind
from tests.faults.load import PHASES, load_of
from tests.faults.rig import BOTH, Rig
from tests.faults.scene import Scene, Takeover
from tests.faults.telling import Tally, Teller

LONGEST = 300.0
"""Seconds after which a cycle has failed."""
SLOWEST = {"kill": 15.0, "clean stop": 10.0}
"""Seconds for a takeover on a machine that is busy with other things."""


@dataclass(slots=True)
class Result:
    """How a cycle went; `wrong` is empty if all was as it must be."""

    seed: int
    kind: str
    ground: str
    seconds: float = 0.0
    facts: int = 0
    acks: int = 0
    commands: int = 0
    again: int = 0
    events: int = 0
    rejected_at_first: int = 0
    refusals: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    takeovers: list[Takeover] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.differing or self.wrong)

    def line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


def kind_of(seed: int, among: Sequence[str]) -> Kind:
    """The kind of fault of a seed: drawn by shares, or in turn where only some are wanted."""
    if among:
        return KINDS[among[seed % len(among)]]
    kinds = list(KINDS.values())
    return Random(f"kind {seed}").choices(kinds, [kind.share for kind in kinds])[0]


async def cycle(rig: Rig, seed: int, kind: Kind, left: Path) -> Result:
    """Run it on a standing rig. Whatever happens is in the result, and what explains a failure in `left`."""
    began, result = time.monotonic(), Result(seed, kind.name, kind.ground)
    scene = Scene(rig, f"s{seed}", Random(f"fault {seed}"))
    try:
        async with asyncio.timeout(LONGEST), scene.listening():
            await _cycle(scene, kind, result)
    except Exception as reason:  # noqa: BLE001  whatever it is, the cycle has failed
        told = "".join(traceback.format_exception(reason))
        result.wrong.append(told)
    result.takeovers = scene.takeovers
    for why, seconds in scene.takeovers:
        if seconds > SLOWEST.get(why, LONGEST):
            result.wrong.append(f"takeover after {why}: {seconds} s")
    result.seconds = round(time.monotonic() - began, 1)
    if not result.good:
        await _keep(scene, result, left)
    return result


async def _cycle(scene: Scene, kind: Kind, result: Result) -> None:
    rig, load = scene.rig, load_of(result.seed)
    await _open(rig, scene.centre)
    await rig.paired(scene.centre)
    teller = Teller(scene.centre, rig.publishers, rig.control)
    at, faults = scene.chance.randrange(PHASES - 1), list[asyncio.Task[None]]()

    async def fault() -> None:
        await scene.wait(0, 0.4)
        await kind.happen(scene)

    def on_phase(number: int) -> None:
        if number == at:
            faults.append(asyncio.create_task(fault()))

    try:
        await teller.tell(load, on_phase)
    finally:
        await asyncio.gather(*faults)
    await teller.settle()
    await rig.paired(scene.centre)
    log = scene.logs[scene.centre] = await _log(rig, scene.centre)
    found = outcomes(log, teller.tally)
    _note(result, teller.tally, log, found)
    answers = await figures(teller)
    for which in BOTH:
        report = await verify(rig.control, scene.centre, rig.directory / which / "services")
        result.wrong += report.wrong
    if found.lost:
        return
    await centres.remove(rig.control.connection, scene.centre)
    await _compare(scene, result, found, answers)


async def _compare(scene: Scene, result: Result, found: Outcomes, answers: dict[str, Any]) -> None:
    """Tell the same in the order in which it was decided, without a fault, and note what comes out differently."""
    name, rig = f"r{result.seed}", scene.rig
    await _open(rig, name)
    reference = Teller(name, [rig.control] * len(rig.publishers), rig.control)
    await reference.retell(load_of(result.seed), found.order)
    log = scene.logs[name] = await _log(rig, name)
    judged = outcomes(log, reference.tally)
    here = comparable(scene.logs[scene.centre], found.accepted)
    there = comparable(log, judged.accepted)
    result.differing += [
        f"{key}: {here.get(key)} instead of {there.get(key)}"
        for key in sorted({*here, *there})
        if here.get(key) != there.get(key)
    ]
    wanted = await figures(reference)
    result.differing += [
        f"{key}: {answers[key]} instead of {wanted[key]}" for key in wanted if answers[key] != wanted[key]
    ]
    await centres.remove(rig.control.connection, name)


def _note(result: Result, tally: Tally, log: Sequence[Message], found: Outcomes) -> None:
    result.facts, result.acks, result.again = len(tally.facts), tally.acks, tally.again
    result.commands, result.refusals = len(tally.commands), sorted(tally.refusals)
    result.events = len(log)
    result.lost, result.doubled = found.lost, found.doubled
    result.wrong += found.surprising
    result.rejected_at_first = len(found.accepted.keys() & found.rejected.keys())


async def _open(rig: Rig, name: str) -> None:
    while True:
        try:
            protocol = protocols.load("cold-industry")
            await centres.add(rig.control.connection, name, protocol, clock="virtual", replicas=rig.replicas)
        except errors.LogError:
            await asyncio.sleep(0.2)
        else:
            return


async def _log(rig: Rig, name: str) -> list[Message]:
    while True:
        try:
            return await Centre(rig.control, name).log()
        except errors.LogError:
            await asyncio.sleep(0.2)


async def _keep(scene: Scene, result: Result, left: Path) -> None:
    """Leave the result, the logs as far as they were read, and what the services and servers wrote."""
    left.mkdir(parents=True, exist_ok=True)
    (left / "result.json").write_text(json.dumps(asdict(result), indent=2, ensure_ascii=False))
    place = scene.rig.directory
    for file in (*place.glob("*.log"), *place.glob("servers/**/server.log")):
        shutil.copy(file, left / str(file.relative_to(place)).replace("/", "-"))
    if not scene.logs:
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                scene.logs[scene.centre] = await _log(scene.rig, scene.centre)
    for name, log in scene.logs.items():
        (left / f"{name}.jsonl").write_text("\n".join(json.dumps(_told(it), default=str) for it in log))


def _told(message: Message) -> dict[str, Any]:
    return message._asdict() | {"data": message.data.decode(errors="replace")}
