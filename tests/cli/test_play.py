"""`play`: scenarios from anybody's files; which passed, and the story of those that did not."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.keyboard import Stack

ROOT = Path(__file__).parents[2]
SCENARIOS = """
- scenario: In time
  centre: ours.toml
  with: {limits: {answer_s: 30}}
  steps:
  - {at: 0:00, call: c1, fact: call.offered}
  - {at: 0:29, call: c1, fact: call.answered, agent: ana}
  - {at: 0:40, call: c1, expect: deadline.met, rule: R25}
- scenario: Too late, and it is said
  centre: ours.toml
  steps:
  - {at: 0:00, call: c1, fact: call.offered}
  - {at: 0:20, call: c1, fact: call.answered, agent: ana}
  - {at: 0:40, call: c1, expect: deadline.met, rule: R25}
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a protocol of one's own and two scenarios, of which one is wrong."""
    (tmp_path / "ours.toml").write_text((ROOT / "protocols/cold-industry.toml").read_text())
    (tmp_path / "stories.yaml").write_text(SCENARIOS)
    return tmp_path


def test_those_that_fail_tell_their_story(stack: Stack, files: Path) -> None:
    """1, both named, and of the second the step, what was expected and what happened; JUnit's form says the same."""
    report = files / "report.xml"
    played = stack.typed("play", str(files), "--nats", stack.url, "--junit", str(report))
    assert played.code == 1
    assert played.out.startswith("passed In time\nFAILED Too late, and it is said\n")
    assert "{at: 0:40, call: c1, expect: deadline.met, rule: R25}" in played.out
    assert "0:08.000  sla      deadline.breached    c1  deadline=answer rule=R25" in played.out
    assert played.out.splitlines()[-1].startswith("2 scenarios, 1 failed, ")
    suite = ElementTree.parse(report).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert "deadline.breached" in "".join(suite.itertext())


def test_what_the_page_shows_passes_on_a_server_of_its_own(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scenario and the command of the page: without --nats all is started and stopped; a line of JSON each."""
    page = (ROOT / "docs/scenarios.md").read_text()
    scenario, command = (re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL)[0] for kind in ("yaml", "sh"))
    monkeypatch.chdir(tmp_path)
    Path("stories.yaml").write_text(scenario)
    played = stack.typed(*shlex.split(command)[1:], "--json")
    assert played.code == 0
    (line,) = played.lines
    assert (line["file"], line["passed"], line["why"]) == ("stories.yaml", True, "")


def test_what_cannot_be_read_is_told_before_anything_is_played(stack: Stack, files: Path) -> None:
    """Each by its file and scenario, with what was expected; 2. So is a choice that leaves none."""
    (files / "wrong.yaml").write_text("- scenario: It begins\n  centre: nowhere\n  steps: []\n- 7\n")
    played = stack.typed("play", str(files))
    assert (played.code, played.out) == (2, "")
    assert [line.split(": ")[2] for line in played.err.splitlines()] == ["It begins", "scenario 2"]
    chosen = stack.typed("play", str(files / "stories.yaml"), "--only", "in time", "--nats", stack.url)
    assert (chosen.code, chosen.out.splitlines()[0]) == (0, "passed In time")
    none = stack.typed("play", str(files / "stories.yaml"), "--only", "nothing so called")
    assert (none.code, "--only" in none.err) == (2, True)


def test_a_server_that_does_not_answer_is_told(stack: Stack, files: Path) -> None:
    """3, as with every command."""
    assert stack.typed("play", str(files / "stories.yaml"), "--nats", "nats://127.0.0.1:1").code == 3
