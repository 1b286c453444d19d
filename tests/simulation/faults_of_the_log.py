"""Faults in how a service reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from eventlog import core
from eventlog.append import Appender
from eventlog.codec import Message
from eventlog.core import Core
from eventlog.decider import Arrival
from eventlog.errors import Unavailable
from eventlog.faults import Fault
from eventlog.inputs import Inputs
from eventlog.runner import Runner
from eventlog.stream import Stream
from services.decider import Decider
from tests.simulation.planting import Swap, planted, sometimes

# what is read


@planted
def skips_an_event() -> Sequence[Swap]:
    """One event of the others in nine is passed over."""
    real, now = Core.handle, sometimes(9)

    def handle(self: Core[Any], arrival: Arrival, fault: Fault | None = None) -> list[Message]:
        if arrival.kind == "event" and now():
            self.log = arrival.message.seq
            return []
        return real(self, arrival, fault)

    return [(Core, "handle", handle)]


@planted
def applies_an_event_twice() -> Sequence[Swap]:
    """One event of the others in five is decided on twice."""
    real, now = Core.handle, sometimes(5)

    def handle(self: Core[Any], arrival: Arrival, fault: Fault | None = None) -> list[Message]:
        decided = real(self, arrival, fault)
        return decided + real(self, arrival, fault) if arrival.kind == "event" and now() else decided

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

    def handle(self: Core[Any], arrival: Arrival, fault: Fault | None = None) -> list[Message]:
        if arrival.kind == "fact" and arrival.aggregate in self.tracks:
            self.tracks[arrival.aggregate] = self.tracks[arrival.aggregate]._replace(causes=frozenset())
        return real(self, arrival, fault)

    return [(Core, "handle", handle)]


@planted
def does_not_know_commands() -> Sequence[Swap]:
    """A command that comes again is carried out again."""
    real = Core.handle

    def handle(self: Core[Any], arrival: Arrival, fault: Fault | None = None) -> list[Message]:
        self.commands.clear()
        return real(self, arrival, fault)

    return [(Core, "handle", handle)]


@planted
def decides_without_a_protocol() -> Sequence[Swap]:
    """Facts do not wait until the centre's own messages are known."""
    real = Inputs.gather
    return [(Inputs, "gather", lambda self, core, term, ready: real(self, core, term, True))]


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

    return [(Appender, "append", append)]


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

    return [(Appender, "append", append)]


@planted
def commits_out_of_order() -> Sequence[Swap]:
    """The last two events of a commit change places."""
    real = Stream.append

    async def append(self: Stream, messages: Any, **options: Any) -> Any:
        if options.get("fence") and len(messages) > 1:
            messages = [*messages[:-2], messages[-1], messages[-2]]
        return await real(self, messages, **options)

    return [(Appender, "append", append)]


@planted
def tears_a_batch() -> Sequence[Swap]:
    """A batch is sent as plain appends, of which only the first expects the term."""
    return [(Appender, "_batch", Appender._singly)]


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

    return [(Appender, "append", append)]


@planted
def numbers_by_chance() -> Sequence[Swap]:
    """Ids do not follow from the input."""
    return [(core, "event_id", lambda salt, place: uuid4().hex[:24])]


@planted
def decides_by_mood() -> Sequence[Swap]:
    """Every sixth decision of several events lacks the last one."""
    real, now = Decider.decide, sometimes(6)

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
