"""Changes to the contract that break somebody are found and named; others pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts import registry, released, schemas
from contracts.released.__main__ import main
from contracts.released.breaking import breaks
from contracts.released.offered import offered
from tests.contracts.harmless import HARMLESS
from tests.contracts.planted_elsewhere import BREAKING
from tests.contracts.planting import raised

PRESENT = released.contract()
TEXT = json.dumps(PRESENT)


def test_enough_is_planted() -> None:
    """At least fifty changes that break somebody, and as many that do not."""
    assert len(HARMLESS) >= 50 <= len(BREAKING)


def test_the_present_contract_keeps_to_every_release() -> None:
    """There is a release, and nothing of any has been broken."""
    assert released.released()
    assert released.check() == {}


@pytest.mark.parametrize("what", BREAKING)
def test_what_breaks_is_found_and_named(what: str) -> None:
    """The complaint says which type and field it is about, and what to do; nothing else is complained of."""
    about, change = BREAKING[what]
    changed = json.loads(TEXT)
    change(changed)
    found = breaks(PRESENT, changed)
    assert found
    for it in found:
        said = f"{it.about}: {it.field}" if it.field else it.about
        assert said == about or what in ("a field is renamed", "a resource is gone")
        assert it.why
        assert it.remedy


@pytest.mark.parametrize("what", HARMLESS)
def test_what_breaks_nobody_passes(what: str) -> None:
    """No false alarm."""
    changed = json.loads(TEXT)
    HARMLESS[what](changed)
    assert json.dumps(changed) != TEXT
    assert breaks(PRESENT, changed) == []


def test_a_break_is_told_on_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check fails, names type, field, reason and remedy, and since which release."""
    changed = json.loads(TEXT)
    BREAKING["an enumeration has a new value"][1](changed)
    monkeypatch.setattr(released, "contract", lambda: changed)
    assert main([]) == 1
    said = capsys.readouterr().err
    assert "1 breaking changes since 0.1.0" in said
    assert 'call.offered.v1: language may be "fr" now, which readers of before do not take; leave it' in said


def test_the_remedy_fits() -> None:
    """A new version is advised where old readers can read it, something beside it where they cannot."""
    for what, advice in {
        "an optional field is added within a version": "new version of it",
        "an enumeration has a new value": "a field beside it",
    }.items():
        changed = json.loads(TEXT)
        BREAKING[what][1](changed)
        assert {advice in it.remedy for it in breaks(PRESENT, changed)} == {True}


def test_headers_that_the_document_refers_to_count() -> None:
    """One that many resources share is known by its own name, and may not become required."""
    changed = schemas.openapi()
    changed["components"]["parameters"]["ce-time"]["required"] = True
    changed["components"]["parameters"]["ce-actor"]["name"] = "ce-agent"
    assert {it.about for it in breaks(PRESENT, PRESENT | {"http": dict(offered(changed))})} == {
        f"http POST /v1/{{centre}}/events reading {name}" for name in ("ce-time", "ce-actor")
    }


def test_a_version_is_not_taken_back() -> None:
    """What was released in a version above the present one can be read no longer."""
    newer = json.loads(TEXT)
    raised("call.offered")(newer)
    assert [it.about for it in breaks(newer, PRESENT)] == ["call.offered.v2"]


def test_every_release_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What breaks an older release is told of, even if the newest has it; a release is not written over."""
    older = json.loads(TEXT)
    older["commands"]["tickets archive"] = {"type": "object"}
    (tmp_path / "0.0.9.json").write_text(json.dumps(older))
    assert released.write(here=tmp_path).name == "0.1.0.json"
    assert list(released.released(tmp_path)) == ["0.0.9", "0.1.0"]
    assert {version: len(found) for version, found in released.check(tmp_path).items()} == {"0.0.9": 1}
    (tmp_path / "0.1.0.json").write_text(json.dumps(older))
    with pytest.raises(FileExistsError, match="raise the version"):
        released.write(here=tmp_path)
    assert main(["--wriet"]) == 2


def test_the_published_version_is_the_one_lifted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contract has what the registry says: versions, upcasters, and the schemas of earlier versions."""
    monkeypatch.setitem(registry._VERSIONS, "call.answered", 2)
    now = released.contract()["recorded"]["call.answered"]
    assert (now["present"], now["upcasts"], list(now["versions"])) == (2, [], ["1", "2"])
    broken = released.check()["0.1.0"]
    assert [(it.about, it.why) for it in broken] == [
        ("call.answered.v1", "is lifted no further than version 1")
    ]
    monkeypatch.setattr(registry, "UPCASTS", {("call.answered", 1): dict})
    assert released.check() == {}
