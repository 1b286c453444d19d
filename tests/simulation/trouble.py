"""What goes wrong in a run, at moments and in ways that the seed draws."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from tests.simulation.world import Instance, World

ACTIONS: Mapping[str, int] = {
    "kill": 5, "pause": 4, "drop": 4, "stop": 2, "silence": 2, "restart": 1, "forget": 1,
}  # fmt: skip
COUNTED = ("kills", "pauses", "drops", "stops", "silences", "server restarts", "checkpoints deleted")
MOST = 16
"""How often something is done on purpose; what wires do by themselves comes beside it."""


async def trouble(world: World) -> None:
    """Hurt one thing after the other as long as the storm lasts."""
    rng, plan = world.rng, world.plan
    blow(world)
    actions: dict[str, Callable[[World], None]] = {
        "kill": kill, "pause": pause, "drop": drop, "stop": stop, "silence": silence,
        "restart": restart, "forget": forget,
    }  # fmt: skip
    while sum(world.counts[it] for it in COUNTED) < MOST:
        await asyncio.sleep(rng.expovariate(1 / plan.trouble))
        if world.truce:
            continue
        if not world.storm:
            return
        name = rng.choices(list(ACTIONS), list(ACTIONS.values()))[0]
        actions[name](world)
    blow(world, off=True)


def blow(world: World, *, off: bool = False) -> None:
    """Let wires be as the plan has them, or as they should be."""
    weather = world.weather
    if off:
        weather.clear()
    else:
        weather.slow, weather.longest, weather.cut, weather.appends_cut = world.plan.weather


def calm_down(world: World) -> None:
    """No more of it: wires hold, the server is up, who was paused wakes, who was killed is started again."""
    world.storm = False
    blow(world, off=True)
    world.server.up = True
    for owner in list(world.loop.paused):
        world.loop.wake(owner)
    world.revive()


def _somebody(world: World) -> Instance | None:
    """Rather an active instance than one that stands by."""
    living = [it for it in world.living() if not it.paused]
    active = [it for it in living if it.runner.active]
    found = active if active and world.rng.random() < 0.8 else living
    return world.rng.choice(found) if found else None


def kill(world: World) -> None:
    """An instance dies in the middle of whatever it does; another is started at its place some time later."""
    if it := _somebody(world):
        world.note(f"{it.name} is killed ({it.runner.state})")
        world.counts["kills"] += 1
        it.kill()
        _later(world, lambda: world.revive(), 2.0)


def pause(world: World) -> None:
    """An instance is stopped in its tracks, and wakes up not knowing it, mostly when it has been replaced."""
    if it := _somebody(world):
        seconds = world.rng.choice((0.2, 1.5, 3.0, 6.0))
        world.note(f"{it.name} sleeps for {seconds} s ({it.runner.state})")
        world.counts["pauses"] += 1
        world.loop.pause(it.name)
        _later(world, lambda: world.loop.wake(it.name), seconds, exactly=True)


def drop(world: World) -> None:
    """A connection is lost with what was under way on it."""
    it = _somebody(world)
    wires = [wire for wire in it.wires if not wire.is_closed] if it else []
    if it and wires:
        world.note(f"the connection of {it.name} is lost")
        world.counts["drops"] += 1
        wires[-1].cut()


def silence(world: World) -> None:
    """A connection passes nothing any more, and nobody is told."""
    it = _somebody(world)
    wires = [wire for wire in it.wires if not wire.is_closed] if it else []
    if it and wires:
        world.note(f"the connection of {it.name} has gone silent")
        world.counts["silences"] += 1
        wires[-1].cut(notice=8.0)


def stop(world: World) -> None:
    """An instance is asked to stop, and gives its term back."""
    if it := _somebody(world):
        world.note(f"{it.name} is to stop ({it.runner.state})")
        world.counts["stops"] += 1
        it.runner.stop()
        _later(world, lambda: world.revive(), 2.0)


def restart(world: World) -> None:
    """The server goes away with all connections and comes back with what is stored."""
    world.note("the server goes away")
    world.counts["server restarts"] += 1
    world.server.up = False
    world.server.restart()
    for it in world.instances:
        for wire in it.wires:
            wire.cut()
    _later(world, lambda: _up(world), 1.0)


def _up(world: World) -> None:
    world.note("the server is back")
    world.server.up = True


def forget(world: World) -> None:
    """A checkpoint is deleted."""
    if world.checkpoints:
        slot = world.rng.choice(sorted(world.checkpoints))
        world.counts["checkpoints deleted"] += 1
        del world.checkpoints[slot]


def _later(world: World, work: Callable[[], None], seconds: float, *, exactly: bool = False) -> None:
    wait = seconds if exactly else seconds * world.rng.random()
    world.loop.call_later(wait, lambda: work() if world.storm else None)
