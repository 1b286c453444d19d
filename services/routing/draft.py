"""A decision in the making: what is decided so far has happened, and is taken back at its end."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from contracts import events as e
from contracts.base import Data
from contracts.deciding import Decision, Input
from contracts.protocol import Protocol
from contracts.registry import name_of
from services.routing.aggregates import Agent, Aggregate, Assignment, Queue, Shares, agent_id
from services.routing.state import Routing, evolve


class Draft:
    """Events decided one by one on the world as it is after those before; leaving it the world is as it was."""

    def __init__(self, world: Routing, input: Input) -> None:
        self.world, self.input = world, input
        self.index, self.at = world.index, input.at
        self.events: Decision = []
        self._before: list[tuple[str, Aggregate | None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, it: object, trace: TracebackType | None) -> None:
        for id, before in reversed(self._before):
            self.index.note(id, self.world.aggregates[id], before)
            if before is None:
                del self.world.aggregates[id]
            else:
                self.world.aggregates[id] = before

    def add(self, id: str, event: Data) -> None:
        """Let this happen too."""
        before = self.world.aggregates.get(id)
        after = evolve(before, event, self.at)
        self.world.aggregates[id] = after
        self.index.note(id, before, after)
        self._before.append((id, before))
        self.events.append((id, event))

    def violate(self, id: str, rule: str, detail: str, by: str | None = None) -> None:
        """Note that a rule was broken, once for a moment."""
        if (rule, self.at) not in self.call(id).violations:
            who = by or self.input.actor or None
            self.add(id, e.RuleViolated(rule=rule, fact=name_of(self.input.body), by=who, detail=detail))

    def changed(self) -> dict[str, Aggregate | None]:
        """What has been changed so far, in that order, as it was before."""
        first: dict[str, Aggregate | None] = {}
        for id, before in self._before:
            first.setdefault(id, before)
        return first

    def call(self, id: str) -> Assignment:
        """The assignment of a call; one without a state if none is known."""
        it = self.world.aggregates.get(id)
        return it if isinstance(it, Assignment) else Assignment()

    def agent(self, agent: str) -> Agent | None:
        """An agent who is signed in. Who has left may have left memory too: nothing is recorded of them."""
        it = self.world.aggregates.get(agent_id(agent))
        return it if isinstance(it, Agent) and it.state != "signed_out" else None

    def queue(self, id: str) -> Queue:
        """A queue by its aggregate's id."""
        it = self.world.aggregates.get(id)
        return it if isinstance(it, Queue) else Queue()

    def shares(self, id: str) -> Shares:
        """How a desk's work is shared, by the aggregate's id."""
        it = self.world.aggregates.get(id)
        return it if isinstance(it, Shares) else Shares()

    def protocol(self, id: str) -> Protocol:
        """The protocol that a call follows, as far as routing has heard of it."""
        return self.world.under(self.call(id).protocol)
