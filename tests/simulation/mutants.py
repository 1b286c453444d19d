"""Planted faults: each a small change of the real code, and every one of them must be seen by an invariant.

`python -m tests.simulation.mutants` plays seeds with each until one is; a fault that survives fails.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from contracts import facts as f
from eventlog import core, runner, stream
from eventlog.beats import Heard, Passed
from eventlog.checkpoint import Checkpoint
from eventlog.codec import Message
from eventlog.core import Arrival, Core
from eventlog.errors import Unavailable
from eventlog.recovery import Recovery
from eventlog.runner import Runner
from eventlog.stream import Stream
from services.decider import Decider
from services.intake import course, domain
from services.intake.state import known
from services.routing.aggregates import Assignment
from services.sla import draft
from tests.simulation.__main__ import run

Swap = tuple[Any, str, Any]
MUTANTS: dict[str, Callable[[], Sequence[Swap]]] = {}


def planted(make: Callable[[], Sequence[Swap]]) -> Callable[[], Sequence[Swap]]:
    """A fault, by its name: what it replaces, and with what."""
    MUTANTS[make.__name__] = make
    return make


@contextmanager
def grown(name: str) -> Iterator[None]:
    """Have the fault in the code for a while."""
    swaps = MUTANTS[name]()
    before = [(owner, key, _get(owner, key)) for owner, key, _ in swaps]
    try:
        for owner, key, new in swaps:
            _set(owner, key, new)
        yield
    finally:
        for owner, key, old in before:
            _set(owner, key, old)


def _get(owner: Any, key: Any) -> Any:
    return owner[key] if isinstance(owner, Mapping) else owner.__dict__[key]


def _set(owner: Any, key: Any, value: Any) -> None:
    if isinstance(owner, dict):
        owner[key] = value
    else:
        setattr(owner, key, value)


def _sometimes(number: int) -> Callable[[], bool]:
    """True every so many times."""
    turns = itertools.count(1)
    return lambda: next(turns) % number == 0


# what is read


@planted
def skips_an_event() -> Sequence[Swap]:
    """One event of the others in nine is passed over."""
    real, now = Core.handle, _sometimes(9)

    def handle(self: Core[Any], arrival: Arrival) -> list[Message]:
        if arrival.kind == "event" and now():
            self.log = arrival.message.seq
            return []
        return real(self, arrival)

    return [(Core, "handle", handle)]


@planted
def applies_an_event_twice() -> Sequence[Swap]:
    """One event of the others in five is decided on twice."""
    real, now = Core.handle, _sometimes(5)

    def handle(self: Core[Any], arrival: Arrival) -> list[Message]:
        decided = real(self, arrival)
        return decided + real(self, arrival) if arrival.kind == "event" and now() else decided

    return [(Core, "handle", handle)]


@planted
def follows_from_too_far() -> Sequence[Swap]:
    """Whoever begins to follow misses the first message."""
    real = Stream.follow
    return [(Stream, "follow", lambda self, subjects, after: real(self, subjects, after + 1 if after else 0))]


@planted
def does_not_know_repeats() -> Sequence[Swap]:
    """A fact that comes again is decided on again."""
    real = Core.handle

    def handle(self: Core[Any], arrival: Arrival) -> list[Message]:
        if arrival.kind == "fact" and arrival.aggregate in self.tracks:
            self.tracks[arrival.aggregate].causes.clear()
        return real(self, arrival)

    return [(Core, "handle", handle)]


@planted
def does_not_know_commands() -> Sequence[Swap]:
    """A command that comes again is carried out again."""
    real = Core.handle

    def handle(self: Core[Any], arrival: Arrival) -> list[Message]:
        self.commands.clear()
        return real(self, arrival)

    return [(Core, "handle", handle)]


@planted
def decides_without_a_protocol() -> Sequence[Swap]:
    """Facts do not wait until the centre's own messages are known."""
    real = Runner._gather
    return [(Runner, "_gather", lambda self, ready: real(self, True))]


@planted
def reads_on_too_far() -> Sequence[Swap]:
    """After recovery the next fact is passed over."""
    real = Runner._recover

    async def recover(self: Runner[Any]) -> None:
        await real(self)
        self.core.inbox += 1 if self.core.inbox else 0

    return [(Runner, "_recover", recover)]


# what is written


@planted
def forgets_the_fence() -> Sequence[Swap]:
    """Appends do not expect the term."""
    real = Stream.append

    async def append(
        self: Stream, messages: Any, *, fence: Any = None, expected: Any = None, atomic: bool = False
    ) -> Any:
        return await real(self, messages, expected=expected, atomic=atomic)

    return [(Stream, "append", append)]


@planted
def takes_any_term() -> Sequence[Swap]:
    """Taking the term does not expect the last one, and whoever was replaced does not look."""
    real = Stream.append

    async def append(
        self: Stream, messages: Any, *, fence: Any = None, expected: Any = None, atomic: bool = False
    ) -> Any:
        if fence:
            last = await self.last(fence[0])
            fence = (fence[0], last.seq if last else 0)
        return await real(self, messages, fence=fence, atomic=atomic)

    return [(Stream, "append", append)]


@planted
def commits_out_of_order() -> Sequence[Swap]:
    """The last two events of a commit change places."""
    real = Stream.append

    async def append(self: Stream, messages: Any, **options: Any) -> Any:
        if options.get("fence") and len(messages) > 1:
            messages = [*messages[:-2], messages[-1], messages[-2]]
        return await real(self, messages, **options)

    return [(Stream, "append", append)]


@planted
def tears_a_batch() -> Sequence[Swap]:
    """A batch is sent as plain appends, of which only the first expects the term."""
    return [(Stream, "_batch", Stream._singly)]


@planted
def tries_a_commit_again() -> Sequence[Swap]:
    """After a time-out the same commit is sent once more, as if nothing had been stored."""
    real = Stream.append

    async def append(self: Stream, messages: Any, **options: Any) -> Any:
        try:
            return await real(self, messages, **options)
        except Unavailable:
            if not options.get("fence") or self.connection.is_closed:
                raise
            return await real(self, messages, **options)

    return [(Stream, "append", append)]


@planted
def numbers_by_chance() -> Sequence[Swap]:
    """Ids do not follow from the input."""
    return [(core, "_event_id", lambda salt, place: uuid4().hex[:24])]


@planted
def decides_by_mood() -> Sequence[Swap]:
    """Every sixth decision of several events lacks the last one."""
    real, now = Decider.decide, _sometimes(6)

    def decide(self: Decider, world: Any, arrival: Arrival) -> Any:
        decision = real(self, world, arrival)
        return decision[:-1] if len(decision) > 1 and now() else decision

    return [(Decider, "decide", decide)]


@planted
def keeps_no_original() -> Sequence[Swap]:
    """What is rejected is not kept."""

    async def keep(self: Stream, subject: str, raw: Any) -> None:
        return None

    return [(Stream, "keep", keep)]


@planted
def trims_what_is_unread() -> Sequence[Swap]:
    """The inbox is trimmed up to its end."""

    async def trim(self: Runner[Any]) -> None:
        last = await self.inbox.last_sequence()
        for subject in self.place.inbox:
            await self.inbox.purge(subject, last + 1)

    return [(Runner, "_trim", trim)]


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
    real = Checkpoint.content

    def content(self: Checkpoint, core: Core[Any]) -> bytes:
        kept = core.recorded
        core.recorded = kept[0] + 1, kept[1] + 2
        try:
            return real(self, core)
        finally:
            core.recorded = kept

    return [(Checkpoint, "content", content)]


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
    real = Core.restore
    return [(Core, "restore", lambda self, aggregate, history: real(self, aggregate, [*history][:-1]))]


@planted
def forgets_what_is_open() -> Sequence[Swap]:
    """Aggregates leave memory that are not over."""
    return [(Decider, "over", lambda self, world, aggregate: True)]


# time


@planted
def fires_early() -> Sequence[Swap]:
    """Timers do not wait for the grace."""

    def due(self: Runner[Any]) -> Arrival | None:
        timer = self.decider.due(self.core.world)
        return timer[1] if timer and self.clock and timer[0] - timedelta(seconds=1) <= self.clock else None

    return [(Runner, "_timer_due", due)]


@planted
def outruns_upstream() -> Sequence[Swap]:
    """The time is that of whoever upstream is first, be the others down."""

    def passed(self: Heard, log: int) -> Passed | None:
        for service, pending in self._pending.items():
            while pending and pending[0].own <= log:
                self._reached[service] = pending.popleft()
        clocks = [stream_moment(beat.clock) for beat in self._reached.values()]
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

    async def read(self: Runner[Any]) -> bool:
        return True

    return [(Runner, "_inbox_read", read)]


@planted
def believes_the_replaced() -> Sequence[Swap]:
    """Beats of an instance that was replaced move the time, as its own log position did not."""
    real = Heard._on_beat

    async def on_beat(self: Heard, message: Any) -> None:
        self._terms.clear()
        await real(self, message)

    real_passed = Heard.passed

    def passed(self: Heard, log: int) -> Passed | None:
        found = real_passed(self, log)
        return found and Passed(max(stream_moment(beat.clock) for beat in self._reached.values()), 0)

    return [(Heard, "_on_beat", on_beat), (Heard, "passed", passed)]


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
    real = Runner._commit

    async def commit(self: Runner[Any], messages: Sequence[Message]) -> dict[str, int]:
        by_cause = {message.cause: message for message in messages}
        for asked in self._in_hand:
            message = by_cause.get(asked.arrival.message.id) if asked.arrival else None
            if message and not asked.answer.done():
                asked.answer.set_result(message._replace(seq=self.core.own + 1))
        return await real(self, messages)

    return [(Runner, "_commit", commit)]


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


def stream_moment(text: str) -> Any:
    """The time that a beat says."""
    from eventlog.codec import moment

    return moment(text)


class Caught(NamedTuple):
    """What became of a fault: after how many seeds which invariants saw it; none if it survived."""

    name: str
    seeds: int
    invariants: list[str]
    first: str


def hunted(name: str, most: int) -> Caught:
    """Play seeds with the fault until an invariant sees it."""
    with grown(name):
        for seed in range(most):
            wrong = run(seed).wrong
            if wrong:
                return Caught(name, seed + 1, list(wrong), next(iter(wrong.values()))[0])
    return Caught(name, most, [], "")


def _hunted(given: tuple[str, int]) -> Caught:
    return hunted(*given)


def main() -> int:
    """Hunt all, or those named; how many survive."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants")
    parser.add_argument("names", nargs="*", default=list(MUTANTS))
    parser.add_argument("--most", type=int, default=300, help="seeds for each")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    survived = 0
    with multiprocessing.get_context("fork").Pool(given.jobs, maxtasksperchild=1) as pool:
        for caught in pool.imap_unordered(_hunted, [(name, given.most) for name in given.names]):
            survived += not caught.invariants
            found = f"caught by {', '.join(caught.invariants)}" if caught.invariants else "SURVIVES"
            print(f"{caught.name:32} {caught.seeds:4} seeds  {found}", flush=True)
            if caught.first:
                print(f"{'':32} {'':10}  {caught.first[:160]}", flush=True)
    print(f"{len(given.names)} faults planted, {survived} survive")
    return min(survived, 1)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        again = [sys.executable, "-m", "tests.simulation.mutants", *sys.argv[1:]]
        os.execve(sys.executable, again, os.environ | {"PYTHONHASHSEED": "0"})
    sys.exit(main())


__all__ = ["MUTANTS", "Caught", "grown", "hunted", "stream"]
