"""What the protocol says about a caller and a call: which words speak for which kind, which line was dialled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from contracts.events import CallerClassified, Evidence, NeedEstablished
from contracts.protocol import Line, Protocol, Wording
from contracts.wording import found

Party = Literal["individual", "company"]


def stated(protocol: Protocol, texts: Iterable[str]) -> Iterator[Evidence]:
    """What the words of these statements say about the kind of caller. R05."""
    for name, signal in _found(texts, ((name, kind.signals) for name, kind in protocol.kinds.items())):
        weight = protocol.kinds[name].signals[signal]
        yield Evidence(source="statement", kind=name, weight=weight, seen=signal)


def asked_for(protocol: Protocol, persons: Iterable[str]) -> Iterator[Evidence]:
    """What the persons asked for say about the kind of caller. R03."""
    weight = protocol.classification.asked_for
    for name, title in _found(persons, ((name, kind.asks_for) for name, kind in protocol.kinds.items())):
        yield Evidence(source="asked_for", kind=name, weight=weight, seen=title)


def _found(texts: Iterable[str], phrases: Iterable[tuple[str, Iterable[str]]]) -> Iterator[tuple[str, str]]:
    said = tuple(texts)
    for name, each in phrases if said else ():
        heard = {phrase for text in said for phrase in found(text, each)}
        yield from ((name, phrase) for phrase in each if phrase in heard)


def calls_as(protocol: Protocol, party: Party | None) -> Iterator[Evidence]:
    """What calling as an individual or for a company says; nothing on kinds that may be either. R04."""
    for name, kind in protocol.kinds.items():
        if party is not None and kind.party == party:
            yield Evidence(source="party", kind=name, weight=protocol.classification.party, seen=party)


def answered(protocol: Protocol, answers: Iterable[tuple[str, bool]]) -> Iterator[Evidence]:
    """What the caller answered about kinds: a no excludes one, the last yes settles the matter. R06."""
    given = [(kind, yes) for kind, yes in answers if kind in protocol.kinds]
    settled = next((kind for kind, yes in reversed(given) if yes), None)
    for kind, yes in given:
        if not yes or kind == settled:
            yield Evidence(source="answer", kind=kind, weight=1.0 if yes else -1.0)


def kind_of(protocol: Protocol, evidence: Iterable[Evidence]) -> tuple[str | None, str | None, float]:
    """The likeliest kind, its group, and its lead over the next (0 to 1; 1 once confirmed). R04, R05."""
    doubts: dict[str, float] = {}
    excluded: set[str] = set()
    for reason in evidence:
        if reason.source == "answer" and reason.weight > 0:
            return reason.kind, protocol.kinds[reason.kind].group, 1.0
        if reason.weight < 0:
            excluded.add(reason.kind)
        else:
            doubts[reason.kind] = doubts.get(reason.kind, 1.0) * (1.0 - reason.weight)
    scores = [(1.0 - doubts[name], name) for name in protocol.kinds if name in doubts.keys() - excluded]
    scores.sort(key=lambda scored: -scored[0])
    if not scores or scores[0][0] <= 0:
        return None, None, 0.0
    best, kind = scores[0]
    second = scores[1][0] if len(scores) > 1 else 0.0
    return kind, protocol.kinds[kind].group, round(best - second, 3)


def same(
    before: CallerClassified | NeedEstablished | None, after: CallerClassified | NeedEstablished
) -> bool:
    """Whether they say the same, under whichever version of the protocol and whoever is on the line by now."""
    if before is None:
        return False
    of_the_moment: dict[str, object] = {"protocol": after.protocol}
    if isinstance(before, NeedEstablished) and isinstance(after, NeedEstablished) and before.agent:
        of_the_moment["agent"] = after.agent
    return before.model_copy(update=of_the_moment) == after


def needs_matter(protocol: Protocol) -> bool:
    """Whether anybody acts on what a caller needs."""
    cases = protocol.cases
    return bool(
        protocol.routing
        or protocol.targets
        or cases.owed_for
        or cases.need_first
        or cases.before_answer
        or cases.required
        or cases.required_with_tool
        or cases.screenshot_for
        or cases.formal_reply_for
        or cases.profile_after_request
    )


def line_of(protocol: Protocol, number: str | None, at: datetime | None) -> Line | None:
    """The line that was dialled, as it stood on the day of the call. R57."""
    if not protocol.lines or at is None:
        return None
    return protocol.line_of(number, local(protocol, at).date())


def greeting(protocol: Protocol, at: datetime) -> Wording:
    """How one wishes a good day at this time, by language; from `noon` on it is the afternoon's. R26."""
    morning = local(protocol, at).hour < protocol.noon
    return {
        language: each.morning if morning else each.afternoon for language, each in protocol.greetings.items()
    }


def local(protocol: Protocol, at: datetime) -> datetime:
    """The time by the centre's wall clock."""
    return at.astimezone(ZoneInfo(protocol.timezone))
