"""`make rules`: every rule with its scenarios and how they end; with WITHOUT=, whether they fail without it."""

# ruff: noqa: T201  what it says is for the screen

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from centralita import logs
from centralita.operating import Operator
from centralita.outcomes import outcomes
from centralita.playing import Changed, Failed
from centralita.scenarios import RULES, Scenario
from centralita.stack import running
from tests.scenarios.stories import HERE, every, id_of
from tests.scenarios.without import without

AT_ONCE = 4
_BROKEN = "internal-error"


def main() -> int:
    """Print the rules; 1 if one has no scenario, one fails, or one does not fail without its rule."""
    asked = argparse.ArgumentParser(prog="make rules", description=__doc__)
    asked.add_argument("--without", default="", metavar="RULES", help="all, or ids as R22,R25")
    asked.add_argument("--only", default="", metavar="RULES", help="ids as R22,R25 instead of every rule")
    given = asked.parse_args()
    rules = tomllib.loads((HERE / "rules.toml").read_text(encoding="utf-8"))
    assert rules.keys() == RULES, sorted(rules.keys() ^ RULES)
    chosen = _ids(given.only) or sorted(rules)
    switched = sorted(rules) if given.without == "all" else _ids(given.without)
    if unknown := {*chosen, *switched} - RULES:
        asked.error(f"there is no {', '.join(sorted(unknown))}")
    logs.configure(logging.CRITICAL)
    return asyncio.run(_run(rules, chosen, switched))


def _ids(told: str) -> list[str]:
    return [each.strip() for each in told.split(",") if each.strip()]


async def _run(rules: dict[str, Any], chosen: list[str], switched: list[str]) -> int:
    began, (scenarios, wrong) = time.monotonic(), every()
    wanted = [each for each in scenarios if {*each.rules} & {*chosen, *switched}]
    bad = [f"cannot be read: {each}" for each in wrong]
    with tempfile.TemporaryDirectory() as store:
        async with running(Path(store)) as stack, Operator(stack.url, name="rules") as client:
            results = await _outcomes(client, wanted)
            for rule in switched or chosen:
                bad += _told(rule, rules[rule], [each for each in wanted if rule in each.rules], results)
            sound = [each for each in wanted if not results[id_of(each)]]
            print(f"\n{len(wanted)} scenarios, {time.monotonic() - began:.0f} s")
            bad += await _switched_off(client, switched, sound) if switched else []
    bad += [f"{each.name}: {results[id_of(each)]}" for each in wanted if results[id_of(each)]]
    if switched:
        print(f"{len(switched)} rules switched off in turn, {time.monotonic() - began:.0f} s in all")
    for each in bad:
        print(f"\n{each}")
    return 1 if bad else 0


def _told(rule: str, about: dict[str, Any], its: list[Scenario], results: dict[str, str]) -> list[str]:
    """Print a rule with its scenarios; what is wrong with it."""
    failed = sum(bool(results[id_of(each)]) for each in its)
    state = "NONE" if not its else f"{failed} FAILED" if failed else "ok"
    print(f"{rule}  {about['title']}  [{', '.join(about['kept'])}; {', '.join(about['services'])}]  {state}")
    for each in its:
        print(f"     {'FAILED' if results[id_of(each)] else 'ok':<6}  {each.name}  ({Path(each.file).stem})")
    sys.stdout.flush()
    return [] if its else [f"{rule} has no scenario"]


async def _switched_off(client: Operator, rules: Sequence[str], sound: Sequence[Scenario]) -> list[str]:
    """Play each rule's scenarios without it until one fails; which rules none fails without.

    Rules that only the protocol keeps are switched off side by side, those kept by a function one after the other.
    """
    bad, beside = list[str](), [rule for rule in reversed(rules) if not without(rule).functions]

    async def some() -> None:
        while beside:
            bad.extend(await _without(client, beside.pop(), sound))

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(some())
    for rule in rules:
        if without(rule).functions:
            with without(rule).in_force():
                bad += await _without(client, rule, sound)
    return sorted(bad)


async def _without(client: Operator, rule: str, sound: Sequence[Scenario]) -> list[str]:
    """Play a rule's scenarios without it, the ones it leads first, until one fails; what is wrong if none does."""
    switch = without(rule)
    its = [each for each in sound if rule in each.rules]
    others = [each for each in its if switch.functions or switch.changed(each.protocol) != each.protocol]
    if its and not others:
        return [f"{rule} cannot be switched off: nothing says how, and it has no scripts"]
    for scenario in sorted(others, key=lambda each: each.rules[0] != rule):
        try:
            how = (await _outcomes(client, [scenario], switch.changed, broken=True))[id_of(scenario)]
        except Exception as error:  # noqa: BLE001  a switch that does not work proves nothing
            while isinstance(error, ExceptionGroup):
                error = error.exceptions[0]
            return [f"{rule} cannot be switched off: {type(error).__name__}: {error}"]
        if _BROKEN in how:
            return [f"{rule} cannot be switched off, a service breaks: {how}"]
        if how:
            print(f"{rule}  without it fails: {scenario.name}", flush=True)
            return []
    return [f"{rule} may be switched off and none of its scenarios fails"] if its else []


async def _outcomes(
    client: Operator, scenarios: Sequence[Scenario], changed: Changed | None = None, *, broken: bool = False
) -> dict[str, str]:
    """By id how each scenario ends: "" or what went wrong; with `broken` only a scenario's own failure counts."""
    found = dict[str, str]()
    async with aclosing(outcomes(client, scenarios, changed)) as ended:
        async for each in ended:
            if broken and each.error and not isinstance(each.error, Failed):
                raise each.error
            found[id_of(each.scenario)] = each.why
    return found


if __name__ == "__main__":
    sys.exit(main())
