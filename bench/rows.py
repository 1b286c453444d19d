"""A made-up month of call records, as an old telephone system would have written them down."""

import random
from datetime import date, timedelta
from pathlib import Path

COLUMNS = (
    *("vru+line", "call_id", "customer_id", "priority", "type", "date", "vru_entry", "vru_exit", "vru_time"),
    *("q_start", "q_exit", "q_time", "outcome", "ser_start", "ser_exit", "ser_time", "server"),
)
DAYS, FIRST = 28, date(1999, 2, 1)
QUEUES = {"PS": 64, "NW": 23, "NE": 8, "TT": 3, "IN": 1, "PE": 1}
"""Kinds of call and how many of a hundred are of each."""
OPENS, SHUTS = 7 * 3600, 22 * 3600
SEED = 6


def month(path: Path, count: int) -> Path:
    """Write so many calls, in the order of their time: 82 % answered, 55 % after waiting, 1 % that never were."""
    chosen = random.Random(SEED)
    times = sorted((chosen.randrange(DAYS), chosen.randrange(OPENS, SHUTS)) for _ in range(count))
    lines = ["\t".join(COLUMNS), *(_row(chosen, n, *time) for n, time in enumerate(times, start=1))]
    path.write_text("\n".join([*lines, ""]))
    return path


def _row(chosen: random.Random, number: int, day: int, entry: int) -> str:
    asked = chosen.randint(5, 20)
    waited = int(chosen.expovariate(1 / 75)) + 1 if chosen.random() < 0.55 else 0
    outcome = chosen.choices(("AGENT", "HANG", "PHANTOM"), (82, 17, 1))[0]
    talked = int(chosen.lognormvariate(4.8, 0.9)) + 1 if outcome == "AGENT" else 0
    queued, answered = entry + asked, entry + asked + waited
    (queue,) = chosen.choices(tuple(QUEUES), tuple(QUEUES.values()))
    known = chosen.random() < 0.4
    cells = (
        f"AA0{chosen.randint(101, 165)}", number, chosen.randrange(10_000, 99_999) if known else 0,
        chosen.choice((1, 2)) if known else 0, queue, f"{FIRST + timedelta(days=day):%y%m%d}",
        *_stage(entry, asked), *_stage(queued, waited), outcome, *_stage(answered, talked),
        f"AGENT{chosen.randint(1, 46)}" if outcome == "AGENT" else "NO_SERVER",
    )  # fmt: skip
    return "\t".join(map(str, cells))


def _stage(start: int, seconds: int) -> tuple[str, str, int]:
    return (_clock(start), _clock(start + seconds), seconds) if seconds else (_clock(0), _clock(0), 0)


def _clock(second: int) -> str:
    return f"{second // 3600}:{second // 60 % 60:02}:{second % 60:02}"
