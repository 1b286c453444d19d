"""What came of many cycles, in a few lines."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Any


def summary(lines: Sequence[dict[str, Any]]) -> str:
    """Cycles by kind, facts and commands acknowledged, what was lost, doubled or different, and takeover times."""
    count: Counter[str] = Counter(line["kind"] for line in lines)
    failed = Counter(
        line["kind"]
        for line in lines
        if line["lost"] or line["doubled"] or line["differing"] or line["wrong"]
    )
    told = ["", f"{'fault':<24}{'cycles':>8}{'failed':>8}"]
    told += [f"{kind:<24}{number:>8}{failed[kind]:>8}" for kind, number in sorted(count.items())]
    told += [f"{'in all':<24}{len(lines):>8}{failed.total():>8}", ""]
    for name, about in (
        ("facts", "facts acknowledged"),
        ("acks", "acknowledgements, copies counted"),
        ("again", "publishings and questions repeated because of a fault"),
        ("rejected_at_first", "facts rejected at first, accepted when repeated"),
        ("commands", "commands answered"),
        ("events", "events"),
    ):
        told.append(f"{sum(line[name] for line in lines):>9,} {about}")
    for name in ("lost", "doubled", "differing"):
        told.append(f"{sum(len(line[name]) for line in lines):>9,} {name}")
    takeovers = defaultdict[str, list[float]](list)
    for line in lines:
        for why, seconds in line["takeovers"]:
            takeovers[why].append(seconds)
    for why, times in sorted(takeovers.items()):
        told.append(f"takeover after {why}: {len(times)}, p50 {median(times):.2f} s, max {max(times):.2f} s")
    return "\n".join(told)
