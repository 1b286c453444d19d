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
from pathlib import Path
from typing import Any

from centralita import logs
from centralita.client import Client
from centralita.playing import Changed, Failed, play
from centralita.scenarios import RULES, Scenario
from centralita.stack import running
from tests.scenarios.stories import HERE, every, id_of
from tests.scenarios.without import without

AT_ONCE = 4
_BROKEN = "internal-error"
PATIENCE = 90.0
"""Seconds for one scenario."""


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
        async with running(Path(store)) as stack, Client(stack.url, name="rules") as client:
            results = await _outcomes(client, wanted)
            for rule in switched or chosen:
                bad += _told(rule, rules[rule], [each for each in wanted if rule in each.rules], results)
                if rule in switched:
                    bad += await _switched_off(client, rule, wanted, results)
    bad += [f"{each.name}: {results[id_of(each)]}" for each in wanted if results[id_of(each)]]
    print(f"\n{len(wanted)} scenarios, {time.monotonic() - began:.0f} s")
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


async def _switched_off(
    client: Client, rule: str, scenarios: list[Scenario], results: dict[str, str]
) -> list[str]:
    """Play the rule's scenarios without it, the ones it leads first, until one fails; what is wrong if none does."""
    its = [each for each in scenarios if rule in each.rules and not results[id_of(each)]]
    its.sort(key=lambda each: each.rules[0] != rule)
    if not its:
        return []
    switch = without(rule)
    try:
        if not switch.functions and all(switch.changed(each.protocol) == each.protocol for each in its):
            raise LookupError("nothing says how, and it has no scripts")
        with switch.in_force():
            for first in range(0, len(its), AT_ONCE):
                some = its[first : first + AT_ONCE]
                ended = await _outcomes(client, some, switch.changed, broken=True)
                if broke := [text for text in ended.values() if _BROKEN in text]:
                    return [f"{rule} cannot be switched off, a service breaks: {broke[0]}"]
                if failed := [each.name for each in some if ended[id_of(each)]]:
                    print(f"     without it fails: {failed[0]}")
                    return []
    except Exception as error:  # noqa: BLE001  a switch that does not work proves nothing
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        return [f"{rule} cannot be switched off: {type(error).__name__}: {error}"]
    return [f"{rule} may be switched off and none of its scenarios fails"]


async def _outcomes(
    client: Client, scenarios: Sequence[Scenario], changed: Changed | None = None, *, broken: bool = False
) -> dict[str, str]:
    """By id how each scenario ends: "" or what went wrong; with `broken` only a scenario's own failure counts."""
    found, left = dict[str, str](), list(reversed(scenarios))

    async def some() -> None:
        while left:
            scenario = left.pop()
            found[id_of(scenario)] = ""
            try:
                async with asyncio.timeout(PATIENCE):
                    await play(client, scenario, changed=changed)
            except Failed as failed:
                found[id_of(scenario)] = str(failed)
            except Exception as error:  # told with the others
                if broken:
                    raise
                found[id_of(scenario)] = f"{type(error).__name__}: {error}"

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(some())
    return found


if __name__ == "__main__":
    sys.exit(main())
