"""Every scenario holds; one of each rule also over four processes, and leaves the same log there.

With CENTRALITA_SCENARIOS=everywhere all of them are played over four processes too, and compared.
"""

from __future__ import annotations

import asyncio
import os
import tomllib

import pytest

from centralita.judging import Event
from centralita.operating import Operator
from centralita.playing import play
from centralita.scenarios import Scenario
from tests.scenarios.stories import HERE, differing, every, id_of

SCENARIOS, WRONG = every()
EVERYWHERE = os.environ.get("CENTRALITA_SCENARIOS") == "everywhere"


def first_of_each_rule() -> frozenset[str]:
    """The names of those scenarios that show a rule which none before them shows."""
    names, shown = set[str](), set[str]()
    for scenario in SCENARIOS:
        if not shown.issuperset(scenario.rules):
            names.add(scenario.name)
            shown.update(scenario.rules)
    return frozenset(names)


FIRST = first_of_each_rule()


def test_every_scenario_can_be_read() -> None:
    """What the files hold are scenarios, each with a name of its own."""
    assert not WRONG, "\n".join(map(str, WRONG))


def test_what_is_said_is_shown_with_its_moment_text_and_language() -> None:
    """Of each rule that guides whoever is on the line, some scenario expects a prompt with all three."""
    rules = tomllib.loads((HERE / "rules.toml").read_text(encoding="utf-8"))
    shown = set[str]()
    for step in (step for scenario in SCENARIOS for step in scenario.steps):
        told = {*step.data, *step.words, *step.words.get("contains", {})}
        if step.what == "prompt.issued" and step.verb == "expect" and told >= {"at_time", "text", "language"}:
            shown.add(step.data.get("rule") or step.data.get("key", "").partition(".")[0].upper())
    assert {rule for rule, about in rules.items() if "guide" in about["kept"]} <= shown


@pytest.mark.parametrize("scenario", SCENARIOS, ids=id_of)
async def test_scenario(urls: dict[str, str], scenario: Scenario) -> None:
    """It goes as told, also over four processes; told twice, both logs say the same of each aggregate."""

    async def told(where: str) -> list[Event]:
        async with Operator(urls[where], name="scenarios") as client:
            try:
                return await play(client, scenario)
            except Exception as failure:
                failure.add_note(f"over {where}")
                raise

    where = urls if EVERYWHERE or scenario.name in FIRST else list(urls)[:1]
    ended = await asyncio.gather(*map(told, where), return_exceptions=True)
    for each in ended:
        if isinstance(each, BaseException):
            raise each
    logs = [each for each in ended if not isinstance(each, BaseException)]
    apart = differing(logs[0], logs[-1])
    assert not apart, "told twice, it was not the same:\n" + "\n".join(apart)
