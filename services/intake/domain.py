"""Intake: what may happen to a call, a customer of the directory and the clock, and what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.commands import DirectoryQuery
from contracts.deciding import Decision, Input, World
from services.intake import calls, classify, customers
from services.intake.calls import Call
from services.intake.customers import Customer, Index

__all__ = [
    "Aggregate",
    "Call",
    "Clock",
    "Customer",
    "Index",
    "Row",
    "closed",
    "decide",
    "directory",
    "evolve",
]


@dataclass(frozen=True, slots=True)
class Clock:
    """What time it is at a centre whose clock is virtual."""

    now: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """A row of an import that became no call."""


Aggregate: TypeAlias = Call | Customer | Clock | Row
Intake: TypeAlias = World[Aggregate, Index]


def evolve(aggregate: Aggregate | None, event: Data, at: datetime) -> Aggregate:
    """The aggregate after an event of its own."""
    match event:
        case f.CallOffered():
            return calls.offered(event)
        case f.ClockAdvanced():
            return Clock(event.to)
        case f.CustomerRegistered():
            return customers.registered(event)
        case f.CustomerRemoved():
            return customers.REMOVED
    return calls.evolve(aggregate, event) if isinstance(aggregate, Call) else aggregate or Row()


def closed(aggregate: Aggregate) -> bool:
    """Whether nothing more is expected of it."""
    match aggregate:
        case Call():
            return aggregate.over
        case Customer():
            return aggregate.removed
    return isinstance(aggregate, Row)


def decide(world: Intake, input: Input) -> Decision:
    """What a fact leads to: the fact itself and its consequences; anything else leads to nothing.

    Refused where the fact contradicts what is recorded.
    """
    on = _ON.get(type(input.body)) if input.kind == "fact" else None
    return on(world, input) if on else []


def directory(world: Intake, query: DirectoryQuery) -> dict[str, Any]:
    """{"customers": [...]} by name: customer, name, kind, special_treatment, phones, emails of each. R07."""
    return {"customers": customers.found(world.index, query)}


def on_offered(world: Intake, input: Input) -> Decision:
    """A call comes in; the number may say whose it is. R01."""
    if isinstance(world.aggregates.get(input.id), Call):
        raise Refused("call-known", "this call was offered before")
    assert isinstance(input.body, f.CallOffered)
    return _with_consequences(world, input, calls.offered(input.body))


def on_queued(world: Intake, input: Input) -> Decision:
    """A call waits; it may do so again later, but not twice at once."""
    if _ongoing(world, input).waiting:
        raise Refused("call-queued", "the call waits in a queue already")
    return [(input.id, input.body)]


def on_dequeued(world: Intake, input: Input) -> Decision:
    """A call waits no more; telephone systems may say so when it is answered or over already."""
    if not _known(world, input).waiting:
        raise Refused("not-queued", "the call does not wait in a queue")
    return [(input.id, input.body)]


def on_answered(world: Intake, input: Input) -> Decision:
    """An agent is on the line, and is told what to say."""
    return _with_consequences(world, input, calls.evolve(_unanswered(world, input), input.body))


def on_abandoned(world: Intake, input: Input) -> Decision:
    """The caller has hung up unanswered."""
    _unanswered(world, input)
    return [(input.id, input.body)]


def on_transferred(world: Intake, input: Input) -> Decision:
    """The call goes on with somebody else."""
    _ongoing(world, input)
    return [(input.id, input.body)]


def on_ended(world: Intake, input: Input) -> Decision:
    """The call is over; of a caller who was never answered nothing could be asked."""
    call = _ongoing(world, input)
    events: list[Data] = [input.body]
    if call.state == "answered" and (missing := classify.missing(world.protocol, world.index, call)):
        events.append(e.ContactMissing(missing=missing))
    return [(input.id, event) for event in events]


def on_learnt(world: Intake, input: Input) -> Decision:
    """Something is learnt about the caller, be it when the call is over."""
    if isinstance(input.body, f.KindConfirmed):
        _check_kind(world, input.body.kind)
    return _with_consequences(world, input, calls.evolve(_known(world, input), input.body))


def on_noted(world: Intake, input: Input) -> Decision:
    """Something about the call that other services act on."""
    _known(world, input)
    return [(input.id, input.body)]


def on_row(world: Intake, input: Input) -> Decision:
    """A row of an import that is no call."""
    return [(input.id, input.body)]


def on_registered(world: Intake, input: Input) -> Decision:
    """A customer is in the directory, or stands there otherwise than before."""
    assert isinstance(input.body, f.CustomerRegistered)
    _check_kind(world, input.body.kind)
    return [(input.id, input.body)]


def on_removed(world: Intake, input: Input) -> Decision:
    """A customer leaves the directory."""
    customer = world.aggregates.get(input.id)
    if not isinstance(customer, Customer) or customer.removed:
        raise Refused("customer-unknown", "no such customer is in the directory")
    return [(input.id, input.body)]


def on_advanced(world: Intake, input: Input) -> Decision:
    """The virtual clock goes on."""
    assert isinstance(input.body, f.ClockAdvanced)
    if not world.virtual:
        raise Refused("clock-real", "this centre goes by the real clock, which nobody advances")
    clock = world.aggregates.get(input.id)
    if isinstance(clock, Clock) and input.body.to < clock.now:
        now = clock.now.isoformat()
        raise Refused("clock-backwards", f"it is {now} already", field="to", expected=f"{now} or later")
    return [(input.id, input.body)]


def _known(world: Intake, input: Input) -> Call:
    call = world.aggregates.get(input.id)
    if not isinstance(call, Call):
        raise Refused("call-unknown", "no such call was offered")
    return call


def _ongoing(world: Intake, input: Input) -> Call:
    call = _known(world, input)
    if call.over:
        raise Refused("call-over", f"the call is over: {call.state}")
    return call


def _unanswered(world: Intake, input: Input) -> Call:
    call = _ongoing(world, input)
    if call.state == "answered":
        raise Refused("call-answered", "the call was answered before")
    return call


def _check_kind(world: Intake, kind: str) -> None:
    kinds = world.protocol.kinds
    if kinds and kind not in kinds:
        expected = "one of " + ", ".join(kinds)
        raise Refused("kind-unknown", f"the protocol has no kind {kind}", field="kind", expected=expected)


def _with_consequences(world: Intake, input: Input, call: Call) -> Decision:
    following = classify.consequences(world.protocol, world.index, call)
    return [(input.id, event) for event in (input.body, *following)]


_ON: Mapping[type[Data], Callable[[Intake, Input], Decision]] = {
    f.CallOffered: on_offered,
    f.CallQueued: on_queued,
    f.CallDequeued: on_dequeued,
    f.CallAnswered: on_answered,
    f.CallAbandoned: on_abandoned,
    f.CallTransferred: on_transferred,
    f.CallEnded: on_ended,
    f.CallerIdentified: on_learnt,
    f.CallerAskedFor: on_learnt,
    f.KindConfirmed: on_learnt,
    f.ContactGiven: on_learnt,
    f.RequestStated: on_learnt,
    f.ComplexityAssessed: on_noted,
    f.AssignmentAttempted: on_noted,
    f.ContactMade: on_noted,
    f.RecordRefused: on_row,
    f.RecordIgnored: on_row,
    f.CustomerRegistered: on_registered,
    f.CustomerRemoved: on_removed,
    f.ClockAdvanced: on_advanced,
}
