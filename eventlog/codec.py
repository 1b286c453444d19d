"""One message of a log or an inbox, as CloudEvents 1.0 in the NATS binding: read in both modes, written in binary.

The recorders of `eventlog.jetstream` and the loop of `eventlog.runner` write and read through this module
alone. The subject says what a message is about: `ce-subject` repeats it for those who pass the event on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from eventlog.errors import Corrupt
from eventlog.headers import Malformed as Malformed
from eventlog.headers import escaped, plain
from eventlog.structured import JSON as JSON
from eventlog.structured import event_in, is_structured, unpacked

SPEC_VERSION = "1.0"
MOST_HEADERS = 8192
CHAIN = "ce-chain"
_NO_CHARACTERS = "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
_DISALLOWED = re.compile(f"[\\x00-\\x1f\\x7f-\\x9f\\ufdd0-\\ufdef{_NO_CHARACTERS}]")
_COME_BACK = {"ce-id": "id", "ce-source": "source", "ce-actor": "actor", "ce-traceparent": "trace"}
_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]*)?")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class Message(NamedTuple):
    """An event, fact or command with everything that travels in its headers.

    `sequence` is the version within the aggregate (1, 2, …), `version` the version of the data's schema,
    `place` the place within its decision (2 of 3), `inbox` and `log` the stream sequences up to which the
    writer had read, `protocol` the version of the rules that it followed, `chain` its link (`eventlog.chain`),
    `seq` and `stored` where and when (UTC) the server keeps it (0 and None before it does). A fact that is sent
    again names the one it `resends`, by its position in the inbox, who does so (`actor`) and `why`.
    """

    aggregate: str
    name: str
    data: bytes
    id: str
    source: str
    version: int = 1
    sequence: int = 0
    time: datetime | None = None
    cause: str = ""
    cause_source: str = ""
    place: tuple[int, int] = (1, 1)
    inbox: int = 0
    log: int = 0
    protocol: int = 1
    actor: str = ""
    trace: str = ""
    chain: str = ""
    resends: int = 0
    why: str = ""
    content_type: str = JSON
    seq: int = 0
    stored: datetime | None = None
    subject: str = ""


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC: `2026-02-01T07:02:47.250000Z`, without a fraction where there is none."""
    at = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{at.isoformat()[:-6]}Z"


def moment(text: str) -> datetime:
    """The UTC datetime of an RFC 3339 text, cut to microseconds. ValueError, also for a leap second."""
    if not _RFC3339.fullmatch(text):
        raise ValueError("no RFC 3339 time with an offset")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("a time outside the years 1 to 9999") from None


def time_of(message: Message) -> datetime:
    """When an event occurred; Corrupt where it does not say so."""
    if message.time is None:
        raise Corrupt(f"{message.name} {message.id} has no time")
    return message.time


def headers_of(message: Message) -> dict[str, str]:
    """The headers in which a message travels; what has its default value is left out."""
    lines = lines_of(message).split("\r\n")[:-1]
    return dict(line.split(": ", 1) for line in lines)


def lines_of(message: Message) -> str:
    """The same headers as lines, each with its end."""
    lines = (
        f"ce-specversion: {SPEC_VERSION}\r\n"
        f"ce-id: {escaped(message.id)}\r\n"
        f"ce-source: {escaped(message.source)}\r\n"
        f"ce-type: {escaped(message.name)}\r\n"
        f"ce-datacontenttype: {escaped(message.content_type)}\r\n"
    )
    if message.aggregate:
        lines += f"ce-subject: {escaped(message.aggregate)}\r\n"
    if message.time is not None:
        lines += f"ce-time: {timestamp(message.time)}\r\n"
    if message.version != 1:
        lines += f"ce-dataversion: {message.version}\r\n"
    if message.sequence:
        lines += f"ce-sequence: {message.sequence:010d}\r\n"  # the extension's values are ordered as texts
    if message.cause:
        lines += f"ce-cause: {escaped(message.cause)}\r\n"
    if message.cause_source:
        lines += f"ce-causesource: {escaped(message.cause_source)}\r\n"
    if message.place != (1, 1):
        lines += f"ce-place: {message.place[0]}/{message.place[1]}\r\n"
    if message.inbox:
        lines += f"ce-inbox: {message.inbox}\r\n"
    if message.log:
        lines += f"ce-log: {message.log}\r\n"
    if message.protocol != 1:
        lines += f"ce-protocol: {message.protocol}\r\n"
    if message.actor:
        lines += f"ce-actor: {escaped(message.actor)}\r\n"
    if message.trace:
        lines += f"ce-traceparent: {escaped(message.trace)}\r\n"
    if message.chain:
        lines += f"{CHAIN}: {escaped(message.chain)}\r\n"
    if message.resends:
        lines += f"ce-resends: {message.resends}\r\n"
    if message.why:
        lines += f"ce-why: {escaped(message.why)}\r\n"
    return lines


def check_size(headers: Mapping[str, str]) -> None:
    """Malformed where the headers of a fact or command are too large: some come back in those of its events."""
    size = sum(len(name) + len(value) for name, value in headers.items())
    if size > MOST_HEADERS:
        raise Malformed("headers", f"at most {MOST_HEADERS} characters in all", str(size))


def check_texts(message: Message) -> None:
    """Malformed where an attribute that comes back in events has characters that CloudEvents disallow."""
    for field, name in _COME_BACK.items():
        if _DISALLOWED.search(getattr(message, name)):
            raise Malformed(field, "a text without control characters and the like")


def message_of(
    subject: str, headers: Mapping[str, str] | None, data: bytes, seq: int = 0, stored: datetime | None = None
) -> Message:
    """Read a message back; Malformed says which header is missing or wrong."""
    if not headers:
        raise Malformed("headers", "CloudEvents headers (ce-specversion, ce-id, ce-source, ce-type)")
    # this module writes all names in lower case; others, whose messages have no link, as they like
    found = headers if CHAIN in headers else {name.lower(): value for name, value in headers.items()}
    if found is not headers and is_structured(found.get("content-type", "")):
        attributes, data = unpacked(event_in(data))
        check_size(attributes)
        return message_of(subject, attributes | {"traceparent": around(found)}, data, seq, stored)
    content_type = plain(found, "ce-datacontenttype") or found.get("content-type", JSON)
    if found.get("ce-specversion") != SPEC_VERSION and plain(found, "ce-specversion") != SPEC_VERSION:
        raise Malformed("ce-specversion", SPEC_VERSION, found.get("ce-specversion", "nothing"))
    return Message(
        aggregate=subject.rsplit(".", 1)[-1],
        name=_required(found, "ce-type"),
        data=data,
        id=_required(found, "ce-id"),
        source=_required(found, "ce-source"),
        version=_number(found, "ce-dataversion", 1),
        sequence=_number(found, "ce-sequence", 0),
        time=_time(found) if found.get("ce-time") else None,
        cause=plain(found, "ce-cause"),
        cause_source=plain(found, "ce-causesource"),
        place=_place(found) if found.get("ce-place") else (1, 1),
        inbox=_number(found, "ce-inbox", 0),
        log=_number(found, "ce-log", 0),
        protocol=_number(found, "ce-protocol", 1),
        actor=plain(found, "ce-actor"),
        trace=plain(found, "ce-traceparent") or around(found),
        chain=plain(found, CHAIN),
        resends=_number(found, "ce-resends", 0),
        why=plain(found, "ce-why"),
        content_type=content_type,
        seq=seq,
        stored=stored,
        subject=subject,
    )


class Types(Protocol):
    """What the log must know of a vocabulary: names and schema versions for classes, and back."""

    def encode(self, event: Any) -> tuple[str, int, bytes]:
        """The stable name, schema version and JSON of an event."""
        ...

    def decode(self, name: str, version: int, data: bytes) -> Any:
        """The event, lifted to the present version; Malformed if unknown or unreadable."""
        ...


Upcast = Callable[[dict[str, Any]], dict[str, Any]]


def around(headers: Mapping[str, str]) -> str:
    """The W3C trace context that a message or request was sent in; "" where there is none, or none that can be read."""
    found = headers.get("traceparent", "").strip()
    return found if _TRACE.fullmatch(found) else ""


def _required(headers: Mapping[str, str], name: str) -> str:
    text = plain(headers, name)
    if not text:
        raise Malformed(name, "a non-empty text", "nothing")
    return text


# values that need no encoding may come encoded all the same: that is looked at where they cannot be read otherwise


def _number(headers: Mapping[str, str], name: str, default: int) -> int:
    text = headers.get(name)
    if text is None:
        return default
    if not _digits(text) and not _digits(text := plain(headers, name)):
        raise Malformed(name, "a whole number", text)
    return int(text)


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _time(headers: Mapping[str, str]) -> datetime:
    try:
        return moment(headers["ce-time"])
    except ValueError:
        text = plain(headers, "ce-time")
    try:
        return moment(text)
    except ValueError:
        raise Malformed("ce-time", "an RFC 3339 time with an offset", text) from None


def _place(headers: Mapping[str, str]) -> tuple[int, int]:
    text = plain(headers, "ce-place")
    first, _, last = text.partition("/")
    if not (_digits(first) and _digits(last)):
        raise Malformed("ce-place", "a place in a decision such as 2/3", text)
    if not 1 <= int(first) <= int(last):
        raise Malformed("ce-place", "a place within the decision", text)
    return int(first), int(last)
