"""What sla decides on a story: helpers for its tests."""

from __future__ import annotations

from typing import Any

from contracts.base import Data
from contracts.deciding import World
from contracts.protocol import Protocol
from services.sla import domain
from tests.unit.given import at, given, happen, when

Story = tuple[Data, float] | tuple[Data, float, str]
"""What is heard, the second at which it occurred, and about what (c1 if absent)."""


def heard(protocol: Protocol, *story: Story) -> World[Any, Any]:
    """The world in which all this was heard."""
    world = given(domain, protocol)
    for body, seconds, *about in story:
        happen(domain, world, when(about[0] if about else "c1", body, seconds, "event"))
    return world


def hear(world: World[Any, Any], body: Data, seconds: float, about: str = "c1") -> list[str]:
    """What is decided on one more, in brief; hearing it again is nothing."""
    input = when(about, body, seconds, "event")
    decided = happen(domain, world, input)
    assert domain.decide(world, input) == []
    return brief([event for _, event in decided])


def pass_until(world: World[Any, Any], seconds: float) -> list[str]:
    """Fire what the service's clock allows at this second: the second it was due at, and the event in brief."""
    fired = []
    while (timer := domain.next_timer(world)) and timer[0] <= at(seconds):
        ((_, event),) = happen(domain, world, timer[1])
        fired.append(f"{(timer[1].at - at(0)).total_seconds():g} {brief([event])[0]}")
    return fired


def brief(events: list[Data]) -> list[str]:
    """Each event by its verb and deadline, or its figure and value."""
    return [_brief(event) for event in events]


def _brief(event: Data) -> str:
    name = type(event).__name__.removeprefix("Deadline").removeprefix("Figure").lower()
    about = next((it for key in ("stage", "deadline", "figure") if (it := getattr(event, key, None))), "")
    more = getattr(event, "reason", None) or getattr(event, "verdict", None) or getattr(event, "level", None)
    return " ".join(str(part) for part in (name, about, more) if part)
