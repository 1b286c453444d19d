"""`python -m bench`: measure ourselves beside what else one would pick, and print a table."""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from bench import commit, endtoend, history, idle, latency, month, replay, timers
from bench.report import Plan, Row, environment, show, write

QUICK_S, FULL_S = 110, 570
MEASURES: dict[str, Callable[[Plan], list[Row]]] = {
    "endtoend": endtoend.run,
    "commit": commit.run,
    "replay": replay.run,
    "latency": latency.run,
    "idle": idle.run,
    "timers": timers.run,
    "history": history.run,
    "month": month.run,
}


def main() -> int:
    """Run what is asked for; 1 if a measure failed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one small run of each: to see that it works")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write everything there as JSON, each run included"
    )
    parser.add_argument(
        "--only", nargs="+", choices=MEASURES, metavar="NAME", help=f"of {', '.join(MEASURES)}"
    )
    parser.add_argument(
        "--dir", type=Path, metavar="DIR", help="the disk to measure on (default: the temporary one)"
    )
    options = parser.parse_args()
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
        plan = Plan(options.quick, Path(directory), ends)
        console.print(", ".join(f"{name} {value}" for name, value in about.items() if name != "packages"))
        for name in options.only or MEASURES:
            began = time.monotonic()
            with progress.status(f"measuring {name}"):
                try:
                    plan.check()
                    rows += MEASURES[name](plan)
                except TimeoutError:
                    failed[name] = "it took longer than it may"
                except Exception as reason:  # noqa: BLE001  the others are measured all the same
                    failed[name] = f"{type(reason).__name__}: {reason}"
            progress.print(
                f"{name}: {failed.get(name, 'done')} after {time.monotonic() - began:.0f} s", highlight=False
            )
    show(rows, console)
    if options.json:
        write(options.json, rows, about | {"failed": failed})
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
