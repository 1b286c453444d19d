"""What the protocol says about a caller: which words speak for which kind, and how a prompt is worded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Literal
from unicodedata import normalize

from contracts.events import CallerClassified, Evidence, NeedEstablished
from contracts.facts import Language
from contracts.protocol import Protocol

Party = Literal["individual", "company"]

_MARKS = re.compile("(?<!n)\u0303|[\u0300-\u0302\u0304-\u036f]")  # ñ is a letter, not an n with an accent
_WORDS = re.compile(r"\w+")
_PLACE = re.compile(r"\{(name|title|kind)\}")
_STRAY = re.compile(r"\s+(?=[,.;?!])")


def fold(text: str) -> str:
    """The words of a text in small letters and without accents, each with a blank on either side."""
    plain = normalize("NFC", _MARKS.sub("", normalize("NFD", text.casefold())))
    return f" {' '.join(_WORDS.findall(plain))} "


_fold_phrase = lru_cache(maxsize=4096)(fold)


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
    words = "|".join(map(fold, texts))
    if words:
        for name, each in phrases:
            yield from ((name, phrase) for phrase in each if _fold_phrase(phrase) in words)


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
    """Whether they say the same, under whichever version of the protocol."""
    return before is not None and before.model_copy(update={"protocol": after.protocol}) == after


def wording(
    protocol: Protocol, key: str, language: Language | None, *, name: str, title: str, kind: str | None
) -> tuple[Language, str] | None:
    """A script in the call's language, or the protocol's, or whichever there is; None if there is none.

    Placeholders of what is not known are left out.
    """
    texts = protocol.scripts.get(key)
    if not texts:
        return None
    preferred = [spoken for spoken in (language, protocol.language) if spoken in texts]
    spoken = preferred[0] if preferred else next(iter(texts))
    titles = protocol.kinds[kind].titles if kind in protocol.kinds else {}
    values = {"name": name, "title": title, "kind": titles.get(spoken) or next(iter(titles.values()), "")}
    text = _PLACE.sub(lambda place: values[place[1]], texts[spoken])
    return spoken, _STRAY.sub("", " ".join(text.split()))
