"""Every planted fault must be seen by an invariant: `python -m tests.simulation.mutants` plays seeds until it is.

A fault that survives fails.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import sys
from typing import NamedTuple

from tests.simulation import faults_of_memory, faults_of_the_log
from tests.simulation.__main__ import run
from tests.simulation.planting import MUTANTS, grown


class Caught(NamedTuple):
    """What became of a fault: after how many seeds which invariants saw it; none if it survived."""

    name: str
    seeds: int
    invariants: list[str]
    first: str


def hunted(name: str, most: int) -> Caught:
    """Play seeds with the fault until an invariant sees it."""
    with grown(name):
        for seed in range(most):
            wrong = run(seed).wrong
            if wrong:
                return Caught(name, seed + 1, list(wrong), next(iter(wrong.values()))[0])
    return Caught(name, most, [], "")


def _hunted(given: tuple[str, int]) -> Caught:
    return hunted(*given)


def main() -> int:
    """Hunt all, or those named; how many survive."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants")
    parser.add_argument("names", nargs="*", default=list(MUTANTS))
    parser.add_argument("--most", type=int, default=300, help="seeds for each")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    survived = 0
    gc.freeze()
    with multiprocessing.get_context("fork").Pool(given.jobs, maxtasksperchild=1) as pool:
        for caught in pool.imap_unordered(_hunted, [(name, given.most) for name in given.names]):
            survived += not caught.invariants
            found = f"caught by {', '.join(caught.invariants)}" if caught.invariants else "SURVIVES"
            print(f"{caught.name:32} {caught.seeds:4} seeds  {found}", flush=True)
            if caught.first:
                print(f"{'':32} {'':10}  {caught.first[:160]}", flush=True)
    print(f"{len(given.names)} faults planted, {survived} survive")
    return min(survived, 1)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        again = [sys.executable, "-m", "tests.simulation.mutants", *sys.argv[1:]]
        os.execve(sys.executable, again, os.environ | {"PYTHONHASHSEED": "0"})
    sys.exit(main())


__all__ = ["MUTANTS", "Caught", "faults_of_memory", "faults_of_the_log", "hunted"]
