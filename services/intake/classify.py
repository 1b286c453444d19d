"""What follows from what is learnt on a call: who is calling, what they need, what the agent should say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from contracts.base import Data
from contracts.events import CallerClassified, Evidence, NeedEstablished
from contracts.protocol import Protocol
from services.intake import policy, prompts
from services.intake.calls import Call, evolve
from services.intake.state import Index
from services.intake.who import Standing, entry_of, standing_of


def _leads_nowhere(protocol: Protocol, index: Index, call: Call) -> bool:
    """Whether nothing can follow from what is known of a call, so that it need not be looked at."""
    if protocol.kinds or protocol.scripts or index.customers or call.classified:
        return False
    return call.request is None or not policy.needs_matter(protocol)


def consequences(protocol: Protocol, index: Index, call: Call, at: datetime) -> list[Data]:
    """What the call as it stands leads to and was not recorded on it yet; deciding it again gives nothing."""
    if _leads_nowhere(protocol, index, call):
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
    return [*events, *prompts.outstanding(protocol, index, call, classified, at)]


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
    if not protocol.kinds:  # what all of it speaks for
        return
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
    """What the others act on, once a request is stated; who only may be a customer is none yet."""
    if call.request is None or not policy.needs_matter(protocol):
        return None
    line = policy.line_of(protocol, call.to, call.since)
    return NeedEstablished(
        category=call.request.category,
        product=call.request.product,
        tool=call.request.tool,
        kind=classified.kind,
        group=classified.group,
        customer=classified.customer if classified.standing == "known" else None,
        special_treatment=classified.special_treatment,
        language=call.language,
        queue=call.queue,
        line=line.line if line else None,
        agent=call.agent,
        protocol=protocol.version,
    )
