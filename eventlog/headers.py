"""NATS headers, from a block of bytes and back, and the values of CloudEvents attributes in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

# CloudEvents: printable ASCII but space, double quote and percent travels as it is, the rest percent-encoded
_PLAIN = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"%')
_UNSAFE = re.compile(r"[^!#$&-~]")
_MOST_NAMES = 1000
_names: dict[bytes, str | None] = {}


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


def parsed(block: bytes) -> dict[str, str]:
    """The headers of a block, with the server's `Status` and `Description`, as nats-py 2.16 reads them.

    None at all where that cannot: it would end its reading.
    """
    if block[8:9] != b" ":
        return lines(block[10:])
    try:
        said = _status(block)
    except UnicodeDecodeError:
        return {}
    after = block[8:]
    return said | lines(block[10:]) if len(after[after.find(b"\r\n") + 2 :]) > 2 else said


def lines(raw: bytes) -> dict[str, str]:
    """The headers of lines, the last where there are several of a name; lines that are none are passed over.

    nats-py looks at every character of every name of every message. Names repeat: each is judged once.
    """
    found: dict[str, str] = {}
    for line in raw.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if not colon:
            continue
        key = _names[name] if name in _names else _judged(name)
        if key is not None:
            found[key] = value.strip().decode("utf-8", "replace")
    return found


def _judged(name: bytes) -> str | None:
    """A header's name as text; None where it is no name."""
    try:
        key = name.strip().decode("ascii")
    except UnicodeDecodeError:
        return None
    judged = None if any(letter.isspace() for letter in key) else key
    if len(_names) < _MOST_NAMES:
        _names[name] = judged
    return judged


def _status(block: bytes) -> dict[str, str]:
    """What the server says of itself in the first line."""
    found = {}
    if (status := block[9:12].strip().decode()).isdigit():
        found["Status"] = status
    if said := block[13:-4]:
        found["Description"] = (said.partition(b"\r\n")[0] or said).decode()
    return found


def value(block: bytes, name: bytes) -> str:
    """The value of one header as it is written, "" where there is none, without a look at the others."""
    begin = block.find(b"\r\n%s: " % name)
    if begin < 0 or block[8:10] != b"\r\n" or block.count(name) > 1:
        return parsed(block).get(name.decode(), "")
    rest = block[begin + len(name) + 4 :]
    return rest.partition(b"\r\n")[0].strip().decode("utf-8", "replace")


def block_of(headers: Mapping[str, str]) -> bytes:
    """The block in which headers are sent."""
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"NATS/1.0\r\n{told}\r\n".encode()


def with_lines(block: bytes, *lines: tuple[str, object]) -> bytes:
    """The block with more headers behind those that it has."""
    told = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return b"%s%s\r\n" % (block[:-2], told.encode())
