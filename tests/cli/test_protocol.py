"""Protocols at the command line: checked, published, shown, compared, tried on the past; and deadlines explained."""

from __future__ import annotations

from pathlib import Path

import protocols
from tests.cli.keyboard import Stack
from tests.cli.test_commands import CALL, fact, settled

SHIPPED = Path(protocols.__file__).parent / "cold-industry.toml"


def changed(folder: Path, *replaced: tuple[str, str]) -> Path:
    """The protocol cold-industry with some of its text replaced."""
    text = SHIPPED.read_text(encoding="utf-8")
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new, 1)
    file = folder / "ours.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_what_is_wrong_is_told_by_file_key_and_expectation(stack: Stack, tmp_path: Path) -> None:
    """A protocol that ships is in order; one with a wrong limit is refused with one line that says where."""
    assert stack.typed("protocol", "check", "insurer").code == 0
    wrong = changed(tmp_path, ("answer_s = 8", "answer_s = -8"))
    checked = stack.typed("protocol", "check", str(wrong))
    assert checked.code == 2
    assert str(wrong) in checked.err
    assert "limits.answer_s" in checked.err
    assert "expected more than 0, found -8" in checked.err


def test_a_version_is_published_once(stack: Stack, tmp_path: Path) -> None:
    """A new version is in force from its position on and is shown; the same number again is refused."""
    centre = stack.centre("--protocol", "cold-industry", "--clock", "virtual")
    again = stack.typed("protocol", "publish", str(SHIPPED), "-c", centre)
    assert again.code == 1
    assert "expected 2 or above, found 1" in again.err
    second = changed(
        tmp_path, ('language = "es"', 'language = "es"\nversion = 2'), ("answer_s = 8", "answer_s = 20")
    )
    compared = stack.typed("protocol", "diff", str(second), "-c", centre)
    assert compared.code == 1
    assert compared.out.splitlines() == [
        "- limits.answer_s = 8.0",
        "+ limits.answer_s = 20.0",
        "+ version = 2",
    ]
    published = stack.typed("protocol", "publish", str(second), "-c", centre, "--json").json
    assert published == {
        "centre": centre,
        "protocol": "cold-industry",
        "version": 2,
        "position": published["position"],
    }
    assert stack.typed("protocol", "diff", str(second), "-c", centre).code == 0
    assert "limits.answer_s = 20.0" in stack.typed("protocol", "show", "-c", centre).out
    assert "limits.answer_s = 8.0" in stack.typed("protocol", "show", "-c", centre, "--version", "1").out
    assert stack.typed("protocol", "show", "-c", centre, "--version", "9").code == 1


def test_a_dry_run_shows_what_would_have_been_otherwise(stack: Stack, tmp_path: Path) -> None:
    """With four seconds to answer the call would have been late; nothing of it is recorded."""
    centre = stack.centre("--protocol", "cold-industry", "--clock", "virtual")
    assert stack.typed("publish", "-c", centre, stdin="".join(CALL)).code == 0
    settled(stack, centre)
    strict = changed(tmp_path, ("answer_s = 8", "answer_s = 4"))
    tried = stack.typed(
        "protocol", "dry-run", str(strict), "-c", centre, "--since", "2026-03-01", "--json"
    ).json
    assert (tried["looked_at"] > 0, tried["changed"]) == (True, 1)
    (change,) = tried["changes"].values()
    assert {event for _, _, event, _ in change["more"]} >= {"deadline.breached"}
    assert {event for _, _, event, _ in change["fewer"]} >= {"deadline.met"}
    shown = stack.typed("protocol", "dry-run", str(strict), "-c", centre, "--since", "2026-03-01")
    assert "+ sla      deadline.breached" in shown.out
    later = stack.typed(
        "protocol", "dry-run", str(strict), "-c", centre, "--since", "2026-03-03", "--json"
    ).json
    assert later["changed"] == 0
    same = stack.typed(
        "protocol", "dry-run", str(SHIPPED), "-c", centre, "--since", "2026-03-01", "--json"
    ).json
    assert same["changed"] == 0
    recorded = stack.typed("protocol", "show", "-c", centre).out
    assert "limits.answer_s = 8.0" in recorded


def test_a_deadline_is_explained(stack: Stack) -> None:
    """What set it, rule, protocol, what ended it and what the clocks showed; unknown ones name those there are."""
    centre = stack.centre("--protocol", "cold-industry", "--clock", "virtual")
    late = [fact(1, "call.offered", "c-1", 0), fact(2, "call.answered", "c-1", 9, agent="lucia")]
    late += [fact(3, "request.stated", "c-1", 20, text="hola", category="complaint"), CALL[3]]
    assert stack.typed("publish", "-c", centre, stdin="".join(late)).code == 0
    settled(stack, centre)
    (proof,) = stack.typed("explain", "c-1", "answer", "-c", centre, "--json").json["deadlines"]
    assert (proof["rule"], proof["state"], proof["limit_s"]) == ("R25", "breached", 8)
    assert proof["protocol"] == "cold-industry 1"
    assert proof["set"]["cause"]["type"] == "call.offered"
    assert proof["then"][-1]["event"]["type"] == "deadline.breached"
    shown = stack.typed("explain", "c-1", "-c", centre).out
    assert "answer of c-1, rule R25: breached" in shown
    assert "too late at that instant" in shown
    unknown = stack.typed("explain", "c-1", "nothing", "-c", centre)
    assert unknown.code == 1
    assert "it has answer" in unknown.err
