"""The labelled sentences: a half for tuning the phrase lists, a half held out, and a set by another hand."""

import csv
import unicodedata
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

_HERE = Path(__file__).parent


class Sentence(NamedTuple):
    """What somebody said on a call: es or pt, the label a person gave it, the words."""

    language: str
    label: str
    text: str


def halves() -> tuple[list[Sentence], list[Sentence]]:
    """The sentences for tuning and those held out, each in the order of the file."""
    sentences = _read("sentences.tsv")
    return [each for each in sentences if not _odd(each.text)], [
        each for each in sentences if _odd(each.text)
    ]


def fresh() -> list[Sentence]:
    """The sentences by another hand, who had seen neither the lists nor the other sentences."""
    return _read("fresh.tsv")


def _read(name: str) -> list[Sentence]:
    with (_HERE / name).open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE, strict=True)
        next(rows)
        return [Sentence(*row) for row in rows]


def _odd(text: str) -> bool:
    # By the words alone, so that no tuning can move a sentence from one half to the other.
    return blake2b(unicodedata.normalize("NFC", text).encode()).digest()[0] % 2 == 1
