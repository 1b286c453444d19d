"""What a decision is made of: the input, the world it is decided in, and what comes out.

A service's `domain` offers `evolve` (one aggregate, one event, in one pure step), `decide` (world and input
in, events out; `Refused` where it may not be), `closed` and an `Index`: the same shape in every service.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

from contracts.base import Data
from contracts.letters import Letters
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


WINDOW = timedelta(seconds=5)
"""By how much a fact may come late, so that all comes out as if it had come in time."""


class Moment(NamedTuple):
    """Something that happened to an aggregate, and how it was before; `at` orders it, `said` is its own time."""

    at: datetime
    said: datetime
    event: Data
    before: Any


Past = tuple[Moment, ...]
"""What happened lately to an aggregate, in order."""


class Index(Protocol[A]):
    """What a service must find without knowing the id; kept up to date from each aggregate's change alone."""

    def note(self, id: str, before: A | None, after: A | None) -> None:
        """The aggregate has changed, or (None) can no longer be read; a closed one read back changes nothing."""
        ...


I = TypeVar("I", bound=Index[Any])  # noqa: E741


@dataclass(slots=True)
class World(Generic[A, I]):
    """Everything a service knows: its aggregates, what it finds them by, and the centre it works for.

    `past` are the last five seconds of those that the index says are to be kept in order of occurrence (`ORDERED`),
    but for events that say how things stand, the last of which counts (`STANDING`).
    `letters` is what it has set aside, `stopped` says of aggregates that cannot be read why.
    """

    index: I
    aggregates: MutableMapping[str, A] = field(default_factory=dict)
    protocol: CentreProtocol = PLAIN
    versions: dict[int, CentreProtocol] = field(default_factory=dict)
    virtual: bool = False
    past: dict[str, Past] = field(default_factory=dict)
    letters: Letters = field(default_factory=Letters)
    stopped: dict[str, str] = field(default_factory=dict)

    def under(self, version: int | None) -> CentreProtocol:
        """The protocol of this version; the present one where it is not known."""
        return self.versions.get(version or 0, self.protocol)

    def evolve(
        self, step: Callable[[A | None, Data, datetime], A], id: str, event: Data, at: datetime
    ) -> None:
        """Let an event of this aggregate happen."""
        self.become(id, *self.after(step, event, at, self.aggregates.get(id), self.past.get(id)))

    def after(
        self,
        step: Callable[[A | None, Data, datetime], A],
        event: Data,
        at: datetime,
        before: A | None,
        past: Past | None,
    ) -> tuple[A, Past | None]:
        """How an aggregate is after an event, and its past, where one is kept of it; nothing changes."""
        standing = past and isinstance(event, getattr(self.index, "STANDING", ()))
        if past and not standing and at < past[-1].at and (late := _behind(past, at)) is not None:
            return _inserted(past, late, step, event, at)
        after = step(before, event, at)
        if isinstance(after, getattr(self.index, "ORDERED", ())):
            past = _appended(past or (), Moment(at, at, event, before))
        return after, past

    def become(self, id: str, after: A, past: Past | None) -> None:
        """Let the aggregate be this from now on, with this past."""
        before = self.aggregates.get(id)
        self.aggregates[id] = after
        if past:
            self.past[id] = past
        self.index.note(id, before, after)

    def stop(self, id: str, reason: str) -> None:
        """The aggregate cannot be read any further: it leaves memory, and what it was found by."""
        before = self.aggregates.get(id)
        self.forget(id)
        self.stopped[id] = reason
        if before is not None:
            self.index.note(id, before, None)

    def later(self, id: str, at: datetime) -> Past:
        """What happened to an aggregate after a time, as far as that is remembered; mostly nothing."""
        past = self.past.get(id)
        if not past or at >= past[-1].at or (late := _behind(past, at)) is None:
            return ()
        return past[late:]

    def seen(self, id: str, state: Any) -> World[A, I]:
        """The world with this aggregate as it was."""
        return replace(self, aggregates=ChainMap({id: state}, self.aggregates))

    def forget(self, id: str) -> None:
        """Let an aggregate leave memory."""
        self.aggregates.pop(id, None)
        self.past.pop(id, None)
        self.stopped.pop(id, None)


def _behind(past: Past, at: datetime) -> int | None:
    """The first moment after a time; None if that is too long ago, or from before the beginning."""
    if at < past[-1].at - WINDOW:
        return None
    place = next(place for place, moment in enumerate(past) if moment.at > at)
    return None if past[place].before is None else place


def _appended(past: Past, moment: Moment) -> Past:
    if not past:
        return (moment,)
    if moment.at < past[-1].at:  # too late to be put in its place
        moment = moment._replace(at=past[-1].at)
    since, first = moment.at - WINDOW, 0
    while first < len(past) and past[first].at < since:
        first += 1
    return (*past[first:], moment)


def _inserted(
    past: Past, place: int, step: Callable[[Any, Data, datetime], A], event: Data, at: datetime
) -> tuple[A, Past]:
    """How the aggregate is with something put in its place, and its past with that."""
    state, whole = past[place].before, list(past[:place])
    for moment in (Moment(at, at, event, state), *past[place:]):
        whole.append(moment._replace(before=state))
        state = step(state, moment.event, moment.said)
    return state, tuple(whole)
