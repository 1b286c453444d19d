"""Faults in recovery, in time, in answers and in rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, BinaryIO

from contracts import facts as f
from eventlog import runner
from eventlog.beats import Heard, Passed
from eventlog.checkpoint import Checkpoint
from eventlog.clock import Clock
from eventlog.codec import Message, moment
from eventlog.core import Core
from eventlog.decider import Arrival
from eventlog.memory import Memory
from eventlog.pulse import Pulse
from eventlog.recovery import Recovery
from eventlog.runner import Runner
from eventlog.steps import Steps
from eventlog.stream import Stream
from services.decider import Decider
from services.intake import course, domain
from services.intake.state import known
from services.routing.aggregates import Assignment
from services.sla import draft
from tests.simulation.planting import Swap, planted

# recovery


@planted
def completes_twice() -> Sequence[Swap]:
    """Of a decision cut short all is recorded again, not what is missing."""

    def complete(self: Core[Any], arrival: Arrival) -> list[Message]:
        part, self._cut = self._cut, []
        self.inbox, self.log = part[0].inbox, part[0].log
        return self._decide(arrival)

    return [(Core, "complete", complete)]


@planted
def completes_nothing() -> Sequence[Swap]:
    """A decision cut short stays so."""

    async def complete(self: Recovery[Any]) -> list[Message]:
        for part in self.core._cut:
            self.core._apply(part)
        self.core._cut = []
        return []

    return [(Recovery, "complete", complete)]


@planted
def keeps_a_later_position() -> Sequence[Swap]:
    """A checkpoint says that more was read than its state has."""
    real = Checkpoint.dump

    def dump(self: Checkpoint, core: Core[Any], file: BinaryIO) -> None:
        kept = core.recorded
        core.recorded = kept[0] + 1, kept[1] + 2
        try:
            real(self, core, file)
        finally:
            core.recorded = kept

    return [(Checkpoint, "dump", dump)]


@planted
def believes_an_old_state() -> Sequence[Swap]:
    """A checkpoint is taken for the state at the end of the log."""
    real = Checkpoint.load

    async def load(self: Checkpoint, core: Core[Any], log: Stream) -> bool:
        loaded = await real(self, core, log)
        last = await log.last(f"log.acme.{core.decider.name}.>")
        if loaded and last:
            core.own = last.seq
        return loaded

    return [(Checkpoint, "load", load)]


@planted
def uses_anothers_state() -> Sequence[Swap]:
    """The memory of the session before is not thrown away."""

    def begin(decider: Decider, *args: Any, **options: Any) -> Core[Any]:
        kept: dict[Any, Core[Any]] = decider.__dict__.setdefault("kept", {})
        return kept.setdefault(decider.name, Core(decider, *args, **options))

    return [(runner, "Core", begin)]


@planted
def reads_back_too_little() -> Sequence[Swap]:
    """What is read back lacks its last event."""
    real = Memory.restore
    return [(Memory, "restore", lambda self, aggregate, history: real(self, aggregate, [*history][:-1]))]


@planted
def forgets_what_is_open() -> Sequence[Swap]:
    """Aggregates leave memory that are not over."""
    return [(Decider, "over", lambda self, world, aggregate: True)]


# time


@planted
def fires_early() -> Sequence[Swap]:
    """Timers do not wait for the grace."""

    def due(self: Pulse[Any]) -> Arrival | None:
        timer = self.core.due()
        return timer[1] if timer and self.time and timer[0] - timedelta(seconds=1) <= self.time else None

    return [(Pulse, "timer_due", due)]


@planted
def outruns_upstream() -> Sequence[Swap]:
    """The time is that of whoever upstream is first, be the others down."""

    def passed(self: Heard, log: int) -> Passed | None:
        for service, pending in self._pending.items():
            while pending and pending[0].own <= log:
                self._reached[service] = pending.popleft()
        clocks = [moment(beat.clock) for beat in self._reached.values()]
        return Passed(max(clocks), 0) if clocks else None

    return [(Heard, "passed", passed)]


@planted
def outruns_the_log() -> Sequence[Swap]:
    """The time that others pass on is believed before the log is read as far as they had written."""
    real = Heard.passed
    return [(Heard, "passed", lambda self, log: real(self, 1 << 60))]


@planted
def outruns_the_inbox() -> Sequence[Swap]:
    """Time goes on though facts wait in the inbox."""

    async def read(self: Clock[Any]) -> bool:
        return True

    return [(Clock, "_inbox_read", read)]


# answers


@planted
def standby_answers() -> Sequence[Swap]:
    """An instance that stands by decides on commands, too."""
    real = Runner._ask

    async def ask(self: Runner[Any], asked: Any) -> Any:
        if self.state == "standby" and asked.arrival and asked.arrival.aggregate in self.core.tracks:
            return self.core.handle(asked.arrival)[0]
        return await real(self, asked)

    return [(Runner, "_ask", ask)]


@planted
def answers_before_it_is_stored() -> Sequence[Swap]:
    """A command is answered when it is decided on, whether it can be stored or not."""
    real = Steps._store

    async def store(self: Steps[Any], out: Any) -> None:
        for asked, outcome in out.answers:
            if isinstance(outcome, Message) and not asked.answer.done():
                asked.answer.set_result(outcome._replace(seq=self.core.own + 1))
        await real(self, out)

    return [(Steps, "_store", store)]


# rules


@planted
def keeps_promises_late() -> Sequence[Swap]:
    """What came too late is taken for kept."""
    return [(draft.policy, "is_past", lambda due, inclusive, at: False)]


@planted
def assigns_what_is_owned() -> Sequence[Swap]:
    """A call that has an owner is given to another one."""
    return [(Assignment, "open", property(lambda self: True))]


@planted
def holds_what_is_held() -> Sequence[Swap]:
    """A call on hold can be put on hold."""
    return [(domain.FACTS, f.CallHeld, course.on_during)]


@planted
def answers_what_was_abandoned() -> Sequence[Swap]:
    """A call can be answered and abandoned."""
    return [(course, "_unanswered", known)]


@planted
def goes_on_after_the_end() -> Sequence[Swap]:
    """What can only be during a call is recorded when it is over."""
    return [(course, "ongoing", known)]
