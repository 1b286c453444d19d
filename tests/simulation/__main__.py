"""`python -m tests.simulation --seed 123` tells what happened in one run; with `--seeds 10000` many are judged."""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import sys
import time
from collections import Counter
from typing import NamedTuple

from tests.simulation.invariants import judged
from tests.simulation.play import digest, play
from tests.simulation.seen import Seen


class Outcome(NamedTuple):
    """What came of a seed: what was wrong, by invariant, what happened how often, and what was stored, in short."""

    seed: int
    wrong: dict[str, list[str]]
    counts: Counter[str]
    digest: str


def run(seed: int) -> Outcome:
    """Play a seed and judge it."""
    try:
        world = play(seed)
    except Exception as failure:  # noqa: BLE001  one seed that cannot be played does not keep the others back
        return Outcome(seed, {"can_be_played": [repr(failure)]}, Counter(), "")
    counts = world.counts + Counter(
        {
            "facts": world.inbox.last,
            "facts acknowledged": len(world.told.acknowledged),
            "commands": len(world.told.answered),
            "events": world.log.last,
            "connections lost": world.weather.cuts,
            "messages delayed": world.weather.slowed,
            "terms": sum(it.subject.endswith(".term") for it in world.log.history.values()),
        }
    )
    return Outcome(seed, judged(Seen(world)), counts, digest(world))


def replay(seed: int) -> str:
    """How to see what happened in a seed."""
    return f"python -m tests.simulation --seed {seed}"


def many(first: int, number: int, jobs: int) -> int:
    """Judge many seeds and say what happened in all; how many failed."""
    began, counts, failed = time.monotonic(), Counter[str](), list[int]()
    gc.freeze()
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        for done, outcome in enumerate(pool.imap_unordered(run, range(first, first + number), 4), start=1):
            counts += outcome.counts
            if outcome.wrong:
                failed.append(outcome.seed)
                for invariant, wrong in outcome.wrong.items():
                    print(f"seed {outcome.seed}: {invariant}: {wrong[0]}", flush=True)
                print(f"  replay: {replay(outcome.seed)}", flush=True)
            if done % 100 == 0:
                print(
                    f"{done} seeds, {done / (time.monotonic() - began):.1f} a second, {len(failed)} failed",
                    flush=True,
                )
    seconds = time.monotonic() - began
    print(f"{number} seeds from {first} in {seconds:.0f} s, {number / seconds:.1f} a second")
    print(", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    print(f"{len(failed)} failed: {sorted(failed)}" if failed else "all invariants hold in all of them")
    return len(failed)


def one(seed: int) -> int:
    """Tell the story of a seed, its log, and what is wrong with it."""
    world = play(seed)
    seen = Seen(world)
    print(f"seed {seed}: {world.protocol.name}, {world.plan}")
    for line in world.story:
        print(line)
    for message in seen.log.values():
        place, where = f"{message.place[0]}/{message.place[1]}", f"inbox {message.inbox} log {message.log}"
        print(
            f"{message.seq:5} {message.subject} {message.name} {place} v{message.sequence} {where}"
            f" cause {message.cause} at {message.time} by {seen.writers[message.seq]}"
        )
    print(f"digest {digest(world)}")
    wrong = judged(seen)
    for invariant, found in wrong.items():
        print(f"{invariant}:", *found, sep="\n  ")
    return len(wrong)


def main() -> int:
    """One seed told, or many judged; the number of failures ends the process."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seed", type=int, help="tell this one")
    parser.add_argument("--seeds", type=int, default=200, help="judge so many")
    parser.add_argument("--from", type=int, default=0, dest="first", help="beginning with this one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="in so many processes")
    given = parser.parse_args()
    failed = one(given.seed) if given.seed is not None else many(given.first, given.seeds, given.jobs)
    return min(failed, 1)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of a set must be the same each time
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
            os.environ | {"PYTHONHASHSEED": "0"},
        )
    sys.exit(main())
