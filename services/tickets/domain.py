"""Tickets: what a case is, what may happen to it, and what a call owes or repeats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from contracts import commands as c
from contracts import events as e
from contracts.base import Data, Refused
from contracts.deciding import Decision, Input
from contracts.deciding import World as AnyWorld
from contracts.events import TicketState
from contracts.facts import Category
from services.tickets import policy


@dataclass(frozen=True, slots=True)
class Ticket:
    """A case, `ticket:<number>`."""

    number: int
    category: Category
    state: TicketState = "pending"
    customer: str | None = None
    call: str | None = None
    desk: str | None = None
    owner: str | None = None
    comments: int = 0


@dataclass(frozen=True, slots=True)
class Matter:
    """What a call is about, under the call's id: whether a ticket is owed, and whether a repeat was noted."""

    owed: bool = False
    repeat: bool = False


Aggregate = Ticket | Matter


@dataclass(slots=True)
class Index:
    """The next number, the calls that have a ticket, and the open tickets of each customer."""

    next: int = 1
    calls: set[str] = field(default_factory=set)
    open: dict[str, set[int]] = field(default_factory=dict)

    def note(self, id: str, before: Aggregate | None, after: Aggregate) -> None:
        """A ticket was registered or has moved on; a call's matter is found by its id alone."""
        if not isinstance(after, Ticket):
            return
        self.next = max(self.next, after.number + 1)
        if after.call:
            self.calls.add(after.call)
        if after.customer is None:
            return
        numbers = self.open.setdefault(after.customer, set())
        if policy.is_over(after.state):
            numbers.discard(after.number)
        else:
            numbers.add(after.number)
        if not numbers:
            del self.open[after.customer]


World = AnyWorld[Aggregate, Index]
HEEDS: tuple[type[Data], ...] = (e.NeedEstablished,)
"""The other services' events that are decided on."""


def id_of(number: int) -> str:
    """The aggregate of the ticket with this number."""
    return f"ticket:{number}"


def ticket_of(command: Data) -> str:
    """The aggregate that a command is about; "" for one that begins a case."""
    number = getattr(command, "ticket", None)
    return "" if number is None else id_of(number)


def evolve(aggregate: Aggregate | None, event: Data, at: datetime) -> Aggregate:
    """The case, or the call's matter, after one of our own events."""
    match aggregate, event:
        case _, e.TicketRegistered():
            return Ticket(
                number=event.number,
                category=event.category,
                customer=event.customer,
                call=event.call,
                desk=event.desk,
            )
        case Ticket(), e.TicketCommented():
            return replace(aggregate, comments=aggregate.comments + 1)
        case Ticket(), e.TicketAssigned():
            return replace(aggregate, owner=event.owner, desk=event.desk or aggregate.desk)
        case Ticket(), e.TicketStateChanged():
            return replace(aggregate, state=event.state)
        case Ticket(), e.TicketResolved():
            return replace(aggregate, state="resolved")
        case Ticket(), e.TicketClosed():
            return replace(aggregate, state="closed")
        case Ticket(), e.TicketReopened():
            return replace(aggregate, state="reopened")
        case Matter() | None, e.TicketOwed():
            return replace(aggregate or Matter(), owed=True)
        case Matter() | None, e.RepeatNoted():
            return replace(aggregate or Matter(), repeat=True)
    return aggregate or Matter()


def closed(aggregate: Aggregate) -> bool:
    """Whether it may leave memory; a call's matter always may, it is only asked when its need changes."""
    return isinstance(aggregate, Matter) or aggregate.state == "closed"


def on_need_established(world: World, id: str, event: e.NeedEstablished) -> list[Data]:
    """Say, once per call each, that its matter must have a ticket and that the customer has open ones."""
    known = world.aggregates.get(id)
    matter = known if isinstance(known, Matter) else Matter()
    events: list[Data] = []
    owes = policy.owes_ticket(world.protocol, event.category)
    if owes and not matter.owed and id not in world.index.calls:
        events.append(e.TicketOwed(category=event.category))
    if event.customer and not matter.repeat and (earlier := _open_before(world, event.customer, id)):
        events.append(e.RepeatNoted(customer=event.customer, tickets=earlier))
    return events


def _open_before(world: World, customer: str, call: str) -> tuple[int, ...]:
    numbers = sorted(world.index.open.get(customer, ()))
    tickets = [(number, world.aggregates.get(id_of(number))) for number in numbers]
    return tuple(number for number, it in tickets if isinstance(it, Ticket) and it.call != call)


def on_register(index: Index, command: c.RegisterTicket) -> e.TicketRegistered:
    """Open a case under the next number."""
    return e.TicketRegistered(
        number=index.next,
        category=command.category,
        need=command.need,
        customer=command.customer,
        call=command.call,
        desk=command.desk,
        by=command.by,
    )


def on_comment(ticket: Ticket, command: c.CommentTicket) -> Data:
    """Add to a case, in any state."""
    return e.TicketCommented(text=command.text, by=command.by)


def on_assign(ticket: Ticket, command: c.AssignTicket) -> Data:
    """Give an open case an owner, and a desk if it moves."""
    _still_open(ticket)
    if command.owner == ticket.owner and command.desk in (None, ticket.desk):
        raise Refused("ticket-unchanged", f"{command.owner} has it already", field="owner")
    return e.TicketAssigned(owner=command.owner, desk=command.desk, by=command.by)


def on_change_state(ticket: Ticket, command: c.ChangeTicketState) -> Data:
    """Move an open case on."""
    _still_open(ticket)
    if command.state == ticket.state:
        raise Refused("ticket-unchanged", f"ticket {ticket.number} is {command.state} already", field="state")
    return e.TicketStateChanged(state=command.state, by=command.by)


def on_resolve(ticket: Ticket, command: c.ResolveTicket) -> Data:
    """Record the answer; refused while feedback of the client is outstanding."""
    _still_open(ticket)
    if ticket.state == "awaiting_feedback":
        raise Refused(
            "ticket-awaits-feedback",
            f"the client has not answered yet on ticket {ticket.number}",
            field="ticket",
            expected="a ticket that is pending, in progress or reopened",
        )
    return e.TicketResolved(resolution=command.resolution, by=command.by)


def on_close(ticket: Ticket, command: c.CloseTicket) -> Data:
    """End a resolved case."""
    if ticket.state != "resolved":
        raise _refused("ticket-not-resolved", ticket, "a resolved ticket")
    return e.TicketClosed(by=command.by)


def on_reopen(ticket: Ticket, command: c.ReopenTicket) -> Data:
    """Take up a resolved or closed case again."""
    if not policy.is_over(ticket.state):
        raise _refused("ticket-open", ticket, "a resolved or closed ticket")
    return e.TicketReopened(reason=command.reason, by=command.by)


def _still_open(ticket: Ticket) -> None:
    if policy.is_over(ticket.state):
        raise _refused("ticket-over", ticket, "a ticket that is neither resolved nor closed")


def _refused(rule: str, ticket: Ticket, expected: str) -> Refused:
    state = ticket.state.replace("_", " ")
    return Refused(rule, f"ticket {ticket.number} is {state}", field="ticket", expected=expected)


VERBS: dict[type[Data], Callable[[Ticket, Any], Data]] = {
    c.CommentTicket: on_comment,
    c.AssignTicket: on_assign,
    c.ChangeTicketState: on_change_state,
    c.ResolveTicket: on_resolve,
    c.CloseTicket: on_close,
    c.ReopenTicket: on_reopen,
}


def decide(world: World, input: Input) -> Decision:
    """What an established need leads to, and the one event of a command; a `register` needs no id."""
    match input.body:
        case e.NeedEstablished() as need:
            return [(input.id, event) for event in on_need_established(world, input.id, need)]
        case c.RegisterTicket() as command:
            registered = on_register(world.index, command)
            return [(id_of(registered.number), registered)]
        case body if (verb := VERBS.get(type(body))) is not None:
            ticket = world.aggregates.get(input.id)
            if not isinstance(ticket, Ticket):
                raise Refused("ticket-unknown", f"there is no {input.id}", field="ticket")
            return [(input.id, verb(ticket, body))]
    return []
