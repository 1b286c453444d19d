"""The chain: each message of a writer carries a hash of itself and of all that the writer recorded before.

It covers the CloudEvents headers and the data as they are stored, so what is sealed is covered sealed.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

from eventlog.codec import CHAIN, Message, lines_of

_SIZE = 16


def link(previous: str, headers: Mapping[str, str], data: bytes, beside: str = "") -> str:
    """The link behind `previous` ("" at the beginning), 32 hex digits; `beside` is the centre's own link by then."""
    covered = [f"{name}:{value}" for name, value in headers.items() if name[:3] == "ce-" and name != CHAIN]
    return _hash(previous, beside, covered, data)


def linked(previous: str, message: Message, beside: str = "") -> Message:
    """The message with its link."""
    bare = message._replace(chain="") if message.chain else message
    covered = lines_of(bare).replace(": ", ":").split("\r\n")[:-1]
    return message._replace(chain=_hash(previous, beside, covered, message.data))


def _hash(previous: str, beside: str, covered: list[str], data: bytes) -> str:
    covered.sort()
    head = "\n".join((f"{previous}/{beside}", *covered, "", ""))
    return blake2b(head.encode() + data, digest_size=_SIZE).hexdigest()
