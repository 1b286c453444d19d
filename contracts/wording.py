"""Words: how texts are compared, where phrases are found in them, and how a script is filled in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from unicodedata import normalize

from contracts.base import Language

_MARKS = re.compile("(?<!n)\u0303|[\u0300-\u0302\u0304-\u036f]")  # ñ is a letter, not an n with an accent
_WORDS = re.compile(r"\w+")
_MARKED = re.compile(r"\w+|[¿?]")
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}", re.IGNORECASE)
_DISGUISED = re.compile(r"(?<!\w)(?=\w*[^\W\d_])(?=\w*\d)[^\W_][\w@$]*", re.ASCII)
_LETTERS_OF_FIGURES = str.maketrans("013457@$", "oieastas")
_GAP, _ENDING = "…", r"\w*"
_LETTERS = 4  # of a word, by which it is looked up
_PLACE = re.compile(r"\{(\w+)\}")
_STRAY = re.compile(r"\s+(?=[,.;:?!])")


def fold(text: str, *, questions: bool = False) -> str:
    """The words of a text in small letters and without accents, each with a blank on either side.

    With `questions`, question marks count as words too.
    """
    plain = normalize("NFC", _MARKS.sub("", normalize("NFD", text.casefold())))
    return f" {' '.join((_MARKED if questions else _WORDS).findall(plain))} "


def found(text: str, phrases: Iterable[str], exceptions: Iterable[str] = ()) -> Iterator[str]:
    """Which phrases stand in the text as whole words, outside of what is excepted; in the order of the list.

    In phrases and exceptions `/` stands between words that may take each other's place (of several, joined by
    hyphens: `voy-a/pienso colgar`), `*` after the beginning of a word for any ending, and `…` for up to four
    words. A phrase with question marks is only found with them. A letter drawn out (`holaaa`) counts once,
    and figures within a word of a text are read as the letters that they look like (`1d10ta`).
    """
    return (phrase for phrase, _ in heard(text, phrases, exceptions))


def heard(text: str, phrases: Iterable[str], exceptions: Iterable[str] = ()) -> Iterator[tuple[str, str]]:
    """As `found`, with the words of the text, folded, in which each phrase was found first."""
    text = _DISGUISED.sub(lambda word: word[0].translate(_LETTERS_OF_FIGURES), _DRAWN_OUT.sub(r"\1", text))
    spared, sought = _listed(tuple(exceptions)), _listed(tuple(phrases))
    plain = spared.cut(fold(text))
    marked = spared.cut(fold(text, questions=True)) if sought.ask else ""
    for phrase, pattern, asks in sought.likely(f"{plain}{marked}"):
        if match := pattern.search(marked if asks else plain):
            yield phrase, match[0].strip()


class _Listed:
    """Phrases, by the beginnings of their words: few of a long list are tried on a text."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self.ask = False
        self._patterns: list[tuple[str, re.Pattern[str], bool]] = []
        self._beginnings: list[list[set[str]]] = []
        self._by_first: dict[str, list[int]] = {}
        for phrase in phrases:
            asks = "?" in phrase
            slots = phrase.replace(_GAP, f" {_GAP} ").strip(f"{_GAP} ").split()
            choices = [each for slot in slots if (each := _choices(slot, asks))]
            if not choices:
                continue
            first, *others = ({_beginning(choice) for choice in each} for each in choices if each != [_GAP])
            for beginning in first:
                self._by_first.setdefault(beginning, []).append(len(self._patterns))
            self._beginnings.append(others)
            self._patterns.append((phrase, re.compile("".join(map(_expression, choices)) + "(?= )"), asks))
            self.ask |= asks

    def likely(self, folded: str) -> list[tuple[str, re.Pattern[str], bool]]:
        """Those of which every word could stand in the text, going by how it begins."""
        here = {f"{word} "[:size] for word in set(folded.split()) for size in range(1, _LETTERS + 1)}
        begun = {number for each in here & self._by_first.keys() for number in self._by_first[each]}
        return [
            self._patterns[number]
            for number in sorted(begun)
            if not any(here.isdisjoint(beginnings) for beginnings in self._beginnings[number])
        ]

    def cut(self, folded: str) -> str:
        for _, pattern, _ in self.likely(folded):
            folded = pattern.sub(" |", folded)
        return folded


_listed = lru_cache(maxsize=1024)(_Listed)


def _choices(slot: str, asks: bool) -> list[str]:
    if slot == _GAP:
        return [_GAP]
    folded = ((fold(choice, questions=asks).strip(), choice.endswith("*")) for choice in slot.split("/"))
    return [f"{words}*" if open_ended else words for words, open_ended in folded if words]


def _beginning(choice: str) -> str:
    word, several, _ = choice.partition(" ")
    return (word[:-1] if word.endswith("*") and not several else f"{word} ")[:_LETTERS]


def _expression(choices: list[str]) -> str:
    if choices == [_GAP]:
        return r"(?: \w+){0,4}?"
    return f" (?:{'|'.join(re.escape(each).replace(re.escape('*'), _ENDING) for each in choices)})"


def places(text: str) -> set[str]:
    """The names of the placeholders in a script."""
    return set(_PLACE.findall(text))


def worded(
    scripts: Mapping[str, Mapping[Language, str]],
    key: str,
    languages: Iterable[Language | None],
    values: Mapping[str, str | Mapping[Language, str]],
) -> tuple[Language, str] | None:
    """A script in the first of these languages that it is written in, or in any; None if there is none.

    A value may differ by language. What is not known is left out.
    """
    texts = scripts.get(key)
    if not texts:
        return None
    spoken: Language = next((each for each in languages if each and each in texts), next(iter(texts)))

    def fill(place: re.Match[str]) -> str:
        value = values.get(place[1], "")
        return value if isinstance(value, str) else value.get(spoken) or next(iter(value.values()), "")

    text = _STRAY.sub("", " ".join(_PLACE.sub(fill, texts[spoken]).split()))
    begun = text.lstrip(",.;: ")
    return spoken, text if begun == text else begun[:1].upper() + begun[1:]
