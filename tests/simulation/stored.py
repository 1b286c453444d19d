"""A stream in memory, as nats-server keeps one: sequences, expectations, repeats, limits, batches, purges."""

from __future__ import annotations

import functools
import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

EXPECTED = "Nats-Expected-Last-Subject-Sequence"
EXPECTED_SUBJECT = "Nats-Expected-Last-Subject-Sequence-Subject"
MOST_IN_BATCH, MOST_BATCHES, BATCH_IDLE = 1000, 50, 10.0


class Kept(NamedTuple):
    """A stored message, and the connection that it came by."""

    subject: str
    headers: dict[str, str]
    data: bytes
    seq: int
    at: datetime
    writer: str


class Declined(Exception):
    """What the server answers instead: code, error code and description."""

    def __init__(self, code: int, err_code: int, description: str) -> None:
        super().__init__(description)
        self.error = {"code": code, "err_code": err_code, "description": description}


@functools.cache
def matches(filter: str, subject: str) -> bool:
    """Whether a subject is one of those that a filter with * and > passes."""
    if filter in (subject, ">"):
        return True
    if "*" not in filter and ">" not in filter:
        return False
    wanted, given = filter.split("."), subject.split(".")
    if wanted[-1] == ">":
        wanted.pop()
        if len(given) <= len(wanted):
            return False
        given = given[: len(wanted)]
    return len(wanted) == len(given) and all(w in ("*", g) for w, g in zip(wanted, given, strict=True))


@dataclass(slots=True)
class _Batch:
    parts: list[tuple[str, dict[str, str], bytes]]
    touched: float


@dataclass(slots=True)
class Stored:
    """One stream. `history` is everything that it ever held; `now` the server's clock, `since` in seconds."""

    config: dict[str, Any]
    now: Callable[[], datetime]
    since: Callable[[], float]
    messages: dict[int, Kept] = field(default_factory=dict)
    subjects: dict[str, list[int]] = field(default_factory=dict)
    history: dict[int, Kept] = field(default_factory=dict)
    last: int = 0
    size: int = 0
    batches: dict[str, _Batch] = field(default_factory=dict)
    _known: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    _created: str = field(init=False)

    def __post_init__(self) -> None:
        self._created = stamp(self.now())

    @property
    def name(self) -> str:
        """What it is called."""
        return str(self.config["name"])

    def takes(self, subject: str) -> bool:
        """Whether a subject is stored here."""
        return any(matches(each, subject) for each in self.config["subjects"])

    # writing

    def publish(
        self, subject: str, headers: dict[str, str], data: bytes, writer: str
    ) -> dict[str, Any] | None:
        """Store a message, or a part of a batch; the answer, None where a part is only kept for later."""
        if "Nats-Batch-Id" in headers:
            return self._part(subject, headers, data, writer)
        ident = headers.get("Nats-Msg-Id")
        if ident and ident in self._known:
            seq, at = self._known[ident]
            window = timedelta(microseconds=(self.config.get("duplicate_window") or 120e9) / 1000)
            if self.now() - at < window:
                return {"stream": self.name, "seq": seq, "duplicate": True}
        self._check([(subject, headers, data)])
        seq = self._store(subject, headers, data, writer)
        if ident:
            self._known[ident] = seq, self.now()
        return {"stream": self.name, "seq": seq}

    def _part(self, subject: str, headers: dict[str, str], data: bytes, writer: str) -> dict[str, Any] | None:
        if not self.config.get("allow_atomic"):
            raise Declined(400, 10174, "atomic publish is disabled")
        self._abandon()
        id, number = headers["Nats-Batch-Id"], int(headers["Nats-Batch-Sequence"])
        if number == 1:
            if len(self.batches) >= MOST_BATCHES:
                raise Declined(400, 10210, "atomic publish too many inflight")
            self.batches[id] = _Batch([], self.since())
        batch = self.batches.get(id)
        if batch is None or len(batch.parts) != number - 1:
            self.batches.pop(id, None)
            raise Declined(400, 10176, "atomic publish batch is incomplete")
        if number > MOST_IN_BATCH:
            del self.batches[id]
            raise Declined(400, 10199, "atomic publish batch is too large: 1000")
        batch.parts.append((subject, headers, data))
        batch.touched = self.since()
        if "Nats-Batch-Commit" not in headers:
            return None
        del self.batches[id]
        self._check(batch.parts)
        for each in batch.parts:
            seq = self._store(*each, writer)
        return {"stream": self.name, "seq": seq, "batch": id, "count": number}

    def _abandon(self) -> None:
        idle = [id for id, batch in self.batches.items() if self.since() - batch.touched > BATCH_IDLE]
        for id in idle:
            del self.batches[id]

    def _check(self, parts: Sequence[tuple[str, dict[str, str], bytes]]) -> None:
        """All or nothing: what a message expects must hold of the stream as it was before."""
        room, written = self.config.get("max_bytes", -1), set[str]()
        size = self.size
        for subject, headers, data in parts:
            size += _size(subject, headers, data)
            limit = self.config.get("max_msg_size", -1)
            if 0 < limit < len(data) + len(block(headers)):
                raise Declined(400, 10054, "message size exceeds maximum allowed")
            if EXPECTED in headers:
                guarded = headers.get(EXPECTED_SUBJECT, subject)
                found = max((self.subjects[it][-1] for it in self._under(guarded)), default=0)
                if found != int(headers[EXPECTED]) or subject in written:
                    raise Declined(400, 10071, f"wrong last sequence: {found}")
            written.add(subject)
        if 0 < room < size:
            raise Declined(503, 10077, "maximum bytes exceeded")

    def _store(self, subject: str, headers: dict[str, str], data: bytes, writer: str) -> int:
        self.last += 1
        kept = Kept(subject, headers, data, self.last, self.now(), writer)
        self.messages[self.last] = self.history[self.last] = kept
        self.subjects.setdefault(subject, []).append(self.last)
        self.size += _size(subject, headers, data)
        return self.last

    # reading

    def _under(self, filter: str) -> Iterator[str]:
        if "*" in filter or ">" in filter:
            yield from (subject for subject in self.subjects if matches(filter, subject))
        elif filter in self.subjects:
            yield filter

    def find(self, query: dict[str, Any]) -> Kept | None:
        """What STREAM.MSG.GET gives: by sequence, the last of a subject, or the next of it."""
        if subject := query.get("last_by_subj"):
            last = max((self.subjects[it][-1] for it in self._under(subject)), default=0)
            return self.messages.get(last)
        if subject := query.get("next_by_subj"):
            return next(self.after(max(query.get("seq", 0), 1), [subject]), None)
        return self.messages.get(query["seq"])

    def after(self, first: int, filters: Sequence[str]) -> Iterator[Kept]:
        """All messages from a sequence on that one of the filters passes."""
        for seq in range(max(first, min(self.messages, default=self.last + 1)), self.last + 1):
            kept = self.messages.get(seq)
            if kept and any(matches(filter, kept.subject) for filter in filters):
                yield kept

    # removing

    def purge(self, filter: str, before: int) -> list[Kept]:
        """Remove what is under the filter and below a sequence (0: all); what was removed."""
        gone = [
            self.messages[seq]
            for subject in self._under(filter or ">")
            for seq in self.subjects[subject]
            if not before or seq < before
        ]
        for kept in gone:
            self.remove(kept.seq)
        return gone

    def remove(self, seq: int) -> bool:
        """Remove one message; False if it is not there."""
        kept = self.messages.pop(seq, None)
        if kept is None:
            return False
        self.subjects[kept.subject].remove(seq)
        if not self.subjects[kept.subject]:
            del self.subjects[kept.subject]
        self.size -= _size(kept.subject, kept.headers, kept.data)
        return True

    def info(self) -> dict[str, Any]:
        """What STREAM.INFO says."""
        first = min(self.messages, default=self.last + 1)
        state = {
            "messages": len(self.messages), "bytes": self.size, "first_seq": first, "last_seq": self.last,
            "consumer_count": 0, "num_subjects": len(self.subjects),
        }  # fmt: skip
        return {"config": self.config, "created": self._created, "state": state}


def block(headers: dict[str, str]) -> bytes:
    """Headers as they are on the wire."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"NATS/1.0\r\n{lines}\r\n".encode() if headers else b""


def _size(subject: str, headers: dict[str, str], data: bytes) -> int:
    return 22 + len(subject) + len(block(headers)) + len(data)


def stamp(at: datetime) -> str:
    """A time as the server writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def found(kept: Kept) -> bytes:
    """A message as STREAM.MSG.GET answers with it."""
    return _found(kept.subject, kept.seq, stamp(kept.at), block(kept.headers), kept.data)


@functools.lru_cache(5000)
def _found(subject: str, seq: int, time: str, headers: bytes, data: bytes) -> bytes:
    """Kept, because those who stand by ask for the same few again and again."""
    told: dict[str, Any] = {"subject": subject, "seq": seq, "time": time}
    if headers:
        told["hdrs"] = b64encode(headers).decode()
    return dumped({"message": told | {"data": b64encode(data).decode()}})


def dumped(answer: dict[str, Any]) -> bytes:
    """An answer of the API."""
    return json.dumps(answer).encode()
