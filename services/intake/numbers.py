"""Telephone numbers in E.164, by the region of the centre's protocol."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers

from contracts.base import Data, Refused
from contracts.facts import CallOffered, ContactGiven, CustomerRegistered
from contracts.protocol import Protocol


def e164(number: str, region: str) -> str | None:
    """The number as +34600123456; None where it is no number that the region's plan could hold."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


_dialled = lru_cache(maxsize=1024)(e164)  # the centre's own numbers are few; those of callers are not kept


def normalise(body: Data, protocol: Protocol) -> Data:
    """The fact with its numbers in E.164.

    What the network shows of a caller stands as it came where it is no full number (short codes, withheld);
    a number that a person gives must be one: Refused names it by its field.
    """
    region = protocol.region
    match body:
        case CallOffered(from_=from_, to=to):
            numbers = {
                "from_": from_ and (e164(from_, region) or from_),
                "to": to and (_dialled(to, region) or to),
            }
            return body.model_copy(update=numbers)
        case ContactGiven(phone=str() as phone):
            return body.model_copy(update={"phone": _given("phone", phone, region)})
        case CustomerRegistered(phones=phones) if phones:
            given = tuple(_given(f"phones.{n}", phone, region) for n, phone in enumerate(phones))
            return body.model_copy(update={"phones": given})
    return body


def _given(field: str, number: str, region: str) -> str:
    found = e164(number, region)
    if found is None:
        raise Refused(
            "not-a-number", f"{field} is no telephone number", field=field,
            expected=f"a number with its country code, or one of the region {region}",
        )  # fmt: skip
    return found
