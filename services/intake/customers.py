"""The directory: who is a customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contracts.commands import DirectoryQuery
from contracts.facts import CustomerRegistered
from contracts.wording import fold


@dataclass(frozen=True, slots=True)
class Customer:
    """An entry of the directory; `phones` in E.164."""

    name: str
    kind: str
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    special_treatment: bool = False
    removed: bool = False


REMOVED = Customer("", "", removed=True)
"""Who was in the directory once."""


def registered(event: CustomerRegistered) -> Customer:
    """The entry as it is given, whatever it was before."""
    return Customer(event.name, event.kind, event.phones, event.emails, event.special_treatment)


def found(customers: Mapping[str, Customer], query: DirectoryQuery) -> list[dict[str, Any]]:
    """The entries that a query asks for, by name, as JSON has them."""
    entries = [
        (customer, entry)
        for customer, entry in customers.items()
        if query.kind in (None, entry.kind) and query.special_treatment in (None, entry.special_treatment)
    ]
    entries.sort(key=lambda item: (fold(item[1].name), item[0]))
    return [
        {
            "customer": customer,
            "name": entry.name,
            "kind": entry.kind,
            "special_treatment": entry.special_treatment,
            "phones": list(entry.phones),
            "emails": list(entry.emails),
        }
        for customer, entry in entries
    ]
