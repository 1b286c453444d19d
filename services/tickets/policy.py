"""What the protocol and the states of a case allow."""

from __future__ import annotations

from contracts.events import TicketState
from contracts.facts import Category
from contracts.protocol import Protocol

OVER: frozenset[TicketState] = frozenset({"resolved", "closed"})


def is_over(state: TicketState) -> bool:
    """Whether nothing remains to be done in this state, unless the case is reopened."""
    return state in OVER


def owes_ticket(protocol: Protocol, category: Category) -> bool:
    """Whether a matter of this category must have a ticket."""
    return category in protocol.ticket_owed_for
