"""A decision in the making: promises are made, kept, dropped, paused and resumed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from contracts import events as e
from contracts.base import Data
from contracts.deciding import Decision, Input
from contracts.protocol import Protocol
from contracts.registry import beside, call_of
from services.sla import policy
from services.sla.state import ENDED, Deadline, Promises, Stage, World, evolve


@dataclass(slots=True)
class Draft:
    """The promises of one aggregate as they are after each event so far; `decision` is that of all aggregates."""

    world: World
    id: str
    at: datetime
    promises: Promises
    version: int | None
    decision: Decision = field(default_factory=list)

    @classmethod
    def on(cls, world: World, input: Input) -> Draft:
        """The beginning of a decision on an event, under the version that it names or the promises follow."""
        promises = _promises(world, input.id)
        version = vars(input.body).get("protocol") or promises.protocol
        return cls(world, input.id, input.at, promises, version)

    @property
    def protocol(self) -> Protocol:
        """The protocol that is followed."""
        return self.world.under(self.version)

    @property
    def begun(self) -> bool:
        """Whether the call follows a protocol that watches calls: its beginning is remembered."""
        return self.promises.protocol is not None

    def about(self, id: str) -> Draft:
        """The same decision, on another aggregate."""
        promises = _promises(self.world, id)
        return Draft(self.world, id, self.at, promises, self.version or promises.protocol, self.decision)

    def beside(self, kind: str) -> Draft:
        """The same decision, on what is kept beside the call."""
        return self.about(beside(kind, call_of(self.id)))

    def add(self, event: Data) -> None:
        """Let this happen too."""
        self.decision.append((self.id, event))
        after = evolve(self.promises, event, self.at)
        assert isinstance(after, Promises)
        self.promises = after

    def set(self, limit: policy.Limit, since: datetime, name: str | None = None) -> Deadline:
        """Make a promise, under this name or one after its kind; whatever has passed already is broken at once."""
        self.add(policy.deadline(limit, name or self.free(limit.kind), since, self.protocol))
        it = self.promises.deadlines[-1]
        if policy.is_past(it.due, it.inclusive, self.at):
            self.add(broken(it))
        return it

    def free(self, kind: str) -> str:
        """A name after the kind: answer, or answer-2, answer-3 … if it was used before."""
        last = self.promises.last(kind)
        if last is None:
            return kind
        number = last.name.removeprefix(kind).removeprefix("-") or "1"
        return f"{kind}-{int(number) + 1}"

    def settle(self, kind: str, reason: str | None = None) -> None:
        """What has happened ends the latest deadline of a kind: kept, or for this reason not wanted."""
        if it := self.promises.last(kind):
            self.end(it, reason)

    def end(self, it: Deadline, reason: str | None = None, at: datetime | None = None) -> None:
        """What has happened (`at` another time than now) ends the deadline: kept, or for this reason not wanted.

        If that came too late the promise was broken all the same; a verdict that came too soon is corrected.
        """
        at = at or self.at
        late = it.state != "paused" and policy.is_past(it.due, it.inclusive, at)
        kept = reason is None and not it.warning
        if it.alive:
            if late:
                self.add(broken(it))
            elif kept:
                self.add(e.DeadlineMet(deadline=it.name, rule=it.rule, at=at))
            else:
                self.add(e.DeadlineCancelled(deadline=it.name, rule=it.rule, reason=reason or ENDED))
        elif it.state in ("breached", "warned") and not late:
            verdict: Literal["met", "cancelled"] = "met" if kept else "cancelled"
            self.add(e.DeadlineCorrected(deadline=it.name, rule=it.rule, verdict=verdict, at=at))
        elif it.ended and at < it.ended and not late and it.state == ("cancelled" if kept else "met"):
            ended: Literal["met", "cancelled"] = "met" if kept else "cancelled"
            self.add(e.DeadlineCorrected(deadline=it.name, rule=it.rule, verdict=ended, at=at))
        now = self.promises.named(it.name)
        if now and now.escalates:
            self.add(e.StageEnded(stage="escalation", deadline=it.name))

    def drop(self, kind: str, reason: str) -> None:
        """The latest deadline of a kind, if it runs, is not wanted any more."""
        last = self.promises.last(kind)
        if last and last.alive:
            self.end(last, reason)

    def over(self, stage: Stage, kind: str) -> None:
        """Make sure that it is remembered that the stage is over, if anything was ever due in it or is counted."""
        if stage not in self.promises.over and (self.promises.watched or self.promises.last(kind)):
            self.add(e.StageEnded(stage=stage))


def broken(it: Deadline) -> e.DeadlineBreached | e.DeadlineWarned:
    """The verdict on a deadline that has passed."""
    kind = e.DeadlineWarned if it.warning else e.DeadlineBreached
    return kind(deadline=it.name, rule=it.rule, due=it.due)


def _promises(world: World, id: str) -> Promises:
    found = world.aggregates.get(id)
    return found if isinstance(found, Promises) else Promises()
