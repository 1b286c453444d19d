"""Routing: who is at work, who is asked to take a call, and who owns it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, TypeAlias

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.deciding import Decision, Input, World
from contracts.protocol import Row
from contracts.registry import aggregate_of, name_of
from services.routing.policy import next_of, priority_of, retry_name, row_for

Stage = Literal["unassigned", "offered", "assigned", "contacted", "closed"]
AgentFact: TypeAlias = f.AgentAvailable | f.AgentBusy | f.AgentUnavailable | f.AgentSignedOut

# state


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody at work; `since` is when the present state began."""

    id: str
    since: datetime
    name: str = ""
    role: str = "agent"
    desks: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    tier: int = 1
    state: Literal["available", "busy", "unavailable", "signed_out"] = "unavailable"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """A call on its way to an owner; without a state it needs none as far as is known.

    `tried` were asked in this round; `person` was asked for by the caller, and `direct` says whether the call
    may go to them directly; `violations` are the rules broken, and when.
    """

    state: Stage | None = None
    desk: str = ""
    priority: int = 9
    kind: str | None = None
    since: datetime | None = None
    attempt: int = 0
    offered_to: str | None = None
    tried: tuple[str, ...] = ()
    owner: str | None = None
    answered_by: str | None = None
    instruction: str | None = None
    person: str | None = None
    direct: bool = False
    violations: tuple[tuple[str, datetime], ...] = ()


Aggregate: TypeAlias = Agent | Assignment
Ready: TypeAlias = tuple[datetime, str]
Waiting: TypeAlias = tuple[int, datetime, str]


@dataclass(slots=True)
class Index:
    """Agents ready by desk, longest idle first; calls that wait for one, most urgent first; open offers by agent."""

    ready: defaultdict[str, list[Ready]] = field(default_factory=lambda: defaultdict(list))
    waiting: defaultdict[str, list[Waiting]] = field(default_factory=lambda: defaultdict(list))
    offers: dict[str, str] = field(default_factory=dict)

    def note(self, id: str, before: Aggregate | None, after: Aggregate) -> None:
        """Take out what the aggregate was, put in what it is."""
        if isinstance(before, Agent) and before.state == "available":
            for desk in set(before.desks):
                _take_out(self.ready[desk], (before.since, before.id))
        if isinstance(before, Assignment):
            if before.state == "unassigned" and before.since:
                _take_out(self.waiting[before.desk], (before.priority, before.since, id))
            if before.offered_to and self.offers.get(before.offered_to) == id:
                del self.offers[before.offered_to]
        if isinstance(after, Agent) and after.state == "available":
            for desk in set(after.desks):
                _put_in(self.ready[desk], (after.since, after.id))
        if isinstance(after, Assignment):
            if after.state == "unassigned" and after.since:
                _put_in(self.waiting[after.desk], (after.priority, after.since, id))
            if after.offered_to:
                self.offers[after.offered_to] = id


def _put_in(ordered: list[Any], key: Any) -> None:
    place = bisect_left(ordered, key)
    if ordered[place : place + 1] != [key]:
        ordered.insert(place, key)


def _take_out(ordered: list[Any], key: Any) -> None:
    place = bisect_left(ordered, key)
    if ordered[place : place + 1] == [key]:
        del ordered[place]


Routing: TypeAlias = World[Aggregate, Index]
