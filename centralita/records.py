"""Call records: what an old telephone system wrote down, one row a call, and the facts each row tells."""

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from hashlib import blake2b
from pathlib import Path
from typing import Any

__all__ = ["CallRecord", "Ignored", "NotCallRecords", "Refused", "Row", "facts", "read"]

CLOCKS = ("vru_entry", "vru_exit", "q_start", "q_exit", "ser_start", "ser_exit")
DURATIONS = ("vru_time", "q_time", "ser_time")
NAMES = ("vru+line", "call_id", "customer_id", "priority", "type", "date", "outcome", "server")

MIDNIGHT = 0
DAY = 24 * 3600
NEXT_DAY_LIMIT = 6 * 3600
LONGEST_ID = 80


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One accepted row, its instants in UTC; it has either `answered` and `ended`, or `abandoned`.

    `line` is the row's line in the file, the header being 1. `customer` is None for a caller who was not
    identified, `agent` None for one without a name, `queued` and `dequeued` None where there was no queue.
    Characters that an id cannot hold stand as `=XX`, the hexadecimal of each UTF-8 byte.
    """

    call_id: str
    line: int
    customer: str | None
    priority: bool
    queue: str
    offered: datetime
    queued: datetime | None = None
    dequeued: datetime | None = None
    answered: datetime | None = None
    agent: str | None = None
    ended: datetime | None = None
    abandoned: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """A row for a call that never was (outcome PHANTOM)."""

    line: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that does not support a call: the first field at fault, why, and the row as it stands."""

    line: int
    field: str
    reason: str
    text: str


Row = CallRecord | Ignored | Refused
Fact = tuple[str, datetime, dict[str, Any]]


class NotCallRecords(ValueError):
    """The file as a whole cannot be read: a column is missing, or its compression is damaged."""


class _Unsupported(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason


def read(path: Path | str, zone: tzinfo = UTC, digest: blake2b | None = None) -> Iterator[Row]:
    """Read call records one at a time, in the file's order; every row comes out as exactly one item.

    The file is tab-separated with a header row, plain or gzip, with CRLF or LF; empty lines are no rows.
    Two calls cannot share an id: the second is refused. `zone` is where the file's clock hung; `digest`, if
    given, takes in the unpacked text as it is read. Raises `NotCallRecords`, or `OSError` where the file
    cannot be opened.
    """
    line, digest, seen = 1, digest or blake2b(), dict[str, int]()
    try:
        with _opened(path) as lines:
            first = next(lines, "")
            digest.update(first.encode())
            header = [name.strip() for name in first.split("\t")]
            if missing := [name for name in (*NAMES, *CLOCKS, *DURATIONS) if name not in header]:
                raise NotCallRecords(f"{path}: no column {', '.join(missing)} in the header row")
            for line, text in enumerate(lines, 2):
                digest.update(text.encode())
                if text := text.rstrip("\r\n"):
                    row = _row(line, header, text, zone)
                    if isinstance(row, CallRecord) and (known := seen.setdefault(row.call_id, line)) != line:
                        row = Refused(line, "call_id", f"the id of the call on line {known}", text)
                    yield row
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise NotCallRecords(f"{path}: damaged after line {line}: {error}") from error


def facts(record: CallRecord) -> list[Fact]:
    """Say what happened in a call: (type, instant, data), in the order of a call's life.

    The old system's clocks differ by seconds, so instants may step back within a call; the order stands.
    """
    told: list[Fact] = []

    def tell(kind: str, at: datetime | None, **data: Any) -> None:
        if at is not None:
            told.append((kind, at, data))

    tell("call.offered", record.offered, queue=record.queue, special_treatment=record.priority)
    if record.customer is not None:
        tell("caller.identified", record.offered, standing="customer", customer=record.customer)
    tell("call.queued", record.queued)
    early = record.answered and record.dequeued and record.answered < record.dequeued
    if not early:
        tell("call.dequeued", record.dequeued)
    tell("call.answered", record.answered, **({"agent": record.agent} if record.agent else {}))
    if early:
        tell("call.dequeued", record.dequeued)
    tell("call.ended", record.ended, by="unknown", disposition="served")
    tell("call.abandoned", record.abandoned)
    return told


@contextmanager
def _opened(path: Path | str) -> Iterator[io.TextIOWrapper]:
    with Path(path).open("rb") as raw:
        packed = raw.peek(2).startswith(b"\x1f\x8b")
        source = gzip.GzipFile(fileobj=raw) if packed else raw
        with io.TextIOWrapper(source, "utf-8-sig", "replace", newline="\n") as lines:
            yield lines


def _row(line: int, header: list[str], text: str, zone: tzinfo) -> Row:
    cells = [cell.strip() for cell in text.split("\t")]
    row = dict(zip(header, cells, strict=False))
    if row.get("outcome") == "PHANTOM":
        return Ignored(line)
    try:
        if len(cells) != len(header):
            raise _Unsupported(header[min(len(cells), len(header) - 1)], "not as many fields as the header")
        return _record(line, row, zone)
    except _Unsupported as fault:
        return Refused(line, fault.field, fault.reason, text)


def _record(line: int, row: dict[str, str], zone: tzinfo) -> CallRecord:
    if row["outcome"] not in ("AGENT", "HANG"):
        raise _Unsupported("outcome", "neither AGENT, HANG nor PHANTOM")
    midnight = _midnight(row["date"], zone)
    clock = {field: _clock(field, row[field]) for field in CLOCKS}
    lasted = {field: _seconds(field, row[field]) for field in DURATIONS}
    served, waited = row["outcome"] == "AGENT", lasted["q_time"] > 0

    if served and clock["ser_start"] == clock["ser_exit"] == MIDNIGHT:
        raise _Unsupported("ser_start", "AGENT without a time of service")
    if not served and lasted["ser_time"] > 0:
        raise _Unsupported("ser_time", "HANG with a service time")
    if waited and clock["q_start"] == clock["q_exit"] == MIDNIGHT:
        raise _Unsupported("q_start", "time in queue without its start and exit")

    entry, vru_exit = _stage(clock, "vru_entry", "vru_exit")
    q_start, q_exit = _stage(clock, "q_start", "q_exit")
    ser_start, ser_exit = _stage(clock, "ser_start", "ser_exit")
    offered = (midnight + timedelta(seconds=entry)).astimezone(UTC)

    # counted on from the offer, so that a stage lasts what the row says even on the night clocks change
    def at(second: int) -> datetime:
        return offered + timedelta(seconds=second - entry)

    return CallRecord(
        call_id=_id("call_id", f"{row['date']}-{_given(row, 'vru+line')}-{_given(row, 'call_id')}"),
        line=line,
        customer=None if row["customer_id"] == "0" else _id("customer_id", _given(row, "customer_id")),
        priority=_seconds("priority", row["priority"], "not a number") == 2,
        queue=_given(row, "type"),
        offered=offered,
        queued=at(q_start) if waited else None,
        dequeued=at(q_exit) if waited else None,
        answered=at(ser_start) if served else None,
        agent=_id("server", _given(row, "server")) if served and row["server"] != "NO_SERVER" else None,
        ended=at(ser_exit) if served else None,
        abandoned=None if served else at(q_exit if waited else vru_exit),
    )


def _stage(clock: dict[str, int], start: str, end: str) -> tuple[int, int]:
    """Place a stage on the row's day or the next, in seconds after the midnight that began the row's day."""
    first, last = clock[start], clock[end]
    if last < first:
        last += DAY
        if last - first >= NEXT_DAY_LIMIT:
            raise _Unsupported(end, "exit before entry")
    shift = DAY if clock["vru_entry"] - first > NEXT_DAY_LIMIT else 0
    return first + shift, last + shift


def _midnight(date: str, zone: tzinfo) -> datetime:
    if re.fullmatch("[0-9]{6}", date):
        try:
            # %y puts 69 to 99 into the 1900s and the rest into the 2000s
            return datetime.strptime(date, "%y%m%d").replace(tzinfo=zone)
        except ValueError:
            pass
    raise _Unsupported("date", "not a date (yymmdd)")


def _clock(field: str, text: str) -> int:
    if not re.fullmatch("([01]?[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]", text):
        raise _Unsupported(field, "not a time (h:mm:ss)")
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


def _seconds(field: str, text: str, otherwise: str = "not a number of seconds") -> int:
    if not re.fullmatch("-?[0-9]{1,9}", text):
        raise _Unsupported(field, otherwise)
    return int(text)


def _given(row: dict[str, str], field: str) -> str:
    if not row[field]:
        raise _Unsupported(field, "empty")
    if len(row[field]) > LONGEST_ID:
        raise _Unsupported(field, "too long")
    return row[field]


def _id(field: str, text: str) -> str:
    plain = re.sub("[^A-Za-z0-9_@+~-]", lambda found: "".join(f"={b:02X}" for b in found[0].encode()), text)
    if len(plain) > LONGEST_ID:
        raise _Unsupported(field, "too long")
    return plain
