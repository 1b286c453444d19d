"""What the phrases of the gas utility propose, measured on sentences that they were not tuned on."""

import sys
from collections import Counter

import pytest

import protocols
from contracts.protocol.conduct import GRAVEST_FIRST, proposed
from tests.conduct.split import Sentence, fresh, halves

PROTOCOL = protocols.load("gas-utility")


def label(text: str) -> str:
    """The offence that a text proposes, or clean."""
    assert PROTOCOL.conduct
    found = proposed(PROTOCOL.conduct.phrases, text)
    return found[0] if found else "clean"


def measured(sentences: list[Sentence]) -> tuple[float, float]:
    """Precision over all proposals and recall over all that is not clean; prints them by language and label."""
    right: Counter[tuple[str, str]] = Counter()
    meant: Counter[tuple[str, str]] = Counter()
    said: Counter[tuple[str, str]] = Counter()
    for language, wanted, text in sentences:
        got = label(text)
        meant[language, wanted] += 1
        said[language, got] += 1
        right[language, wanted] += got == wanted
    for key in sorted(meant):
        shares = f"precision {right[key]}/{said[key]}, recall {right[key]}/{meant[key]}"
        sys.stdout.write(f"{key[0]} {key[1]:15} {shares}\n")
    dirty = [key for key in meant | said if key[1] != "clean"]
    of, out_of, proposals = (sum(count[key] for key in dirty) for count in (right, meant, said))
    figures = f"precision {of}/{proposals} = {of / proposals:.3f}, recall {of}/{out_of} = {of / out_of:.3f}"
    sys.stdout.write(f"{figures}\n")
    return of / proposals, of / out_of


def test_sentences_held_out_are_told_apart() -> None:
    """R34: precision is at least 0.95 and recall at least 0.90 on the half that nobody tuned on."""
    precision, recall = measured(halves()[1])
    assert precision >= 0.95
    assert recall >= 0.90


def test_sentences_of_somebody_else_are_told_apart() -> None:
    """R34: the same of sentences written by another hand, which were measured once when the lists were final."""
    precision, recall = measured(fresh())
    assert precision >= 0.95
    assert recall >= 0.90


def test_no_sentence_is_in_both_halves_and_there_are_enough() -> None:
    """At least 500 labelled sentences, every language and label in both halves."""
    tuning, held_out = halves()
    assert len(tuning) + len(held_out) >= 500
    assert not {each.text for each in tuning} & {each.text for each in held_out}
    assert {each[:2] for each in tuning} == {each[:2] for each in held_out}
    assert {each.label for each in held_out} == {"clean", *GRAVEST_FIRST}


@pytest.mark.parametrize(
    "text",
    ["una disputa", "la computadora", "su reputación", "ya veo", "un corte de suministro", "es una estafa"],
)
def test_clean_words_propose_nothing_and_may_be_said(text: str) -> None:
    """R34: neither callers nor agents are blamed for words that only look alike."""
    assert label(text) == "clean"
    assert not list(PROTOCOL.forbids("speech", text))


@pytest.mark.parametrize(
    ("name", "text"),
    [("insurer", "¿ya?"), ("insurer", "¿sí?"), ("gas-utility", "Fue un corte de llamado.")],
)
def test_forbidden_words_are_found_through_the_protocol(name: str, text: str) -> None:
    """R32, R38: what agents may not say is found in what they say."""
    assert list(protocols.load(name).forbids("speech", text))
    for clean in ("Ya veo, señora", "Sí, un corte de suministro"):
        assert not list(protocols.load(name).forbids("speech", clean))


def test_of_several_offences_the_gravest_is_proposed_with_its_words() -> None:
    """R34, R39: swearing within a threat is an offence, and the words are given as they were found."""
    assert PROTOCOL.conduct
    assert proposed(PROTOCOL.conduct.phrases, "¡Mierda! Los denuncio al SERNAC") == ("offence", "mierda")
    assert proposed(PROTOCOL.conduct.phrases, "Los denuncio al SERNAC") is not None
    assert label("Los denuncio al SERNAC, y no voy a colgar") == "threat"
