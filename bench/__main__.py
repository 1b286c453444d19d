"""`python -m bench`: measure ourselves beside what else one would pick, and print a table."""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, NoReturn

from rich.console import Console

from bench import (
    commit,
    endtoend,
    growth,
    history,
    idle,
    latency,
    month,
    pages,
    ready,
    replay,
    scale,
    table,
    timers,
)
from bench.report import Plan, Row, environment

QUICK_S, FULL_S = 115, 3500
GRACE_S = 15


class Measure(NamedTuple):
    """What measures, and how many seconds it may take in full."""

    run: Callable[[Plan], list[Row]]
    most_s: float


MEASURES = {
    "endtoend": Measure(endtoend.run, 400),
    "commit": Measure(commit.run, 200),
    "replay": Measure(replay.run, 200),
    "ready": Measure(ready.run, 500),
    "latency": Measure(latency.run, 300),
    "timers": Measure(timers.run, 500),
    "history": Measure(history.run, 500),
    "month": Measure(month.run, 300),
    "idle": Measure(idle.run, 120),
    "scale": Measure(scale.run, 300),
    "growth": Measure(growth.run, 1500),
}


class Hung(KeyboardInterrupt):
    """A measure has not ended although its time was up; an interrupt, as nothing holds those up."""


def main() -> int:
    """Run what is asked for; 1 if a measure failed or took too long."""
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: leave nothing behind
    console = Console(width=None if sys.stdout.isatty() else 180)
    progress = Console(stderr=True)
    rows: list[Row] = []
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory(
        prefix="bench-", dir=options.dir, ignore_cleanup_errors=True
    ) as directory:
        Path(directory).chmod(0o711)  # PostgreSQL runs as another user and must get through
        about = environment(Path(directory)) | {"quick": options.quick}
        ends = time.monotonic() + (QUICK_S if options.quick else FULL_S)
        console.print(pages.told(about), highlight=False)
        for name in options.only or MEASURES:
            began = time.monotonic()
            with progress.status(f"measuring {name}"):
                found = _measured(name, options.quick, Path(directory), ends)
            if isinstance(found, str):
                failed[name] = found
            else:
                rows += found
            progress.print(
                f"{name}: {failed.get(name, 'done')} after {time.monotonic() - began:.0f} s", highlight=False
            )
    table.show(rows, console)
    if options.quick:
        console.print("these were small runs: the bars are meant for the full ones", highlight=False)
    into = options.into or (Path("build/bench") if options.quick or options.only else pages.DOCS)
    for written in pages.write(into, rows, about | {"failed": failed}):
        progress.print(f"written: {written}", highlight=False)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small run of each: to see that it works")
    parser.add_argument(
        "--only", nargs="+", choices=MEASURES, metavar="NAME", help=f"of {', '.join(MEASURES)}"
    )
    parser.add_argument(
        "--into",
        type=Path,
        metavar="DIR",
        help="where the JSON and the pictures go (default: docs, and build/bench if not all is measured in full)",
    )
    parser.add_argument(
        "--dir", type=Path, metavar="DIR", help="the disk to measure on (default: the temporary one)"
    )
    return parser.parse_args()


def _measured(name: str, quick: bool, directory: Path, ends: float) -> list[Row] | str:
    """The rows of a measure, or why there are none; the others are measured all the same."""
    run, most_s = MEASURES[name]
    ends = ends if quick else min(ends, time.monotonic() + most_s)
    plan = Plan(quick, directory, ends)
    try:
        with _interrupted(plan.left + GRACE_S):
            plan.check()
            return run(plan)
    except (TimeoutError, Hung):
        return "it took longer than it may"
    except Exception as reason:  # noqa: BLE001
        return f"{type(reason).__name__}: {reason}"


@contextmanager
def _interrupted(after_s: float) -> Iterator[None]:
    """Hung is raised in whatever runs after so many seconds."""

    def interrupt(*_: object) -> NoReturn:
        raise Hung

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, after_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
