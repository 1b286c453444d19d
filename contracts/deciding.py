"""What a decision is made of: the input, the world it is decided in, and what comes out.

A service's `domain` offers `evolve` (one aggregate, one event, in one pure step), `decide` (world and input
in, events out; `Refused` where it may not be), `closed` and an `Index`: the same shape in every service.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

from contracts.base import Data
from contracts.protocol import PLAIN
from contracts.protocol import Protocol as CentreProtocol

A = TypeVar("A", contravariant=True)
"""The aggregates of a service: a union of frozen dataclasses."""


class Input(NamedTuple):
    """Something to decide on: a fact, another service's event, a command, or a timer of one's own.

    `id` is the aggregate it is about, `at` when it occurred (for a timer: its due time), `origin` the topic
    or service it comes from, `key` its message id, `position` its sequence in the inbox or the log.
    """

    kind: Literal["fact", "event", "command", "timer"]
    id: str
    body: Data
    at: datetime
    origin: str = ""
    key: str = ""
    actor: str = ""
    position: int = 0


Decision = list[tuple[str, Data]]
"""Events in the order decided, each with the aggregate that it belongs to."""


class Index(Protocol[A]):
    """What a service must find without knowing the id; kept up to date from each aggregate's change alone."""

    def note(self, id: str, before: A | None, after: A) -> None:
        """The aggregate has changed; calling it again with a closed aggregate read back changes nothing."""
        ...


I = TypeVar("I", bound=Index[Any])  # noqa: E741


@dataclass(slots=True)
class World(Generic[A, I]):
    """Everything a service knows: its aggregates, what it finds them by, and the centre it works for."""

    index: I
    aggregates: dict[str, A] = field(default_factory=dict)
    protocol: CentreProtocol = PLAIN
    versions: dict[int, CentreProtocol] = field(default_factory=dict)
    virtual: bool = False

    def under(self, version: int | None) -> CentreProtocol:
        """The protocol of this version; the present one where it is not known."""
        return self.versions.get(version or 0, self.protocol)

    def evolve(
        self, step: Callable[[A | None, Data, datetime], A], id: str, event: Data, at: datetime
    ) -> None:
        """Let an event of this aggregate happen."""
        before = self.aggregates.get(id)
        after = step(before, event, at)
        self.aggregates[id] = after
        self.index.note(id, before, after)
