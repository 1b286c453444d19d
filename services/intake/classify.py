"""What follows from what is learnt on a call: who is calling, what they need, what the agent should say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from contracts.base import Data
from contracts.events import CallerClassified, Evidence, NeedEstablished, PromptIssued
from contracts.protocol import Protocol
from services.intake import policy
from services.intake.calls import Call, evolve
from services.intake.customers import Customer, Index

Standing = Literal["known", "maybe", "unknown", "new"]


def consequences(protocol: Protocol, index: Index, call: Call) -> list[Data]:
    """What the call as it stands leads to and was not recorded on it yet; deciding it again gives nothing."""
    if not (
        protocol.kinds or protocol.scripts or protocol.routing or protocol.ticket_owed_for or index.customers
    ):
        return []
    events: list[Data] = []
    classified = classify(protocol, index, call)
    concerned = protocol.kinds or call.classified or classified.customer in index.customers
    if concerned and not policy.same(call.classified, classified):
        events.append(classified)
        call = evolve(call, classified)
    need = need_of(protocol, call, classified)
    if need and not policy.same(call.need, need):
        events.append(need)
    return [*events, *prompts(protocol, index, call, classified)]


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


def missing(protocol: Protocol, index: Index, call: Call) -> tuple[Literal["phone", "email"], ...]:
    """Which contact details the protocol asks for and nobody has. R08."""
    entry = entry_of(index, call)
    known = call.details | {"phone" for _ in (entry.phones if entry else ())}
    known |= {"email" for _ in (entry.emails if entry else ())}
    return tuple(detail for detail in protocol.contact_details if detail not in known)


def classify(protocol: Protocol, index: Index, call: Call) -> CallerClassified:
    """Who is calling, with all the evidence there is now. R05."""
    standing, customer = standing_of(index, call)
    evidence = tuple(_evidence(protocol, index, call, standing, customer))
    kind, group, confidence = policy.kind_of(protocol, evidence)
    entry = entry_of(index, call)
    return CallerClassified(
        standing=standing,
        customer=customer,
        kind=kind,
        group=group,
        confidence=confidence,
        evidence=evidence,
        special_treatment=call.special_treatment or bool(entry and entry.special_treatment),
        protocol=protocol.version,
    )


def _evidence(
    protocol: Protocol, index: Index, call: Call, standing: Standing, customer: str | None
) -> Iterator[Evidence]:
    entry = index.customers.get(customer) if customer else None
    if entry and entry.kind in protocol.kinds:
        weights = protocol.classification
        yield Evidence(
            source="directory" if call.customer or standing == "known" else "number",
            kind=entry.kind,
            weight=weights.directory if standing == "known" else weights.number,
            seen=customer,
        )
    yield from policy.calls_as(protocol, call.party)
    yield from policy.asked_for(protocol, call.persons)
    yield from policy.stated(protocol, call.statements)
    yield from policy.answered(protocol, call.answers)


def need_of(protocol: Protocol, call: Call, classified: CallerClassified) -> NeedEstablished | None:
    """What routing and tickets act on, once a request is stated; who only may be a customer is none yet."""
    if call.category is None or not (protocol.routing or protocol.ticket_owed_for):
        return None
    return NeedEstablished(
        category=call.category,
        kind=classified.kind,
        group=classified.group,
        customer=classified.customer if classified.standing == "known" else None,
        special_treatment=classified.special_treatment,
        agent=call.agent,
        protocol=protocol.version,
    )


def prompts(
    protocol: Protocol, index: Index, call: Call, classified: CallerClassified
) -> Iterator[PromptIssued]:
    """What the agent should say now and was not told before; nothing unless an agent is on the line."""
    if call.state != "answered" or not protocol.scripts:
        return
    entry = entry_of(index, call)
    name = call.name or (entry.name if entry else "")
    for rule, key in _due(protocol, index, call, classified, name):
        worded = policy.wording(
            protocol, key, call.language, name=name, title=call.title, kind=classified.kind
        )
        if worded:
            yield PromptIssued(rule=rule, key=key, language=worded[0], text=worded[1])


def _due(
    protocol: Protocol, index: Index, call: Call, classified: CallerClassified, name: str
) -> Iterator[tuple[str, str]]:
    stated = call.category is not None
    kind = protocol.kinds.get(classified.kind or "")
    occasions = {
        ("R01", "r01.customer"): classified.standing in ("maybe", "unknown"),
        ("R02", "r02.name"): bool(name) and not stated,
        ("R03", "r03.party"): call.identified and call.party is None and not (kind and kind.names_itself),
        ("R07", "r07.special"): classified.special_treatment and classified.standing == "known",
        ("R08", "r08.contact"): stated and bool(missing(protocol, index, call)),
    }
    told = dict(call.prompts)
    yield from (prompt for prompt, due in occasions.items() if due and prompt[1] not in told)
    in_doubt = stated and kind is not None and classified.confidence < protocol.classification.sure
    asked = {about for key, about in call.prompts if key == "r06.confirm"}
    if (
        in_doubt and asked <= dict(call.answers).keys()
    ):  # one question at a time; what was answered is no doubt
        yield "R06", "r06.confirm"
