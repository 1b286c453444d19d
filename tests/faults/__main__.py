"""`make faults`: real processes and a real server under load, and something goes wrong in every cycle."""

# ruff: noqa: T201  what it says is for the screen

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from centralita.commands.common import Interrupted, run
from tests.faults.cycle import cycle, kind_of
from tests.faults.kinds import KINDS
from tests.faults.rig import Rig, may_mount, standing
from tests.faults.summary import summary

RESULTS = Path("build/faults/results.jsonl")
RENEWED = 50
"""Cycles after which a rig is replaced by a new one."""


def main() -> int:
    """Run the cycles that are asked for and not done yet; 1 if one has failed."""
    asked = argparse.ArgumentParser(prog="make faults", description=__doc__)
    asked.add_argument("--cycles", type=int, default=1000, help="how many, those done before among them")
    asked.add_argument("--seed", type=int, default=0, help="the first seed")
    asked.add_argument("--kinds", default="", help=f"only these, in turn, by commas: {', '.join(KINDS)}")
    asked.add_argument(
        "--results", type=Path, default=RESULTS, help="a JSON line for each cycle; %(default)s"
    )
    asked.add_argument("--again", action="store_true", help="run also what is in the results already")
    asked.add_argument("--brief", action="store_true", help="no line for a cycle that went well")
    given = asked.parse_args()
    kinds = [each.strip() for each in given.kinds.split(",") if each.strip()]
    if unknown := sorted({*kinds} - KINDS.keys()):
        asked.error(f"--kinds: there is no {', '.join(unknown)}; there are {', '.join(KINDS)}")
    if may_mount() and "CENTRALITA_FAULTS" not in os.environ:  # what is mounted goes with the last process
        os.environ["CENTRALITA_FAULTS"] = "in a mount namespace of its own"
        if unshare := shutil.which("unshare"):
            os.execv(unshare, [unshare, "--mount", sys.executable, "-m", "tests.faults", *sys.argv[1:]])
    given.results.parent.mkdir(parents=True, exist_ok=True)
    seeds = range(given.seed, given.seed + given.cycles)
    done = set() if given.again else {line["seed"] for line in _lines(given.results)}
    todo = [seed for seed in seeds if seed not in done]
    if done & set(seeds):
        print(f"{len(seeds) - len(todo)} cycles are in {given.results} already", flush=True)
    began = time.monotonic()
    try:
        run(_run(todo, kinds, given.results, given.brief))
    except Interrupted as interrupted:
        print("interrupted; the same command goes on from here")
        return 128 + interrupted.number
    lines = [line for line in _lines(given.results) if line["seed"] in seeds]
    print(summary(lines))
    print(f"{len(todo)} cycles in {time.monotonic() - began:.0f} s; {given.results}")
    return int(any(line["lost"] or line["doubled"] or line["differing"] or line["wrong"] for line in lines))


def _lines(results: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


async def _run(seeds: Sequence[int], kinds: Sequence[str], results: Path, brief: bool) -> None:
    rigs, stacks = dict[str, Rig](), dict[str, AsyncExitStack]()
    with tempfile.TemporaryDirectory(prefix="rigs-", dir=results.absolute().parent) as directory:
        try:
            for seed in seeds:
                kind = kind_of(seed, kinds)
                rig = rigs.get(kind.ground)
                if rig and rig.cycles >= RENEWED:
                    await stacks.pop(kind.ground).aclose()
                    shutil.rmtree(rig.directory)
                    rig = None
                if rig is None:
                    stacks[kind.ground] = AsyncExitStack()
                    place = Path(directory) / f"{kind.ground}-{seed}"
                    rig = await stacks[kind.ground].enter_async_context(standing(kind.ground, place))
                    rigs[kind.ground] = rig
                rig.cycles += 1
                left = results.parent / f"failed-{seed}"
                result = await cycle(rig, seed, kind, left)
                with results.open("a") as file:
                    file.write(result.line() + "\n")
                if not result.good:
                    print(
                        _failed(
                            seed, kinds, left, result.lost + result.doubled + result.differing + result.wrong
                        )
                    )
                    rig.cycles = RENEWED
                elif not brief:
                    print(f"{seed:>6} {result.kind:<22} {result.seconds:>5.1f} s", flush=True)
        finally:
            for stack in stacks.values():
                await stack.aclose()


def _failed(seed: int, kinds: Sequence[str], left: Path, why: Sequence[str]) -> str:
    only = f' KINDS="{",".join(kinds)}"' if kinds else ""
    return "\n".join(
        [
            f"{seed:>6} FAILED: {len(why)} things are wrong; all of it in {left}",
            *(f"       {each.strip()[-1500:]}" for each in why[:4]),
            f"       again: make faults SEED={seed} CYCLES=1 AGAIN=1{only}",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
