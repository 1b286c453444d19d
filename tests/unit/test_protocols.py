"""The protocols that ship, and what is said about one that cannot be read."""

import re
from pathlib import Path

import pytest

import protocols
from services.intake.policy import fold

LANGUAGES = {"es", "pt", "en"}


@pytest.mark.parametrize("name", protocols.names())
def test_every_protocol_that_ships_can_be_loaded_by_its_name(name: str) -> None:
    """A protocol is named as its file is."""
    assert protocols.load(name).name == name


@pytest.mark.parametrize("name", protocols.names())
def test_every_sentence_and_title_exists_in_three_languages(name: str) -> None:
    """Whatever the language of a call, there are words for it, with the same placeholders in each."""
    protocol = protocols.load(name)
    assert all(kind.titles.keys() == LANGUAGES for kind in protocol.kinds.values())
    for key, wording in protocol.scripts.items():
        places = [sorted(re.findall(r"{(.*?)}", text)) for text in wording.values()]
        assert wording.keys() == LANGUAGES, key
        assert places[0] == places[1] == places[2], key
        assert {"name", "title", "kind"}.issuperset(places[0]), key


@pytest.mark.parametrize("name", protocols.names())
def test_no_signal_counts_twice_or_for_two_kinds(name: str) -> None:
    """Without accents and capitals every signal is still another one."""
    signals = [fold(signal) for kind in protocols.load(name).kinds.values() for signal in kind.signals]
    assert len(signals) == len(set(signals))


def test_cold_industry_has_the_two_groups_and_besides_them_bank_and_direct_contact() -> None:
    """R04: the groups are those of the manual."""
    groups: dict[str, set[str]] = {}
    for name, kind in protocols.load("cold-industry").kinds.items():
        groups.setdefault(kind.group, set()).add(name)
    assert groups == {
        "private": {"individual", "property-manager", "self-employed-subcontractor"},
        "trade": {"industrial-refrigeration", "key-account", "supplier", "subcontractor-firm"},
        "bank": {"bank"},
        "direct-contact": {"direct-contact"},
    }


def test_every_kind_and_category_of_cold_industry_has_a_row() -> None:
    """R10: the last row of the routing table takes whatever no other takes."""
    last = protocols.load("cold-industry").routing[-1]
    assert (last.kinds, last.categories) == ((), ())


def test_a_protocol_of_ones_own_is_loaded_by_its_path(tmp_path: Path) -> None:
    """A file need not be one that ships."""
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\nlimits.answer_s = 8\n')
    assert protocols.load(file) == protocols.load(str(file))
    assert protocols.load(file).limits.answer_s == 8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"name = ", "expected TOML"),
        (b"name = '\xff'", "expected UTF-8"),
        (b"version = 1", "name: Field required"),
        (b"name = 'x'\nlimits.answer_s = 0", "limits.answer_s: Input should be greater than 0"),
        (b"name = 'x'\nlimit.answer_s = 8", "limit: Extra inputs are not permitted"),
        (b"name = 'x'\ntimezone = 'Mars/Olympus'", "timezone: Value error, 'Mars/Olympus' is no IANA"),
        (b"name = 'x'\nrouting = [{kinds = ['bank'], desk = 'd'}]", "protocol: Value error, routing row 1"),
    ],
)
def test_what_is_wrong_with_a_protocol_is_said(tmp_path: Path, text: bytes, said: str) -> None:
    """The error names the file, the key and the expectation."""
    file = tmp_path / "wrong.toml"
    file.write_bytes(text)
    with pytest.raises(protocols.ProtocolError, match=r"wrong\.toml: ") as raised:
        protocols.load(file)
    assert said in str(raised.value)


def test_a_name_that_is_none_is_answered_with_those_that_are() -> None:
    """Who mistypes a name sees which there are."""
    with pytest.raises(protocols.ProtocolError, match="cold-industry"):
        protocols.load("cold-industri")
