"""The figures of a file of call records, straight from its columns: a second opinion sharing no code."""

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any


def figures(path: Path) -> dict[str, Any]:
    """Count a plain file: {"queues": {queue or "all": figures}, "ignored": n, "refused": n}."""
    queues: dict[str, list[dict[str, str]]] = defaultdict(list)
    ignored = refused = 0
    with path.open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["outcome"] == "PHANTOM":
                ignored += 1
            elif _at_fault(row):
                refused += 1
            else:
                queues[row["type"]].append(row)
                queues["all"].append(row)
    return {"queues": {name: _of(queues[name]) for name in queues}, "ignored": ignored, "refused": refused}


def _at_fault(row: dict[str, str]) -> bool:
    try:
        t = {k: _clock(v) for k, v in row.items() if k.endswith(("_entry", "_start", "_exit"))}
    except ValueError:
        return True
    if row["outcome"] == "AGENT" and row["ser_start"] == row["ser_exit"] == "0:00:00":
        return True
    if row["outcome"] == "HANG" and int(row["ser_time"]) > 0:
        return True
    stages = (("vru_entry", "vru_exit"), ("q_start", "q_exit"), ("ser_start", "ser_exit"))
    return any(t[b] < t[a] and t[b] + 86_400 - t[a] >= 21_600 for a, b in stages)


def _clock(text: str) -> int:
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


def _of(rows: list[dict[str, str]]) -> dict[str, Any]:
    answered = [row for row in rows if row["outcome"] == "AGENT"]
    abandoned = len(rows) - len(answered)
    soon = sum(int(row["q_time"]) <= 20 for row in answered)
    return {
        "offered": len(rows),
        "answered": len(answered),
        "abandoned": abandoned,
        "answer_rate": _ratio(len(answered), len(rows)),
        "abandonment_rate": _ratio(abandoned, len(rows)),
        "aht_s": _ratio(sum(int(row["ser_time"]) for row in answered), len(answered)),
        "asa_s": _ratio(sum(int(row["q_time"]) for row in answered), len(answered)),
        "service_level": _ratio(soon, len(answered) + abandoned),
    }


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
