"""The values of CloudEvents attributes in NATS headers: percent-encoded, and read back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

# CloudEvents: printable ASCII but space, double quote and percent travels as it is, the rest percent-encoded
_PLAIN = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"%')
_UNSAFE = re.compile(r"[^!#$&-~]")


class Malformed(ValueError):
    """A message that cannot be read: says which field, what was expected, and keeps what was found.

    `unknown` is set when the message is well formed but its type or version is not one of ours.
    """

    def __init__(self, field: str, expected: str, found: str = "", *, unknown: bool = False) -> None:
        super().__init__(f"{field}: expected {expected}" + (f", found {found}" if found else ""))
        self.field, self.expected, self.found, self.unknown = field, expected, found, unknown


def escaped(text: str) -> str:
    """A text as a header's value."""
    return quote(text, safe=_PLAIN) if _UNSAFE.search(text) else text


def plain(headers: Mapping[str, str], name: str) -> str:
    """The text of a header, "" where there is none; Malformed where it is no percent-encoded UTF-8."""
    text = headers.get(name, "")
    if text[:1] == text[-1:] == '"' and len(text) > 1:  # as earlier versions of the binding allowed
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    try:
        if "\ufffd" in text:  # what the client makes of bytes that are no UTF-8: two such ids would be one
            raise ValueError
        return unquote(text, errors="strict") if "%" in text else text
    except ValueError:
        raise Malformed(name, "percent-encoded UTF-8", text) from None
