"""How scenarios end: several are played at once, each in a centre of its own, and told in their order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from centralita.operating import Operator
from centralita.playing import Changed, Failed, play
from centralita.scenarios import Scenario
from eventlog.inputs import end

__all__ = ["Outcome", "junit", "outcomes"]

AT_ONCE = 4
PATIENCE = 90.0
"""Seconds for one scenario."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a scenario ended: `error` is what went wrong, Failed where something was not as it says."""

    scenario: Scenario
    error: Exception | None
    seconds: float

    @property
    def why(self) -> str:
        """What went wrong, with the story as it went; "" where nothing did."""
        if self.error is None or isinstance(self.error, Failed):
            return str(self.error or "")
        where = f"{self.scenario.file}: {self.scenario.name}"
        return f"{where}: {type(self.error).__name__}: {self.error}"


async def outcomes(
    client: Operator, scenarios: Sequence[Scenario], changed: Changed | None = None
) -> AsyncGenerator[Outcome, None]:
    """Play scenarios, some at once; how each ended, in their order. `changed` alters every protocol."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(scenario: Scenario) -> Outcome:
        async with gate:
            began, wrong = time.monotonic(), None
            try:
                async with asyncio.timeout(PATIENCE):
                    await play(client, scenario, changed=changed)
            except Exception as error:  # noqa: BLE001  told with the others
                wrong = error
            return Outcome(scenario, wrong, time.monotonic() - began)

    tasks = [asyncio.create_task(one(scenario)) for scenario in scenarios]
    try:
        for task in tasks:
            yield await task
    finally:
        await end(*tasks)


def junit(file: Path, ended: Sequence[Outcome]) -> None:
    """Write how they ended in the form of JUnit, which CI systems read."""
    failed = sum(bool(each.error) for each in ended)
    suite = ElementTree.Element(
        "testsuite", name="centralita play", tests=str(len(ended)), failures=str(failed), errors="0",
        time=f"{sum(each.seconds for each in ended):.3f}",
    )  # fmt: skip
    for each in ended:
        case = ElementTree.SubElement(
            suite, "testcase", classname=Path(each.scenario.file).stem, name=each.scenario.name,
            time=f"{each.seconds:.3f}",
        )  # fmt: skip
        if each.error:
            first, _, _ = each.why.partition("\n")
            ElementTree.SubElement(case, "failure", message=first).text = each.why
    ElementTree.ElementTree(suite).write(file, encoding="utf-8", xml_declaration=True)
