"""Made-up call records, as rows and as files."""

import os
from datetime import UTC, tzinfo
from pathlib import Path

from centralita.records import Row, read

RECORDS = os.environ.get("CENTRALITA_RECORDS", "")
"""A plain file of real records for the tests that can do with one; with a month of calls they take minutes."""

Made = dict[str, str]

SERVED: Made = {
    "vru+line": "XX0901",
    "call_id": "7001",
    "customer_id": "0",
    "priority": "0",
    "type": "PS",
    "date": "990315",
    "vru_entry": "10:00:00",
    "vru_exit": "10:00:10",
    "vru_time": "10",
    "q_start": "10:00:10",
    "q_exit": "10:00:40",
    "q_time": "30",
    "outcome": "AGENT",
    "ser_start": "10:00:40",
    "ser_exit": "10:02:40",
    "ser_time": "120",
    "server": "LUZ",
}
NO_QUEUE: Made = {"q_start": "0:00:00", "q_exit": "0:00:00", "q_time": "0"}
NO_SERVICE: Made = {"ser_start": "0:00:00", "ser_exit": "0:00:00", "ser_time": "0", "server": "NO_SERVER"}


def served(**changes: str) -> Made:
    """A call offered at 10:00:00, queued 10:00:10 to 10:00:40, served until 10:02:40 by LUZ, as changed."""
    assert changes.keys() <= SERVED.keys()
    return SERVED | changes


def hung(**changes: str) -> Made:
    """The same call given up at 10:00:40, as changed."""
    return served(**{"outcome": "HANG", **NO_SERVICE, **changes})


def text_of(*rows: Made, end: str = "\n") -> str:
    """The text of a file of these rows, below a header."""
    return end.join(["\t".join(SERVED), *("\t".join(row.values()) for row in rows), ""])


def rows_of(folder: Path, *rows: Made, zone: tzinfo = UTC) -> list[Row]:
    """What is read from `calls.txt`, written with these rows into the folder."""
    file = folder / "calls.txt"
    file.write_bytes(text_of(*rows).encode())
    return list(read(file, zone))
