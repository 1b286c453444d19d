"""The form of scenarios: how times are told, what cannot be read and why, how expectations are judged."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from centralita.judging import Event, fits, holds
from centralita.operating import Operator
from centralita.playing import Failed, play
from centralita.scenarios import RULES, Scenario, ScenarioError, load, readable
from centralita.shapes import merged
from centralita.short import elapsed
from centralita.steps import moment
from tests.scenarios.stories import HERE, differing
from tests.scenarios.without import WITHOUT, without

MADRID = ZoneInfo("Europe/Madrid")
START = datetime(2026, 3, 2, 9, 0, tzinfo=MADRID)
HEAD = "- scenario: It holds\n  rules: [R25]\n  centre: cold-industry\n  steps:\n"
GOOD = "  - {at: 0:00, call: c1, fact: call.offered}\n"


def written(tmp_path: Path, text: str) -> Path:
    """A file with this text."""
    (tmp_path / "story.yaml").write_text(text, encoding="utf-8")
    return tmp_path / "story.yaml"


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        *[("0:00", 0), ("0:07.999", 7.999), ("2:00", 120), ("2:00.001", 120.001), ("1:02:03", 3723)],
        *[("90:00", 5400), ("8", 8), ("8.5", 8.5), ("1:00:00.5", 3600.5), ("'0:08'", 8), ("'1:00:00'", 3600)],
        *[("2026-03-02 09:01", 60), ("2026-03-02 09:00:01", 1), ("2026-03-02T09:00:01", 1)],
        ("2026-03-30 09:00", 28 * 86400 - 3600),  # the clocks have gone forward
    ],
)
def test_a_time_however_yaml_reads_it(told: str, seconds: float) -> None:
    """A time is the same as text, as YAML's number of base sixty, and as a local time."""
    read = moment(yaml.safe_load(f"[{told}]")[0], START)
    assert read - START.astimezone(UTC) == timedelta(milliseconds=round(seconds * 1000))


@pytest.mark.parametrize(
    "told", ["soon", "1:2", "1:60", "-5", "1:00:00:00", True, None, [], date(2026, 3, 2)]
)
def test_what_is_no_time(told: Any) -> None:
    """Anything else is refused, and said how a time is told."""
    with pytest.raises(ScenarioError, match=r"expected a time as 2:00\.000"):
        moment(told, START)


def test_elapsed_time_reads_as_it_is_told() -> None:
    """The story of a failure has the times of the scenario."""
    begun = START.astimezone(UTC)
    assert elapsed(begun + timedelta(milliseconds=7999), START) == "0:07.999"
    assert elapsed(begun + timedelta(hours=1, seconds=3), START) == "1:00:03.000"
    assert elapsed(begun - timedelta(seconds=1), START) == "-0:01.000"


def test_a_good_file(tmp_path: Path) -> None:
    """A file is read whole: subjects, data, words and the protocol with its changes."""
    text = HEAD.replace("steps", "with: {limits: {answer_s: 30, retry_s: null}}\n  steps")
    step = "  - {at: 0:30, call: c1, fact: call.answered, agent: ana, occurred: 0:20}\n"
    (scenario,) = load(written(tmp_path, text + GOOD + step))
    assert scenario.protocol["limits"]["answer_s"] == 30
    assert "retry_s" not in scenario.protocol["limits"]
    assert scenario.start == START
    answered = scenario.steps[1]
    assert (answered.about, answered.data) == ({"call": "c1"}, {"agent": "ana"})
    assert answered.at - answered.words["occurred"] == timedelta(seconds=10)


WRONG = {
    "no yaml": ("- {", "expected YAML"),
    "no list": ("scenario: x", "expected a list"),
    "no scenario": ("- 7", "scenario 1: a scenario: expected keys"),
    "unknown key": (
        HEAD.replace("steps", "when: x\n  steps") + GOOD,
        "It holds: a scenario: unknown key when",
    ),
    "no name": (HEAD.replace("It holds", "") + GOOD, "scenario 1: scenario: expected a text"),
    "no rules": (HEAD.replace("[R25]", "[]") + GOOD, "rules: expected a list"),
    "unknown rule": (HEAD.replace("R25", "R77") + GOOD, "rules: there is no R77"),
    "unknown protocol": (HEAD.replace("cold-", "hot-") + GOOD, "centre: .*hot-industry"),
    "bad protocol": (
        HEAD.replace("steps", "with: {limits: {answer_s: fast}}\n  steps") + GOOD,
        "limits.answer_s",
    ),
    "bad start": (HEAD.replace("steps", "start: noon\n  steps") + GOOD, "start: expected a local time"),
    "no steps": (HEAD.replace("steps:\n", "steps: []\n"), "steps: expected a list"),
    "twice a name": (HEAD + GOOD + HEAD + GOOD, "another scenario is called so"),
    "twice a key": (HEAD + "  - {at: 0:00, call: c1, call: c2, fact: call.offered}\n", "call stands twice"),
    "no time": (HEAD + "  - {call: c1, fact: call.offered}\n", "step 1 .*at: every step says when"),
    "bad time": (HEAD + "  - {at: later, call: c1, fact: call.offered}\n", "step 1 .*at: expected a time"),
    "backwards": (HEAD + "  - {at: 0:09}\n" + GOOD, "step 2 .*time runs backwards"),
    "unknown fact": (HEAD + "  - {at: 0:00, call: c1, fact: call.sung}\n", "there is no 'call.sung'"),
    "an event as fact": (HEAD + "  - {at: 0:00, call: c1, fact: prompt.issued}\n", "no 'prompt.issued'"),
    "unknown event": (HEAD + "  - {at: 0:00, call: c1, expect: call.sung}\n", "there is no 'call.sung'"),
    "unknown order": (HEAD + "  - {at: 0:00, call: c1, order: [call.sung]}\n", "'call.sung' is no type"),
    "unknown command": (HEAD + "  - {at: 0:00, command: tickets burn}\n", "there is no 'tickets burn'"),
    "unknown query": (HEAD + "  - {at: 0:00, query: tickets weather}\n", "there is no 'tickets weather'"),
    "about nobody": (HEAD + "  - {at: 0:00, fact: call.offered}\n", "expected call: whom it is about"),
    "unknown data": (
        HEAD + "  - {at: 0:00, call: c1, fact: call.offered, size: 4}\n",
        "unknown key size; there is",
    ),
    "unknown in expect": (
        HEAD + "  - {at: 0:00, call: c1, expect: call.offered, size: 4}\n",
        "unknown key size",
    ),
    "unknown in contains": (
        HEAD + "  - {at: 0:00, call: c1, never: call.ended, contains: {size: 4}}\n",
        "unknown key size",
    ),
    "bad data": (HEAD + "  - {at: 0:00, call: c1, fact: call.offered, from: 600555101}\n", "from: expected"),
    "bad command": (
        HEAD + "  - {at: 0:00, command: tickets close, ticket: 0, by: ana}\n",
        "ticket: expected",
    ),
    "bad count": (HEAD + "  - {at: 0:00, call: c1, expect: call.ended, count: many}\n", "a whole number"),
    "bad service": (
        HEAD + "  - {at: 0:00, call: c1, expect: call.ended, service: radio}\n",
        "service: expected",
    ),
}


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_read(tmp_path: Path, text: str, said: str) -> None:
    """What is wrong is told with the file, and where there is one the scenario and the step."""
    with pytest.raises(ScenarioError, match=rf"story\.yaml: .*{said}"):
        load(written(tmp_path, text))


def test_one_bad_scenario_leaves_the_others(tmp_path: Path) -> None:
    """The rest of a file can be played."""
    bad = HEAD.replace("It holds", "It does not") + "  - {at: 0:00, fact: call.sung}\n"
    first, second = readable(written(tmp_path, bad + HEAD + GOOD))
    assert isinstance(first, ScenarioError)
    assert isinstance(second, Scenario)


def test_malformed_data_may_be_sent_on_purpose(tmp_path: Path) -> None:
    """Where a rejection or refusal is expected, data under `data` is not checked."""
    steps = "  - {at: 0:00, call: c1, fact: call.offered, rejected: malformed, data: {size: 4}}\n"
    steps += "  - {at: 0:00, command: tickets close, refused: malformed, data: {size: 4}}\n"
    (scenario,) = load(written(tmp_path, HEAD + steps))
    assert [step.data for step in scenario.steps] == [{"size": 4}] * 2


def test_other_kinds_of_step_may_be_data(tmp_path: Path) -> None:
    """The first of the words that say what is done counts; rule.violated has a field called fact."""
    step = "  - {at: 0:00, call: c1, expect: rule.violated, rule: R18, fact: call.held}\n"
    (scenario,) = load(written(tmp_path, HEAD + step))
    assert (scenario.steps[0].verb, scenario.steps[0].data) == (
        "expect",
        {"rule": "R18", "fact": "call.held"},
    )


@pytest.mark.parametrize(
    ("expected", "found", "is_it"),
    [
        *[("a", "a", True), ("a", "ab", False), (1, 1.0, True), (True, 1, False), (1, True, False)],
        *[({"a": 1}, {"a": 1, "b": 2}, True), ({"a": None}, {}, True), ({"a": None}, {"a": 1}, False)],
        *[([1], [1], True), ([1], [1, 2], False), ([{"a": 1}], [{"a": 1, "b": 2}], True), (42, "42", True)],
        *[(8, "2026-03-02T08:00:08Z", True), ("0:08", "2026-03-02T08:00:08.001Z", False)],
    ],
)
def test_what_fits(expected: Any, found: Any, is_it: bool) -> None:
    """Maps fit as far as given, lists whole, times however told, ids without their quotes."""
    assert fits(expected, found, START) is is_it


def test_what_holds_a_part() -> None:
    """A text holds a part of it, a list an element; nothing else holds anything."""
    assert holds("az", "plaza", START)
    assert holds({"source": "number"}, [{"source": "number", "weight": 1}], START)
    assert not holds("Az", "plaza", START)
    assert not holds("a", None, START)


def test_whom_an_event_is_about() -> None:
    """It is about the aggregate, the call it is kept beside, and whom a field names."""
    made = Event("sla", "assignment:c1", "deadline.set", {"call": "c2"}, None, (1, 1))
    for about in ({"call": "c1"}, {"call": "c2"}, {"about": "assignment:c1"}):
        assert made.is_about(about)
    for about in ({"call": "c3"}, {"about": "c1"}, {"call": "c1", "agent": "ana"}):
        assert not made.is_about(about)


def test_changes_are_merged_in_depth() -> None:
    """Maps by key, null takes away, lists are replaced."""
    assert merged({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": None, "e": 3}, "d": [2]}) == {
        "a": {"c": 2, "e": 3},
        "d": [2],
    }


def test_two_plays_that_part_ways() -> None:
    """Where in the inbox a rejected fact lies may differ, anything else is told."""
    one = Event("sla", "c1", "deadline.set", {"position": 1, "due": 1}, None, (1, 1))
    assert not differing([one], [one._replace(data={"position": 2, "due": 1})])
    assert differing([one], [one._replace(data={"due": 2})])
    assert differing([one], [])


def test_every_rule_is_listed_and_switches_are_of_rules() -> None:
    """rules.toml holds the 76 rules; without.py names no other, and its default leaves out scripts."""
    assert tomllib.loads((HERE / "rules.toml").read_text(encoding="utf-8")).keys() == RULES
    assert WITHOUT.keys() <= RULES
    scripts = {"scripts": {"r26.greeting": {}, "r2.other": {}, "r02.name": {}}}
    assert without("R26").changed(scripts) == {"scripts": {"r2.other": {}, "r02.name": {}}}


async def test_a_failure_tells_the_story(urls: dict[str, str], tmp_path: Path) -> None:
    """Where it does not go as told, the step, what was found and the story of the call are in the failure."""
    step = "  - {at: 0:08, call: c1, expect: call.offered, queue: other}\n"
    (scenario,) = load(written(tmp_path, HEAD + GOOD + step))
    async with Operator(urls["one process"]) as client:
        with pytest.raises(Failed) as failed:
            await play(client, scenario)
    text = str(failed.value)
    assert "It holds: step 2, at 0:08.000" in text
    assert '"queue": "main"' in text
    assert "0:00.000  intake   call.offered" in text
