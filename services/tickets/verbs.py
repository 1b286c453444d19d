"""What may be done with a case: each verb leads to one event, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from contracts import commands as c
from contracts import events as e
from contracts.base import Data, Refused
from services.tickets import policy
from services.tickets.state import Ticket, World, open_ticket


def comment(world: World, ticket: Ticket, command: c.CommentTicket) -> Data:
    """Add to a case, in any state."""
    return e.TicketCommented(text=command.text, by=command.by)


def assign(world: World, ticket: Ticket, command: c.AssignTicket) -> Data:
    """Give an open case an owner, and a desk if it moves."""
    still_open(ticket)
    if command.owner == ticket.owner and command.desk in (None, ticket.desk):
        raise Refused("ticket-unchanged", f"{command.owner} has it already", field="owner")
    return e.TicketAssigned(owner=command.owner, desk=command.desk, by=command.by)


def change_state(world: World, ticket: Ticket, command: c.ChangeTicketState) -> Data:
    """Move an open case on."""
    still_open(ticket)
    if command.state == ticket.state:
        raise Refused("ticket-unchanged", f"ticket {ticket.number} is {command.state} already", field="state")
    return e.TicketStateChanged(state=command.state, by=command.by)


def resolve(world: World, ticket: Ticket, command: c.ResolveTicket) -> Data:
    """Record the answer; refused while feedback of the client is outstanding."""
    still_open(ticket)
    if ticket.state == "awaiting_feedback":
        raise Refused(
            "ticket-awaits-feedback",
            f"the client has not answered yet on ticket {ticket.number}",
            field="ticket",
            expected="a ticket that is pending, in progress or reopened",
        )
    _answered_formally(world, ticket)
    return e.TicketResolved(resolution=command.resolution, by=command.by)


def close(world: World, ticket: Ticket, command: c.CloseTicket) -> Data:
    """End a resolved case."""
    if ticket.state != "resolved":
        raise _refused("ticket-not-resolved", ticket, "a resolved ticket")
    _answered_formally(world, ticket)
    return e.TicketClosed(by=command.by)


def reopen(world: World, ticket: Ticket, command: c.ReopenTicket) -> Data:
    """Take up a resolved or closed case again; one that was merged goes on where it went."""
    if not policy.is_over(ticket.state):
        raise _refused("ticket-open", ticket, "a resolved or closed ticket")
    if ticket.merged:
        raise Refused("ticket-merged", f"it goes on as ticket {ticket.merged}", field="ticket")
    return e.TicketReopened(reason=command.reason, by=command.by)


def formalise_reply(world: World, ticket: Ticket, command: c.FormaliseReply) -> Data:
    """Give the reply to a complaint in due form, once. R62."""
    still_open(ticket)
    if not policy.formal(world.under(ticket.protocol), ticket.category):
        raise Refused(
            "reply-not-formal", f"a case of {ticket.category} needs no formal reply", field="ticket"
        )
    if ticket.replied:
        raise Refused("ticket-unchanged", f"ticket {ticket.number} has its formal reply", field="ticket")
    return e.ComplaintReplyFormalised(
        text=command.text, channel=command.channel, reference=command.reference, by=command.by
    )


def _answered_formally(world: World, ticket: Ticket) -> None:
    """Some cases do not end without a reply in due form. R62."""
    if policy.formal(world.under(ticket.protocol), ticket.category) and not ticket.replied:
        raise Refused(
            "R62",
            f"ticket {ticket.number} has no reply in due form yet",
            field="ticket",
            expected="a ticket whose reply was formalised",
        )


def involve(world: World, ticket: Ticket, command: c.InvolveDepartment) -> Data:
    """Let one more department work in the same case. R63."""
    still_open(ticket)
    if command.department in (ticket.desk, *ticket.departments):
        detail = f"{command.department} works in ticket {ticket.number} already"
        raise Refused("ticket-unchanged", detail, field="department")
    return e.DepartmentInvolved(department=command.department, by=command.by)


def merge(world: World, ticket: Ticket, command: c.MergeTicket) -> Data:
    """Go on with an open case in another open one."""
    still_open(ticket)
    other = open_ticket(world, command.into)
    _another(world, ticket, command.into, "into")
    if other is None or policy.is_over(other.state):
        detail = f"ticket {command.into} is resolved or closed"
        raise Refused("ticket-over", detail, field="into", expected="a ticket that is still open")
    if not policy.formal(world.under(other.protocol), other.category):
        _answered_formally(world, ticket)
    return e.TicketMerged(into=command.into, by=command.by)


def link(world: World, ticket: Ticket, command: c.LinkTicket) -> Data:
    """Note that a case has to do with another one, whatever became of them."""
    _another(world, ticket, command.to, "to")
    if command.to in ticket.links:
        raise Refused(
            "ticket-unchanged", f"they are linked already: {ticket.number}, {command.to}", field="to"
        )
    return e.TicketLinked(to=command.to, by=command.by)


def _another(world: World, ticket: Ticket, number: int, field: str) -> None:
    if number == ticket.number:
        raise Refused("ticket-itself", "the two are the same ticket", field=field, expected="another ticket")
    if number >= world.index.next:
        raise Refused("ticket-unknown", f"there is no ticket {number}", field=field)


def attach(world: World, ticket: Ticket, command: c.AttachFile) -> Data:
    """Add a file that lies in the object store, of a size and type that the protocol allows."""
    limits = world.protocol.attachments
    if command.size > limits.max_bytes:
        raise Refused(
            "attachment-too-large",
            f"{command.size} bytes are more than may be attached",
            field="size",
            expected=f"at most {limits.max_bytes} bytes",
        )
    if command.type not in limits.types:
        raise Refused(
            "attachment-type",
            f"{command.type} may not be attached",
            field="type",
            expected=f"one of {', '.join(limits.types)}",
        )
    if command.object in ticket.files:
        raise Refused("ticket-unchanged", f"ticket {ticket.number} has this file already", field="object")
    return e.AttachmentAdded(**command.model_dump(exclude={"ticket"}))


def still_open(ticket: Ticket) -> None:
    """Refused where the case is over."""
    if policy.is_over(ticket.state):
        raise _refused("ticket-over", ticket, "a ticket that is neither resolved nor closed")


def _refused(rule: str, ticket: Ticket, expected: str) -> Refused:
    state = ticket.state.replace("_", " ")
    return Refused(rule, f"ticket {ticket.number} is {state}", field="ticket", expected=expected)


VERBS: dict[type[Data], Callable[[World, Ticket, Any], Data]] = {
    c.CommentTicket: comment,
    c.AssignTicket: assign,
    c.ChangeTicketState: change_state,
    c.ResolveTicket: resolve,
    c.CloseTicket: close,
    c.ReopenTicket: reopen,
    c.FormaliseReply: formalise_reply,
    c.InvolveDepartment: involve,
    c.MergeTicket: merge,
    c.LinkTicket: link,
    c.AttachFile: attach,
}
