"""What the demo says of itself: whose words must be gone, and whether they are."""

from pathlib import Path

from centralita.demo import STORIES
from centralita.judging import Event
from centralita.scenarios import load
from centralita.telling import strangers, traces

(INSURER,) = load(STORIES / "insurer.yaml")
KEPT = Event("intake", "c-2001", "key.kept", {}, None, (1, 1))


def test_only_what_strangers_said_must_be_gone() -> None:
    """Number, name and words of the caller who was no customer; nothing of the customer whose key was kept."""
    said = strangers(INSURER.steps, [KEPT], INSURER.protocol)
    assert {"+56225550999", "Nadie Conocido", "Solo preguntaba el horario"} <= said
    assert not any("Rosa" in text for text in said)
    assert "Rosa" in strangers(INSURER.steps, [], INSURER.protocol)


def test_nobody_is_forgotten_elsewhere() -> None:
    """A centre whose protocol keeps everybody has nothing to look for."""
    protocol = {**INSURER.protocol, "privacy": {}}
    assert strangers(INSURER.steps, [], protocol) == frozenset()


def test_what_is_left_is_found(tmp_path: Path) -> None:
    """In any file below the store, as it was said and as JSON may write it."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "1.blk").write_bytes("…Ibáñez…".encode() + b'{"name": "Ib\\u00e1\\u00f1ez"}')
    size, found = traces(tmp_path, {"Ibáñez", "nobody"})
    assert (size, found) == ((tmp_path / "deep" / "1.blk").stat().st_size, 2)
