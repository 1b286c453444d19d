"""Calls, agents and a routing table: what the tests of routing begin with."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.deciding import World
from contracts.protocol import Kind, Protocol, Row
from services.routing import domain
from tests.unit.given import given, happen, when

TABLE = Protocol(
    name="test",
    kinds={kind: Kind(group="any", titles={"en": kind}) for kind in ("private", "trade", "bank", "press")},
    routing=(
        Row(kinds=("press",), desk="none", owner_needed=False),
        Row(kinds=("bank",), desk="office", priority=3, direct_transfer=True),
        Row(kinds=("private",), categories=("complaint",), desk="office", priority=2),
        Row(kinds=("private",), desk="front", priority=5),
        Row(kinds=("trade",), desk="front", priority=4),
        Row(desk="front", priority=6),
    ),
    special_priority=1,
)


def need(kind: str | None = "private", category: f.Category = "question", **more: Any) -> e.NeedEstablished:
    """What intake says of a request."""
    return e.NeedEstablished(category=category, kind=kind, protocol=1, **more)


def at_work(agent: str, seconds: float = 0, desks: tuple[str, ...] = ("front",)) -> list[Any]:
    """An agent who signed in and became available."""
    return [
        (f"agent:{agent}", f.AgentSignedIn(name=agent, desks=desks), seconds),
        (f"agent:{agent}", f.AgentAvailable(), seconds),
    ]


def unassigned(priority: int = 5, desk: str = "front", **more: Any) -> e.CallUnassigned:
    """A call for a desk."""
    return e.CallUnassigned(desk=desk, priority=priority, kind="private", protocol=1, **more)


def offer(to: str | None, attempt: int = 1, desk: str = "front") -> e.OfferMade:
    """Somebody is asked, or nobody yet."""
    return e.OfferMade(to=to, desk=desk, attempt=attempt, protocol=1)


def world(*events: Any) -> World[Any, Any]:
    """The world after these events."""
    return given(domain, TABLE, events)


def attempt(by: str, outcome: Any, instruction: str | None = None) -> f.AssignmentAttempted:
    """A colleague was called."""
    return f.AssignmentAttempted(by=by, outcome=outcome, instruction=instruction)


def decided(before: World[Any, Any], id: str, body: Data, seconds: float = 100) -> list[Data]:
    """What is decided about one aggregate, letting it happen."""
    decision = happen(domain, before, when(id, body, seconds))
    assert {aggregate for aggregate, _ in decision} <= {id}
    return [event for _, event in decision]


def refused(before: World[Any, Any], id: str, body: Data) -> str:
    """The rule under which an input is refused."""
    with pytest.raises(Refused) as refusal:
        happen(domain, before, when(id, body, 100))
    return refusal.value.rule
