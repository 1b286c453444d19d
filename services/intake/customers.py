"""The directory: who is a customer, and how they are found by number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from contracts.commands import DirectoryQuery
from contracts.facts import CustomerRegistered
from services.intake.policy import fold


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


@dataclass(slots=True)
class Index:
    """The customers of the directory, and whom a number belongs to (all by the directory's own ids)."""

    customers: dict[str, Customer] = field(default_factory=dict)
    phones: dict[str, set[str]] = field(default_factory=dict)

    def note(self, id: str, before: object, after: object) -> None:
        """Take up what an entry says now; what it said before no longer counts."""
        if not isinstance(after, Customer):
            return
        customer = id.removeprefix("customer:")
        former = self.customers.pop(customer, None)
        for phone in former.phones if former else ():
            self.phones[phone].discard(customer)
            if not self.phones[phone]:
                del self.phones[phone]
        if not after.removed:
            self.customers[customer] = after
            for phone in after.phones:
                self.phones.setdefault(phone, set()).add(customer)

    def owner_of(self, phone: str | None) -> str | None:
        """The one customer with this number; None if there is none, or more than one."""
        owners = self.phones.get(phone, ()) if phone else ()
        return next(iter(owners)) if len(owners) == 1 else None


def found(index: Index, query: DirectoryQuery) -> list[dict[str, Any]]:
    """The entries that a query asks for, by name, as JSON has them."""
    entries = [
        (customer, entry)
        for customer, entry in index.customers.items()
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
