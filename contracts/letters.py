"""What a service has set aside and nobody has sent again or discarded: state by the service's own events alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from contracts.base import Data
from contracts.events import DeadletterDiscarded, DeadletterRequested, DeadletterResent, DeadletterSetAside
from contracts.registry import call_of, keeps_order

Event = DeadletterSetAside | DeadletterRequested | DeadletterResent | DeadletterDiscarded
EVENTS = (DeadletterSetAside, DeadletterRequested, DeadletterResent, DeadletterDiscarded)


class Letter(NamedTuple):
    """One input set aside; `requested` when it is to be decided on again, `holds` where others wait behind it."""

    aggregate: str
    kind: str
    position: int
    id: str
    source: str
    holds: bool
    requested: bool = False


@dataclass(slots=True)
class Letters:
    """The letters outstanding of each call (or case, or message), in order, and the timers that were discarded."""

    waiting: dict[str, tuple[Letter, ...]] = field(default_factory=dict)
    dropped: dict[str, frozenset[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self.waiting.values()))

    def of(self, aggregate: str) -> tuple[Letter, ...]:
        """Those of the call that the aggregate is, or is kept beside."""
        return self.waiting.get(call_of(aggregate), ()) if self.waiting else ()

    def first(self, aggregate: str) -> Letter | None:
        """The one that others about the same call wait behind."""
        return next((it for it in self.of(aggregate) if it.holds), None)

    def find(self, aggregate: str, kind: str, position: int) -> Letter | None:
        """The letter of this kind and position."""
        return next((it for it in self.of(aggregate) if it[1:3] == (kind, position)), None)

    def has(self, aggregate: str) -> bool:
        """Whether one of them stands among the aggregate's own events."""
        return any(it.aggregate == aggregate for it in self.of(aggregate))

    def timer_waits(self, aggregate: str, id: str) -> bool:
        """Whether a timer may not fire: something about the call is outstanding, or it was discarded."""
        mine = any(it.kind == "timer" and it.id == id for it in self.of(aggregate))
        return mine or self.first(aggregate) is not None or id in self.dropped.get(aggregate, ())

    def evolve(self, aggregate: str, event: Data) -> None:
        """Let one of the events about letters happen."""
        match event:
            case DeadletterSetAside():
                holds = keeps_order(aggregate) and (event.kind != "fact" or event.kept is not None)
                made = Letter(aggregate, event.kind, event.position, event.id, event.source, holds)
                line = self.of(aggregate)
                former = (
                    self.find(aggregate, event.kind, event.resends) if event.resends is not None else None
                )
                if former:
                    self._set(aggregate, tuple(made if it is former else it for it in line))
                else:
                    self._set(aggregate, (*line, made))
            case DeadletterRequested():
                self._set(
                    aggregate,
                    tuple(
                        it._replace(requested=True) if it[1:3] == (event.kind, event.position) else it
                        for it in self.of(aggregate)
                    ),
                )
            case DeadletterResent() | DeadletterDiscarded():
                line = self.of(aggregate)
                gone = [it for it in line if it[1:3] == (event.kind, event.position)]
                self._set(aggregate, tuple(it for it in line if it not in gone))
                for it in gone if isinstance(event, DeadletterDiscarded) else ():
                    if it.kind == "timer":
                        self.dropped[aggregate] = self.dropped.get(aggregate, frozenset()) | {it.id}

    def forget(self, aggregate: str) -> None:
        """The aggregate leaves memory."""
        self.dropped.pop(aggregate, None)
        if self.waiting:
            self._set(aggregate, tuple(it for it in self.of(aggregate) if it.aggregate != aggregate))

    def _set(self, aggregate: str, line: tuple[Letter, ...]) -> None:
        if line:
            self.waiting[call_of(aggregate)] = line
        else:
            self.waiting.pop(call_of(aggregate), None)
