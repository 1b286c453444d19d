"""What intake records beside calls: customers, agents, messages, the clock, rows of an import."""

from __future__ import annotations

from contracts import events as e
from contracts import facts as f
from contracts.base import Refused
from contracts.deciding import Decision, Input
from services.intake.course import check_kind
from services.intake.customers import Customer
from services.intake.state import Agent, Clock, Intake, Letter


def on_row(world: Intake, input: Input) -> Decision:
    """A row of an import that is no call."""
    return [(input.id, input.body)]


def on_registered(world: Intake, input: Input) -> Decision:
    """A customer is in the directory, or stands there otherwise than before."""
    assert isinstance(input.body, f.CustomerRegistered)
    check_kind(world, input.body.kind)
    return [(input.id, input.body)]


def on_changed(world: Intake, input: Input) -> Decision:
    """A customer of the directory can do something that they could not, or leaves it."""
    customer = world.aggregates.get(input.id)
    if not isinstance(customer, Customer) or customer.removed:
        raise Refused("customer-unknown", "no such customer is in the directory", early=True)
    return [(input.id, input.body)]


def on_received(world: Intake, input: Input) -> Decision:
    """Somebody has written."""
    if isinstance(world.aggregates.get(input.id), Letter):
        raise Refused("message-known", "this message was received before")
    return [(input.id, input.body)]


def on_replied(world: Intake, input: Input) -> Decision:
    """A message was answered, which is done once."""
    letter = world.aggregates.get(input.id)
    if not isinstance(letter, Letter):
        raise Refused("message-unknown", "no such message was received", early=True)
    if letter.answered:
        raise Refused("message-answered", "the message was answered before")
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


def on_signed_in(world: Intake, input: Input) -> Decision:
    """R26, R46: greetings name an agent, and some things only supervisors may: noted when it is news."""
    assert isinstance(input.body, f.AgentSignedIn)
    if world.aggregates.get(input.id) == Agent(input.body.name, input.body.role):
        return []
    return [(input.id, e.AgentIntroduced(name=input.body.name, role=input.body.role))]
