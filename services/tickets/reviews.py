"""Quality reviews: a person's answers to the protocol's scorecard, and what they come to."""

from __future__ import annotations

from contracts import commands as c
from contracts import events as e
from contracts.base import Refused
from services.tickets.state import World, matter_of, protocol_of, unseen


def review(world: World, id: str, command: c.ReviewCall) -> e.QualityReviewed:
    """Fill in the scorecard; what is not answered is not passed. R23.

    Items from which the call's release exempts it are not asked. R50.
    """
    matter = matter_of(world, id)
    if unseen(world, matter):
        raise Refused("R29", "the centre keeps nothing about callers who are no customers", field="call")
    protocol = protocol_of(world, matter)
    if unknown := sorted(set(command.items) - set(protocol.scorecard)):
        known = f"of {', '.join(protocol.scorecard)}" if protocol.scorecard else "none: there is no scorecard"
        raise Refused("item-unknown", f"no such item: {', '.join(unknown)}", field="items", expected=known)
    if not protocol.scorecard:
        raise Refused("no-scorecard", "the centre's protocol has no scorecard", field="call")
    exempt = tuple(name for name, item in protocol.scorecard.items() if matter.released in item.exempt_after)
    asked = [name for name in protocol.scorecard if name not in exempt]
    passed = tuple(name for name in asked if command.items.get(name))
    weights = {name: protocol.scorecard[name].weight for name in asked}
    whole = sum(weights.values())
    return e.QualityReviewed(
        by=command.by,
        passed=passed,
        failed=tuple(name for name in asked if command.items.get(name) is False),
        unanswered=tuple(name for name in asked if name not in command.items),
        exempt=exempt,
        score=sum(weights[name] for name in passed) / whole if whole else 1.0,
        agent=matter.need.agent if matter.need else None,
        protocol=protocol.version,
    )
