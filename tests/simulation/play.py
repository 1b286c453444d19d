"""A seed played: the story is told while everything goes wrong, then everybody comes to rest."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b
from random import Random

from contracts import registry
from contracts.base import Refused
from contracts.names import COMMANDS
from eventlog.codec import Message, headers_of
from tests.eventlog.everything import Step, until
from tests.simulation.loop import Stuck
from tests.simulation.story import story
from tests.simulation.trouble import blow, calm_down, trouble
from tests.simulation.wire import Wire
from tests.simulation.world import CENTRE, SERVICES, Plan, Publisher, World, fact_of
from tests.unit.given import START

LASTS = 3.0
"""Seconds of the loop in which a story is told, at least."""
AT_LAST = (timedelta(seconds=40), timedelta(seconds=140))
"""How far time goes on when all has been told, so that most of what is promised ends."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random ids follow from the seed too, and nothing is collected in the middle."""
    rng, urandom = Random(f"{seed} ids"), os.urandom
    os.urandom = rng.randbytes
    Wire._numbers = itertools.count(1)
    gc.disable()
    try:
        yield
    finally:
        os.urandom = urandom
        gc.enable()


def play(seed: int) -> World:
    """Everything of one seed; what became of it."""
    rng = Random(f"{seed} story")
    plan = Plan.drawn(rng)
    protocol, steps = story(rng, plan.calls, plan.wild)
    lasts = sum(max(step.after, 0.0) for step in steps)
    plan = replace(plan, speed=max(lasts / LASTS, 5.0))
    world = World(seed, protocol, plan)
    world.steps = steps
    with seeded(seed):
        try:
            world.loop.run_until_complete(_played(world, steps))
        except Stuck as stuck:
            world.failures.append(str(stuck))
        finally:
            _bury(world)
    return world


def digest(world: World) -> str:
    """What was stored, in short: the same whenever the seed is played."""
    said = blake2b(digest_size=8)
    for kept in world.log.history.values():
        said.update(f"{kept.subject} {kept.headers} {kept.data!r} {kept.at}".encode())
    return said.hexdigest()


def _bury(world: World) -> None:
    """Let all tasks end; nothing of it counts any more."""
    loop = world.loop
    for owner in list(loop.paused):
        loop.wake(owner)
    for it in world.instances:
        it.dead = True
        for wire in it.wires:
            wire.unlink()
            wire.is_closed = True
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=60))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


async def _played(world: World, steps: Sequence[Step]) -> None:
    await world.open()
    world.revive()
    storm = asyncio.create_task(trouble(world))
    teller = Teller(world)
    if world.plan.calm:
        await teller.step_by_step(steps)
    else:
        await teller.all_at_once(steps)
    await asyncio.sleep(world.rng.random())
    calm_down(world)
    world.pace(2.0)
    await storm
    if await _rest(world):
        for longer in AT_LAST:
            if world.plan.virtual:
                await teller.advance(f"last-{longer}", max(teller.clock, teller.latest) + longer)
            else:
                world.pace(world.speed, longer)
            if not await _rest(world):
                return


async def _rest(world: World) -> bool:
    if await world.settle():
        return True
    world.failures.append(f"it does not come to rest at the end: {where(world)}")
    return False


def where(world: World) -> str:
    """How far everybody is."""
    each = {
        it.name: (
            it.runner.state,
            it.runner.failure,
            it.runner.core.inbox,
            it.runner.core.log,
            str(it.runner.clock),
        )
        for it in world.living()
    }
    return f"log {world.log.last}, inbox {world.inbox.last}, {each}"


class Teller:
    """Tells the steps of a story through publishers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clock = self.now = self.latest = START
        self._versions = itertools.count(2)
        self._sent: list[tuple[str, Message]] = []

    async def advance(self, name: str, to: datetime) -> None:
        """Move the virtual clock."""
        from eventlog.codec import timestamp

        self.clock = max(self.clock, to)
        fact = fact_of("clock.advanced", registry.CLOCK, {"to": timestamp(to)}, f"{name}-{to:%H%M%S}", to)
        await Publisher(self.world, "clock").tell([fact])

    async def step_by_step(self, steps: Sequence[Step]) -> None:
        """One step after the other, each only when everybody has come to rest."""
        publisher = Publisher(self.world, "publisher-0")
        for number, step in enumerate(steps):
            self.now += timedelta(seconds=max(step.after, 0))
            if step.what == "clock":
                for to in until(self.clock, self.now):
                    await self.advance(f"m{number}", to)
                    await self._rest()
                self.clock = max(self.clock, self.now)
                continue
            await self._told(publisher, f"m{number}", step, self.now)
            await self._rest()

    async def _rest(self) -> None:
        """Be hurt for a moment more at most, then come to rest."""
        world = self.world
        if not await world.settle(0.5):
            world.truce = True
            blow(world, off=True)
            if not await world.settle():
                raise Stuck(f"it does not come to rest after step by step: {where(world)}")
            world.truce = False
            blow(world)

    async def all_at_once(self, steps: Sequence[Step]) -> None:
        """Each subject by one of three publishers, who do not wait for one another."""
        rng = self.world.rng
        publishers = [Publisher(self.world, f"publisher-{number}") for number in range(3)]
        lines: list[list[tuple[float, str, Step]]] = [[], [], []]
        at = 0.0
        for number, step in enumerate(steps):
            at += max(step.after, 0.0) / self.world.plan.speed + 0.05
            place = sum(step.about.encode()) % 3 if step.what == "fact" else rng.randrange(3)
            lines[place].append((at, f"m{number}", step))
        await asyncio.gather(*(self._line(*each) for each in zip(publishers, lines, strict=True)))

    async def _line(self, publisher: Publisher, line: list[tuple[float, str, Step]]) -> None:
        world = self.world
        for at, name, step in line:
            if world.loop.now < at:
                await asyncio.sleep(at - world.loop.now)
            now = START + timedelta(seconds=at * world.plan.speed)
            if step.what != "clock":
                await self._told(publisher, name, step, now + timedelta(seconds=min(step.after, 0)))
            elif world.plan.virtual:
                await self.advance(name, now)

    async def _told(self, publisher: Publisher, name: str, step: Step, at: datetime) -> None:
        world, sent = self.world, self._sent
        self.latest = max(self.latest, at)
        match step.what:
            case "fact":
                sent.append(fact_of(step.name, step.about, step.data, name, at))
                await publisher.tell([sent[-1]])
            case "repeat" if sent:
                world.counts["repeats"] += 1
                await publisher.tell([sent[step.data % len(sent)]])
            case "raw":
                headers = {"ce-id": name, "ce-specversion": "1.0", "ce-source": "/s", "ce-type": "call.ended"}
                await publisher.raw(f"inbox.{CENTRE}.{step.name}", headers, step.data.encode())
            case "command":
                await self._asked(publisher, name, step, at)
            case "publish":
                version = next(self._versions)
                await world.publish(step.data.model_copy(update={"version": version}))

    async def _asked(self, publisher: Publisher, name: str, step: Step, at: datetime) -> None:
        service, verb = step.name.split(".")
        body = COMMANDS[service][verb].model_validate_json(json.dumps(step.data))
        message = Message("", verb, json.dumps(step.data).encode(), name, "/test", time=at, actor="ana")
        try:
            about = SERVICES[service].about(body)
        except Refused:
            return
        for _ in range(self.world.rng.choice((1, 1, 2))):  # who asks again is told the same
            await publisher.ask(service, about, message)


Played = Callable[[int], World]
__all__ = ["Played", "digest", "headers_of", "play"]
