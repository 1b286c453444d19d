"""The load of a cycle: what happens in a call centre, drawn by a seed, in phases that the clock closes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from centralita.client import Fact
from tests.e2e.centre import advanced, fact, offered, signed_in, stated

PHASES = 3
PUBLISHERS = 3
CALLS = 2
"""How many calls each publisher has in a phase."""
SPAN = 100.0
"""Seconds of the virtual clock that a phase takes."""
CUSTOMER = {"name": "Fincas Sol", "kind": "property-manager", "phones": ["600123456"]}
BEFORE = (fact("customer.registered", "42", 0, **CUSTOMER), *signed_in("ana"), *signed_in("luis"))
"""What all of it rests on: told and settled first."""
CONCLUDED = advanced(PHASES * SPAN + 150)
"""Offers of the first phases are due by then, and none of those that follow."""


@dataclass(frozen=True, slots=True)
class Send:
    """Facts published at once, after a pause in seconds."""

    facts: tuple[Fact, ...]
    pause: float


@dataclass(frozen=True, slots=True)
class Phase:
    """What each publisher sends, side by side; then the clock goes on."""

    publishers: tuple[tuple[Send, ...], ...]
    clock: Fact

    @property
    def facts(self) -> list[Fact]:
        """Each fact once."""
        sent = [fact for sends in self.publishers for send in sends for fact in send.facts]
        return list({fact.id: fact for fact in sent}.values())


def load_of(seed: int) -> list[Phase]:
    """The phases of a cycle."""
    chance = Random(f"load {seed}")
    return [_phase(chance, number) for number in range(PHASES)]


def _phase(chance: Random, number: int) -> Phase:
    publishers = []
    for publisher in range(PUBLISHERS):
        calls = [
            _call(chance, f"p{number}-{publisher}-{call}", number * SPAN + 5 + 30 * call + publisher)
            for call in range(CALLS)
        ]
        publishers.append(tuple(_sends(chance, calls, grouped=publisher == number % PUBLISHERS)))
    return Phase(tuple(publishers), advanced((number + 1) * SPAN))


def _call(chance: Random, call: str, at: float) -> list[Fact]:
    """One call, with at least four facts, some of them impossible."""
    facts = [offered(call, at, from_=chance.choice(["600123456", "600999888", None]))]
    if chance.random() < 0.15:
        facts += [
            fact("call.abandoned", call, at + chance.choice([2, 12])),
            fact("call.answered", call, at + 13),
        ]
        return [*facts, fact("call.ended", f"never-{call}", at + 14)]
    facts += [
        fact("call.answered", call, at + chance.choice([3, 8, 11]), agent=chance.choice(["luis", "ana"]))
    ]
    if chance.random() < 0.6:
        known = {"standing": "customer", "customer": "42", "party": "company"}
        facts += [fact("caller.identified", call, at + 12, **known)]
    facts += [stated(call, at + 13, chance.choice(["complaint", "invoice", "information"]))]
    if chance.random() < 0.5:
        level = chance.choice(["high", "medium", "low"])
        facts += [fact("complexity.assessed", call, at + 14, complexity=level)]
    if chance.random() < 0.3:
        facts += [fact("call.held", call, at + 15), fact("call.resumed", call, at + 20)]
    facts += [fact("call.ended", call, at + 25)]
    if chance.random() < 0.2:
        facts += [fact("call.answered", call, at + 26)]
    return facts


def _sends(chance: Random, calls: Sequence[Sequence[Fact]], grouped: bool) -> list[Send]:
    """The facts of these calls in their order: in one batch, or a few at a time, and some once more."""
    facts, sends = [fact for call in calls for fact in call], list[Send]()
    while facts:
        size = chance.choice([len(facts), 24]) if grouped else chance.choice([1, 1, 2, 3, 6])
        sends.append(Send(tuple(facts[:size]), chance.uniform(0, 0.4 if grouped else 0.25)))
        facts = facts[size:]
    regular = {"call.offered", "request.stated", "caller.identified", "complexity.assessed"}
    for at in sorted(chance.sample(range(len(sends)), min(2, len(sends))), reverse=True):
        again = tuple(fact for fact in sends[at].facts if fact.type in regular)
        if again:
            sends.insert(chance.randint(at + 1, len(sends)), Send(again, chance.uniform(0, 0.1)))
    return sends
