"""What the core asks of a service: the inputs that it gives, the facts that wait, and the decider's part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from eventlog.codec import Malformed, Message, Types
from eventlog.faults import Fault

W = TypeVar("W")


class Arrival(NamedTuple):
    """Something to decide on: `message` as it was read, and the aggregate of this service that it is about.

    Facts come from the inbox, events from other services' part of the log; `message.seq` is their position
    there. `malformed` is set where the message could not be read at all, `again` is the service's own event that
    asks for another's event to be decided on once more.
    """

    kind: Literal["fact", "event", "command", "timer"]
    aggregate: str
    message: Message
    malformed: Malformed | None = None
    again: Message | None = None

    @property
    def identity(self) -> tuple[str, str, str, int]:
        """What tells one input from another."""
        return self.kind, self.message.source, self.message.id, self.message.seq


class Held(NamedTuple):
    """A fact that came before what it follows: it is decided when that has come, or refused after `until`.

    `why` is the event that says so, by the id `id`; `key` is the fact's source and id. `fact` is None where it cannot
    be read any more.
    """

    until: datetime
    id: str
    aggregate: str
    fact: Message | None
    why: Any
    key: str

    @property
    def arrival(self) -> Arrival | None:
        """The fact as an input."""
        return Arrival("fact", self.aggregate, self.fact) if self.fact else None


class Decider(Types, Protocol[W]):
    """What a service gives the loop. `decide` raises where an input may not be accepted."""

    name: str
    heeds: frozenset[str]
    """Names of the other services' events that it decides on; the rest is passed over unread."""
    asks_again: str
    """The name of the service's own event that asks for another service's event to be decided on once more."""
    upstream: tuple[str, ...]
    """Services whose time it must have heard before its own clock moves; none: it reads the time itself."""

    def begin(self) -> W:
        """The world before the first event."""
        ...

    def clock(self, world: W) -> datetime | None:
        """The centre's virtual clock, None where the world's holds; only asked where nobody is upstream."""
        ...

    def dated(self, world: W, message: Message) -> Message:
        """The message with the time at which it occurred, where it does not say so itself."""
        ...

    def decide(self, world: W, arrival: Arrival) -> Sequence[tuple[str, Any]]:
        """Events with the aggregates they belong to; pure."""
        ...

    def refuse(self, world: W, arrival: Arrival, reason: Exception) -> Sequence[tuple[str, Any]]:
        """What is recorded of a fact (or of another's event) that could not be accepted, in one event."""
        ...

    def early(self, reason: Exception) -> bool:
        """Whether a fact is refused only because something that it follows has not come yet."""
        ...

    def defer(self, world: W, arrival: Arrival, reason: Exception) -> tuple[str, Any]:
        """What is recorded of a fact that waits."""
        ...

    def held(self, message: Message, event: Any) -> Held | None:
        """The fact that waits, if that is what an own event says."""
        ...

    def expire(self, world: W, held: Held) -> Sequence[tuple[str, Any]]:
        """What is recorded of a fact that has waited in vain, in one event."""
        ...

    def lawful(self, arrival: Arrival, reason: Exception) -> bool:
        """Whether that is a refusal of the input, and no fault of ours."""
        ...

    def blocked(self, world: W, arrival: Arrival) -> Fault | None:
        """Why an input is to be set aside without being tried."""
        ...

    def set_aside(self, world: W, arrival: Arrival, fault: Fault, log: int) -> Sequence[tuple[str, Any]]:
        """What is recorded, in one event, of an input that could not be handled; `log` is how far the log was read."""
        ...

    def original(self, message: Message) -> int:
        """The position of the event that one of the service's own asks to be decided on once more; 0 for none."""
        ...

    def known(self, world: W, arrival: Arrival) -> bool:
        """Whether a fact is set aside, and this is not the one that it is sent again by."""
        ...

    def repeated(self, world: W, arrival: Arrival) -> Sequence[tuple[str, Any]]:
        """What is recorded, in at most one event, of a fact that was decided on already; mostly nothing."""
        ...

    def evolve(self, world: W, aggregate: str, event: Any, at: datetime) -> None:
        """Let one of the service's own events happen."""
        ...

    def stopped(self, world: W) -> Mapping[str, str]:
        """The aggregates in memory that have stopped, and why."""
        ...

    def stop(self, world: W, aggregate: str, reason: str) -> None:
        """The aggregate's own events cannot be read any further: it leaves memory, and nothing is decided on it."""
        ...

    def refer(self, world: W, message: Message) -> None:
        """Take in a message of the centre itself (protocol, clock): it is no state of the service."""
        ...

    def due(self, world: W) -> tuple[datetime, Arrival] | None:
        """The earliest timer: when it may fire, and what it says."""
        ...

    def follows(self, world: W, aggregate: str, event: Any, cause: Message | None) -> int:
        """The version of the rules by which an event is decided, perhaps because of another service's event."""
        ...

    def begins(self, arrival: Arrival) -> bool:
        """Whether something new may begin with this fact or command."""
        ...

    def over(self, world: W, aggregate: str) -> bool:
        """Whether the aggregate may leave memory."""
        ...

    def forget(self, world: W, aggregate: str) -> None:
        """Let it leave memory; it can be read back by folding its events again."""
        ...
