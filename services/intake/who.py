"""Whether a customer is calling, which one, and how they can be reached."""

from __future__ import annotations

from typing import Literal

from contracts.protocol import Protocol
from services.intake.calls import Call
from services.intake.customers import Customer
from services.intake.state import Index

Standing = Literal["known", "maybe", "unknown", "new"]


def standing_of(index: Index, call: Call) -> tuple[Standing, str | None]:
    """Whether a customer is calling, and which one; what only the number says is a maybe. R01."""
    if call.says == "new":
        return "new", None
    customer = call.customer or index.owner_of(call.number)
    if call.says == "customer":
        return "known", customer
    return ("maybe" if customer else "unknown"), customer


def entry_of(index: Index, call: Call) -> Customer | None:
    """The directory's entry of a caller who is known."""
    standing, customer = standing_of(index, call)
    return index.customers.get(customer) if customer and standing == "known" else None


def is_to_be_forgotten(protocol: Protocol, index: Index, call: Call) -> bool:
    """Whether nothing of this caller may remain. R29."""
    return protocol.privacy.non_customers == "forgotten" and standing_of(index, call)[0] != "known"


def missing(protocol: Protocol, index: Index, call: Call) -> tuple[Literal["phone", "email"], ...]:
    """Which contact details the protocol asks for and nobody has. R08."""
    if not protocol.contact_details or is_to_be_forgotten(protocol, index, call):
        return ()
    asks = protocol.asks_for
    entry = entry_of(index, call)
    known = call.details | {"phone" for _ in (entry.phones if entry else ())}
    known |= {"email" for _ in (entry.emails if entry else ())}
    return tuple(
        detail
        for detail in protocol.contact_details
        if detail not in known and (asks is None or f"contact.given.{detail}" in asks)
    )
