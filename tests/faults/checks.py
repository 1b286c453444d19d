"""What must hold of a cycle: each acknowledged fact has one outcome, no effect is doubled, all is as without faults."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from centralita.client import Fact
from contracts import registry
from eventlog.codec import Message
from eventlog.memory import TERM
from tests.e2e.centre import Told, story_of
from tests.faults.telling import Tally, Teller

REJECTED = "fact.rejected"


@dataclass(slots=True)
class Outcomes:
    """What became of the facts: the position where each was accepted, those where each was rejected."""

    accepted: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    surprising: list[str] = field(default_factory=list)

    def order(self, fact: Fact) -> int:
        """The position in the inbox at which the fact had its outcome."""
        return self.accepted.get(fact.id) or self.rejected[fact.id][-1]


def outcomes(log: Sequence[Message], tally: Tally) -> Outcomes:
    """Compare what is recorded with what was acknowledged."""
    found = Outcomes()
    own = [message for message in log if message.aggregate != TERM]
    for message in own:
        if message.name == REJECTED and message.cause in tally.facts:
            found.rejected[message.cause].append(message.inbox)
        elif message.cause_source and message.place[0] == 1:
            known = tally.commands if message.actor else tally.facts
            if message.cause not in known:
                found.surprising.append(f"{message.name} at {message.seq}, caused by {message.cause}")
            elif message.cause in found.accepted:
                found.doubled.append(f"{message.cause}: accepted again at {message.seq}")
            found.accepted[message.cause] = message.inbox
    answered = {id for id, answer in tally.commands.items() if isinstance(answer, dict)}
    expected = [*tally.facts, *answered]
    found.lost = [id for id in expected if id not in found.accepted and id not in found.rejected]
    found.doubled += [
        f"{id}: rejected twice at one position"
        for id, positions in found.rejected.items()
        if len(set(positions)) < len(positions)
    ]
    ids = Counter(message.id for message in log)
    found.doubled += [f"event id {id}, {count} times" for id, count in ids.items() if count > 1]
    # of a rejected fact each copy may be rejected: it is another fact, at another position
    effects = Counter(
        (
            message.source,
            message.aggregate,
            message.cause,
            message.cause_source,
            message.place[0],
            message.name,
        )
        for message in own
        if message.name != REJECTED and message.source != registry.source("", registry.CENTRE)
    )
    found.doubled += [
        f"{effect}, {count} times" for effect, count in effects.items() if effect[2] and count > 1
    ]
    return found


def comparable(log: Sequence[Message], accepted: Mapping[str, int]) -> dict[str, list[Told]]:
    """What must be the same in both runs.

    A fact sent again may have been rejected at first, because part of what it rests on was lost on the way; and
    each copy of one that stays rejected is rejected: of these the first counts, of those none.
    """
    kept, seen = list[Message](), set[tuple[str, str]]()
    for message in log:
        if message.name == REJECTED:
            if message.cause in accepted or (message.aggregate, message.cause) in seen:
                continue
            seen.add((message.aggregate, message.cause))
        kept.append(message)
    return story_of(kept)


async def figures(teller: Teller) -> dict[str, Any]:
    """What there is to ask for, from memory and from the read models."""
    figures = await teller.query("sla", "figures")
    for count in ("ignored", "refused"):
        figures.pop(count)  # of copies, which differ: what was rejected is compared as a story
    return {
        "figures": figures,
        "deadlines": await teller.query("sla", "deadlines"),
        "assignments": await teller.query("routing", "assignments"),
        "agents": await teller.query("routing", "agents"),
        "tickets": await teller.query("tickets", "tickets"),
        "history": await teller.query("tickets", "history", customer="42"),
    }
