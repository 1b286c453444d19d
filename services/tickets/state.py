"""Tickets: what a case, a call's matter and a problem are, and how they change."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from contracts import events as e
from contracts.base import Category, Data
from contracts.deciding import World as AnyWorld
from contracts.events import TicketState
from contracts.protocol import Protocol
from services.tickets import policy

RECENT = 5
"""How many of a customer's calls are shown as recent contacts."""


class Ticket(NamedTuple):
    """A case, `ticket:<number>`; `replied`: in due form, since it was last open."""

    number: int
    category: Category
    state: TicketState = "pending"
    customer: str | None = None
    call: str | None = None
    desk: str | None = None
    product: str | None = None
    owner: str | None = None
    comments: int = 0
    priority: int = 5
    departments: tuple[str, ...] = ()
    links: frozenset[int] = frozenset()
    files: frozenset[str] = frozenset()
    replied: bool = False
    merged: int | None = None
    protocol: int | None = None


class Matter(NamedTuple):
    """What a call (under its id) or a message (`message:<id>`) is about, and what of it is owed, told or asked for."""

    need: e.NeedNoted | None = None
    owed: bool = False
    late: bool = False
    first: bool = False
    follow_up: bool = False
    repeat: bool = False
    profile: str | None = None
    told: frozenset[str] = frozenset()
    unclear: bool = False
    session: Literal["running", "over"] | None = None
    screens: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    screenshot: Literal["requested", "declined"] | None = None
    callback: Literal["promised", "made"] | None = None
    access: Literal["requested", "sent"] | None = None
    released: str | None = None
    since: datetime | None = None

    @property
    def protocol(self) -> int | None:
        """The version that the call follows, as far as is known."""
        return self.need.protocol if self.need else None


class Problem(NamedTuple):
    """The common cause of incidents, `problem:<number>`."""

    number: int
    incidents: tuple[int, ...] = ()
    resolved: bool = False


Aggregate = Ticket | Matter | Problem


@dataclass(slots=True)
class Index:
    """The next numbers; tickets by call, the open ones by customer; problems by incident; who called lately."""

    next: int = 1
    next_problem: int = 1
    calls: dict[str, tuple[int, ...]] = field(default_factory=dict)
    open: dict[str, set[int]] = field(default_factory=dict)
    problems: dict[int, int] = field(default_factory=dict)
    contacts: dict[str, tuple[tuple[datetime, str], ...]] = field(default_factory=dict)

    def note(self, id: str, before: Aggregate | None, after: Aggregate | None) -> None:
        """A ticket, problem or matter has changed; a matter itself is found by its id alone."""
        match after:
            case Ticket():
                self._ticket(after)
            case Problem():
                self.next_problem = max(self.next_problem, after.number + 1)
                self.problems |= dict.fromkeys(after.incidents, after.number)
            case Matter() if after.need and after.need.customer and after.since:
                known = self.contacts.get(after.need.customer, ())
                calls = {(after.since, id), *known}
                self.contacts[after.need.customer] = tuple(sorted(calls)[-RECENT:])

    def _ticket(self, ticket: Ticket) -> None:
        self.next = max(self.next, ticket.number + 1)
        if ticket.call and ticket.number not in (known := self.calls.get(ticket.call, ())):
            self.calls[ticket.call] = (*known, ticket.number)
        if ticket.customer is None:
            return
        numbers = self.open.setdefault(ticket.customer, set())
        if policy.is_over(ticket.state):
            numbers.discard(ticket.number)
        else:
            numbers.add(ticket.number)
        if not numbers:
            del self.open[ticket.customer]


World = AnyWorld[Aggregate, Index]


def id_of(number: int) -> str:
    """The aggregate of the ticket with this number."""
    return f"ticket:{number}"


def matter_of(world: World, id: str) -> Matter:
    """What is known of a call's or message's matter."""
    found = world.aggregates.get(id)
    return found if isinstance(found, Matter) else Matter()


def protocol_of(world: World, matter: Matter) -> Protocol:
    """The protocol that the call follows, as far as is known."""
    return world.under(matter.protocol)


def unseen(world: World, matter: Matter) -> bool:
    """Whether nothing of the call may remain here: its caller is not known as a customer. R29."""
    return policy.forgets(protocol_of(world, matter)) and not (matter.need and matter.need.customer)


def open_ticket(world: World, number: int) -> Ticket | None:
    """The ticket of this number, if it exists and was not closed: closed ones may have left memory."""
    found = world.aggregates.get(id_of(number))
    return found if isinstance(found, Ticket) and found.state != "closed" else None


def tickets_of(world: World, call: str) -> list[Ticket]:
    """The call's tickets that are neither resolved nor closed."""
    found = (open_ticket(world, number) for number in world.index.calls.get(call, ()))
    return [ticket for ticket in found if ticket and not policy.is_over(ticket.state)]


def evolve(aggregate: Aggregate | None, event: Data, at: datetime) -> Aggregate:
    """The aggregate after one of our own events."""
    match event, aggregate:
        case e.TicketRegistered(), _:
            return Ticket(
                number=event.number,
                category=event.category,
                customer=event.customer,
                call=event.call,
                desk=event.desk,
                product=event.product,
                priority=event.priority,
                departments=event.departments,
                protocol=event.protocol,
            )
        case e.ProblemOpened(), _:
            return Problem(event.number)
        case _, Ticket():
            return _ticket(aggregate, event)
        case e.IncidentLinked(), Problem():
            return aggregate._replace(incidents=(*aggregate.incidents, event.ticket))
        case e.ProblemResolved(), Problem():
            return aggregate._replace(resolved=True)
        case _, Problem():
            return aggregate
    return _matter(aggregate if isinstance(aggregate, Matter) else Matter(), event, at)


def _ticket(ticket: Ticket, event: Data) -> Ticket:
    match event:
        case e.TicketCommented():
            return ticket._replace(comments=ticket.comments + 1)
        case e.TicketAssigned():
            return ticket._replace(owner=event.owner, desk=event.desk or ticket.desk)
        case e.TicketStateChanged():
            return ticket._replace(state=event.state)
        case e.TicketResolved():
            return ticket._replace(state="resolved")
        case e.TicketClosed():
            return ticket._replace(state="closed")
        case e.TicketMerged():
            return ticket._replace(state="closed", merged=event.into)
        case e.TicketReopened():
            return ticket._replace(state="reopened", replied=False)
        case e.TicketPrioritised():
            return ticket._replace(priority=event.priority)
        case e.TicketLinked():
            return ticket._replace(links=ticket.links | {event.to})
        case e.DepartmentInvolved():
            return ticket._replace(departments=(*ticket.departments, event.department))
        case e.AttachmentAdded():
            return ticket._replace(files=ticket.files | {event.object})
        case e.ComplaintReplyFormalised():
            return ticket._replace(replied=True)
    return ticket


def _matter(matter: Matter, event: Data, at: datetime) -> Matter:
    match event:
        case e.NeedNoted():
            return matter._replace(need=event, since=matter.since or at)
        case e.TicketOwed(rule="R71"):
            return matter._replace(owed=True, late=True)
        case e.TicketOwed(rule="R39"):
            return matter._replace(owed=True, first=True)
        case e.TicketOwed(rule="R41"):
            return matter._replace(owed=True, follow_up=True)
        case e.TicketOwed():
            return matter._replace(owed=True)
        case e.RepeatNoted():
            return matter._replace(repeat=True)
        case e.ProfileShown():
            return matter._replace(profile=event.customer)
        case e.PromptIssued():
            return matter._replace(told=matter.told | {event.key})
        case e.NeedUnclear():
            return matter._replace(unclear=True, session=None, screens=(), pictures=())
        case e.NeedExamined():
            return matter._replace(session=event.session, screens=event.screens, pictures=event.pictures)
        case e.NeedCleared():
            return matter._replace(unclear=False)
        case e.AttachmentRequested():
            return matter._replace(screenshot=matter.screenshot or "requested")
        case e.CallbackPromised():
            return matter._replace(callback="promised", screenshot="declined")
        case e.CallbackMade():
            return matter._replace(callback="made")
        case e.AccessRequested():
            return matter._replace(access="requested")
        case e.AccessSent():
            return matter._replace(access="sent")
        case e.ReleaseNoted():
            return matter._replace(released=event.rule)
    return matter


def closed(aggregate: Aggregate) -> bool:
    """Whether it may leave memory; a call's matter always may, it is only asked when something happens on the call."""
    match aggregate:
        case Ticket():
            return aggregate.state == "closed"
        case Problem():
            return aggregate.resolved
    return True
