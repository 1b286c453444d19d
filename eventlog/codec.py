"""One message of a log or an inbox, as CloudEvents 1.0 in the binary mode of the NATS binding.

The recorders of `eventlog.jetstream` and the loop of `eventlog.runner` write and read through this module
alone. The subject says what a message is about: `ce-subject` repeats it for those who pass the event on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, unquote

from eventlog.errors import Corrupt

SPEC_VERSION = "1.0"
MOST_HEADERS = 8192
CHAIN = "ce-chain"
JSON = "application/json"
# CloudEvents: printable ASCII but space, double quote and percent travels as it is, the rest percent-encoded
_PLAIN = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"%')
_UNSAFE = re.compile(r"[^!#$&-~]")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class Malformed(ValueError):
    """A message that cannot be read: says which field, what was expected, and keeps what was found.

    `unknown` is set when the message is well formed but its type or version is not one of ours.
    """

    def __init__(self, field: str, expected: str, found: str = "", *, unknown: bool = False) -> None:
        super().__init__(f"{field}: expected {expected}" + (f", found {found}" if found else ""))
        self.field, self.expected, self.found, self.unknown = field, expected, found, unknown


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
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


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
    headers = {
        "ce-specversion": SPEC_VERSION,
        "ce-id": _escaped(message.id),
        "ce-source": _escaped(message.source),
        "ce-type": _escaped(message.name),
        "ce-datacontenttype": _escaped(message.content_type),
    }
    if message.aggregate:
        headers["ce-subject"] = _escaped(message.aggregate)
    if message.time is not None:
        headers["ce-time"] = timestamp(message.time)
    if message.version != 1:
        headers["ce-dataversion"] = str(message.version)
    if message.sequence:
        headers["ce-sequence"] = f"{message.sequence:010d}"  # the extension's values are ordered as texts
    if message.cause:
        headers["ce-cause"] = _escaped(message.cause)
    if message.cause_source:
        headers["ce-causesource"] = _escaped(message.cause_source)
    if message.place != (1, 1):
        headers["ce-place"] = f"{message.place[0]}/{message.place[1]}"
    if message.inbox:
        headers["ce-inbox"] = str(message.inbox)
    if message.log:
        headers["ce-log"] = str(message.log)
    if message.protocol != 1:
        headers["ce-protocol"] = str(message.protocol)
    if message.actor:
        headers["ce-actor"] = _escaped(message.actor)
    if message.trace:
        headers["ce-traceparent"] = _escaped(message.trace)
    if message.chain:
        headers[CHAIN] = _escaped(message.chain)
    if message.resends:
        headers["ce-resends"] = str(message.resends)
    if message.why:
        headers["ce-why"] = _escaped(message.why)
    return headers


def check_size(headers: Mapping[str, str]) -> None:
    """Malformed where the headers of a fact or command are too large: some come back in those of its events."""
    size = sum(len(name) + len(value) for name, value in headers.items())
    if size > MOST_HEADERS:
        raise Malformed("headers", f"at most {MOST_HEADERS} characters in all", str(size))


def message_of(
    subject: str, headers: Mapping[str, str] | None, data: bytes, seq: int = 0, stored: datetime | None = None
) -> Message:
    """Read a message back; Malformed says which header is missing or wrong."""
    if not headers:
        raise Malformed("headers", "CloudEvents headers (ce-specversion, ce-id, ce-source, ce-type)")
    # this module writes datacontenttype, and all names in lower case; others may write them as they like
    ours = "ce-datacontenttype" in headers
    found = headers if ours else {name.lower(): value for name, value in headers.items()}
    content_type = _plain(found, "ce-datacontenttype") or found.get("content-type", JSON)
    if content_type.lower().startswith("application/cloudevents"):
        raise Malformed("content-type", "binary mode, with the attributes in ce- headers", content_type)
    if found.get("ce-specversion") != SPEC_VERSION:
        raise Malformed("ce-specversion", SPEC_VERSION, found.get("ce-specversion", "nothing"))
    time = found.get("ce-time")
    place = found.get("ce-place")
    return Message(
        aggregate=subject.rsplit(".", 1)[-1],
        name=_required(found, "ce-type"),
        data=data,
        id=_required(found, "ce-id"),
        source=_required(found, "ce-source"),
        version=_number(found, "ce-dataversion", 1),
        sequence=_number(found, "ce-sequence", 0),
        time=_time(time) if time else None,
        cause=_plain(found, "ce-cause"),
        cause_source=_plain(found, "ce-causesource"),
        place=_place(place) if place else (1, 1),
        inbox=_number(found, "ce-inbox", 0),
        log=_number(found, "ce-log", 0),
        protocol=_number(found, "ce-protocol", 1),
        actor=_plain(found, "ce-actor"),
        trace=_plain(found, "ce-traceparent"),
        chain=_plain(found, CHAIN),
        resends=_number(found, "ce-resends", 0),
        why=_plain(found, "ce-why"),
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


def _escaped(text: str) -> str:
    return quote(text, safe=_PLAIN) if _UNSAFE.search(text) else text


def _required(headers: Mapping[str, str], name: str) -> str:
    text = _plain(headers, name)
    if not text:
        raise Malformed(name, "a non-empty text", "nothing")
    return text


def _plain(headers: Mapping[str, str], name: str) -> str:
    text = headers.get(name, "")
    if text[:1] == text[-1:] == '"' and len(text) > 1:  # as earlier versions of the binding allowed
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    try:
        if "\ufffd" in text:  # what the client makes of bytes that are no UTF-8: two such ids would be one
            raise ValueError
        return unquote(text, errors="strict") if "%" in text else text
    except ValueError:
        raise Malformed(name, "percent-encoded UTF-8", text) from None


def _number(headers: Mapping[str, str], name: str, default: int) -> int:
    text = headers.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Malformed(name, "a whole number", text)
    return int(text)


def _time(text: str) -> datetime:
    try:
        return moment(text)
    except ValueError:
        raise Malformed("ce-time", "an RFC 3339 time with an offset", text) from None


def _place(text: str) -> tuple[int, int]:
    first, _, last = text.partition("/")
    if not (text.isascii() and len(text) < 19 and first.isdigit() and last.isdigit()):
        raise Malformed("ce-place", "a place in a decision such as 2/3", text)
    if not 1 <= int(first) <= int(last):
        raise Malformed("ce-place", "a place within the decision", text)
    return int(first), int(last)
