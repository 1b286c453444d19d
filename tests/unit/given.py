"""Given events, when an input is decided, then events: how the services' decisions are tested."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, Literal

from contracts.base import Data
from contracts.deciding import Decision, Input, World
from contracts.protocol import PLAIN, Protocol

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

Given = tuple[str, Data] | tuple[str, Data, float]
"""An aggregate, its event, and when: seconds from START (0 if absent)."""


def at(seconds: float) -> datetime:
    """So many seconds after START."""
    return START + timedelta(seconds=seconds)


def given(
    domain: ModuleType, protocol: Protocol = PLAIN, events: Iterable[Given] = (), *, virtual: bool = True
) -> World[Any, Any]:
    """The world in which these events of the service's own have happened."""
    world: World[Any, Any] = World(domain.Index(), protocol=protocol, virtual=virtual)
    for aggregate, event, *seconds in events:
        world.evolve(domain.evolve, aggregate, event, at(seconds[0] if seconds else 0))
    return world


def when(
    id: str,
    body: Data,
    seconds: float = 0,
    kind: Literal["fact", "event", "command", "timer"] = "fact",
    **more: Any,
) -> Input:
    """An input that occurs so many seconds after START; `more` are further members of Input."""
    return Input(kind, id, body, at(seconds), **more)


def happen(domain: ModuleType, world: World[Any, Any], input: Input) -> Decision:
    """Decide, and let what was decided happen; what was decided."""
    decision: Decision = domain.decide(world, input)
    for aggregate, event in decision:
        world.evolve(domain.evolve, aggregate, event, input.at)
    return decision
