"""Header blocks as this project writes them, read at one go; what others have written is read header by header."""

from __future__ import annotations

import re
from datetime import datetime

from eventlog.codec import SPEC_VERSION, Message, message_of
from eventlog.headers import parsed

_TEXT, _NUMBER = "([!#$&-~]+)", r"(\d{1,18})"
_REQUIRED = {"id": _TEXT, "source": _TEXT, "type": _TEXT, "datacontenttype": _TEXT}
_OPTIONAL = {
    "subject": "[!#$&-~]+",
    "time": r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z)",
    "dataversion": _NUMBER,
    "sequence": _NUMBER,
    "cause": _TEXT,
    "causesource": _TEXT,
    "place": f"{_NUMBER}/{_NUMBER}",
    "inbox": _NUMBER,
    "log": _NUMBER,
    "protocol": _NUMBER,
    "actor": _TEXT,
    "traceparent": _TEXT,
    "chain": _TEXT,
    "resends": _NUMBER,
    "why": _TEXT,
}
_OURS = re.compile(
    rf"NATS/1\.0\r\nce-specversion: {re.escape(SPEC_VERSION)}\r\n"
    + "".join(f"ce-{name}: {value}\r\n" for name, value in _REQUIRED.items())
    + "".join(f"(?:ce-{name}: {value}\r\n)?" for name, value in _OPTIONAL.items())
    + r"(?:Nats-[A-Za-z-]+: [!-~]*\r\n)*\r\n",
    re.ASCII,
)
"""The headers in the order of `codec.headers_of`, with values that say what they are without a second look."""


def message_in(subject: str, block: bytes, data: bytes, seq: int, stored: datetime) -> Message:
    """The message of a header block; Malformed says which header is missing or wrong."""
    found = _OURS.fullmatch(block.decode("latin-1"))
    if found is None:
        return message_of(subject, parsed(block), data, seq, stored)
    (
        id, source, name, content_type, time, version, sequence, cause, cause_source, first, last,
        inbox, log, protocol, actor, trace, chain, resends, why,
    ) = found.groups("")  # fmt: skip
    place = (int(first), int(last)) if first else (1, 1)
    try:
        at = datetime.fromisoformat(time) if time else None
        if not 1 <= place[0] <= place[1]:
            raise ValueError
    except ValueError:
        return message_of(subject, parsed(block), data, seq, stored)
    return Message(
        subject.rpartition(".")[2],
        name,
        data,
        id,
        source,
        int(version or 1),
        int(sequence or 0),
        at,
        cause,
        cause_source,
        place,
        int(inbox or 0),
        int(log or 0),
        int(protocol or 1),
        actor,
        trace,
        chain,
        int(resends or 0),
        why,
        content_type,
        seq,
        stored,
        subject,
    )
