"""How a case begins: what it must say, and what must be known before."""

from __future__ import annotations

from typing import Literal

from contracts import commands as c
from contracts import events as e
from contracts.base import Refused
from contracts.deciding import Decision
from contracts.protocol import Protocol
from services.tickets import policy
from services.tickets.state import Matter, Ticket, World, id_of, matter_of, protocol_of, unseen


def register(world: World, command: c.RegisterTicket) -> Decision:
    """Open a case under the next number."""
    about = command.call or (command.message and about_message(command.message)) or ""
    matter = matter_of(world, about)
    protocol, need = protocol_of(world, matter), matter.need
    _may_be_kept(world, command, matter)
    _understood(protocol, command, matter)
    known = {
        "customer": command.customer or (need.customer if need else None),
        "product": command.product or (need.product if need else None),
        "tool": command.tool or (need.tool if need else None),
    }
    command = command.model_copy(update=known)
    _complete(protocol, command)
    departments = protocol.cases.follow_up_departments.get(command.category, ()) if matter.follow_up else ()
    registered = e.TicketRegistered(
        number=world.index.next,
        **dict(command),
        priority=1 if matter.first else 5,
        screenshot=matter.screenshot or _pictured(protocol, command),
        departments=tuple(it for it in departments if it != command.desk),
        protocol=protocol.version,
    )
    return [(id_of(registered.number), registered)]


def _pictured(protocol: Protocol, command: c.RegisterTicket) -> Literal["requested"] | None:
    """An error is to be seen on a picture, also if it was not called one when the client said it. R73."""
    return "requested" if command.category in protocol.cases.screenshot_for else None


def about_message(message: str) -> str:
    """The aggregate of a message's matter."""
    return f"message:{message.removeprefix('message:')}"


def _may_be_kept(world: World, command: c.RegisterTicket, matter: Matter) -> None:
    """Of who is no customer no case is kept where nothing of them may remain. R29."""
    stranger = unseen(world, matter) if command.call else command.customer is None
    if stranger and policy.forgets(protocol_of(world, matter)):
        raise Refused(
            "R29",
            "the centre keeps nothing about callers who are no customers",
            field="call" if command.call else "customer",
            expected="a customer",
        )


def _understood(protocol: Protocol, command: c.RegisterTicket, matter: Matter) -> None:
    """First it is understood what is needed. R64. While that is unclear the session and pictures come first. R66."""
    if command.call is None:
        return
    if matter.unclear:
        raise Refused(
            "R66",
            "the need is unclear: a remote session and a picture of each screen concerned come first",
            field="call",
            expected="a call whose need is clear",
        )
    if protocol.cases.need_first and matter.need is None:
        raise Refused(
            "R64",
            "the caller has not said what they need",
            field="call",
            expected="a call with a stated need",
        )


def _complete(protocol: Protocol, command: c.RegisterTicket | e.TicketRegistered) -> None:
    """A question on a tool says which, what for and where. R67. A complaint says what its due form needs. R62."""
    cases, asked = protocol.cases, command.category
    on_tool = asked == "question" and command.tool is not None
    needed = {field: "R67" for field in cases.required_with_tool if on_tool}
    other = "R62" if asked == "complaint" else "ticket-fields"
    needed |= {field: other for field in cases.required.get(asked, ()) if field not in needed}
    missing = [field for field in needed if field != "due_form" and getattr(command, field) is None]
    if missing:
        raise Refused(
            needed[missing[0]],
            f"a ticket of this kind ({asked}) needs: {', '.join(missing)}",
            field=missing[0],
            expected=f"a {missing[0]}",
        )


def split(world: World, ticket: Ticket, command: c.SplitTicket) -> Decision:
    """Make a case of its own out of part of an open one."""
    registered = e.TicketRegistered(
        number=world.index.next,
        category=command.category or ticket.category,
        need=command.need,
        customer=ticket.customer,
        call=ticket.call,
        desk=ticket.desk,
        product=ticket.product,
        priority=ticket.priority,
        split_from=ticket.number,
        protocol=ticket.protocol,
        by=command.by,
    )
    _complete(world.under(ticket.protocol), registered)
    return [(id_of(registered.number), registered)]
