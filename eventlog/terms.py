"""Terms: whoever takes one has replaced the instance before it; the messages that say so."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

from eventlog.chain import linked
from eventlog.codec import Message
from eventlog.core import Core
from eventlog.memory import TERM
from eventlog.place import Place
from eventlog.stream import Raw, Stream


class Terms:
    """The terms of a service in a centre, as one instance sees them."""

    def __init__(self, log: Stream, place: Place, instance: str, now: Callable[[], datetime]) -> None:
        self._log, self._place, self._instance, self._now = log, place, instance, now
        self._subject = place.subject(TERM)

    async def last(self) -> Raw | None:
        """The last that was taken or given back."""
        return await self._log.last(self._subject)

    def vacant(self, last: Raw) -> bool:
        """Whether nobody else holds the term: it was given back, or is that of a session of ours."""
        term = last.message()
        return term.name == "term.released" or json.loads(term.data).get("instance") == self._instance

    async def take(self, core: Core[Any], last: Raw | None) -> int:
        """Take the next one, and return its position; errors.Conflict if somebody else has."""
        # whoever is being replaced may still write behind the anchor, until the term is taken
        anchor = {"instance": self._instance, "position": core.own, "chain": core.chain}
        taken = self._message("term.taken", json.dumps(anchor).encode())
        entry = self._subject, linked(core.chain, taken)
        (seq,) = await self._log.append([entry], expected={self._subject: last.seq if last else 0})
        return seq

    async def release(self, core: Core[Any], term: int) -> None:
        """Give the term back: whoever stands by need not wait for silence."""
        released = self._message("term.released", b"{}")
        entry = self._subject, linked(core.chain, released)
        (seq,) = await self._log.append([entry], fence=(self._subject, term))
        core.fold(released._replace(seq=seq))  # the checkpoint knows of it too

    def _message(self, name: str, data: bytes) -> Message:
        return Message(TERM, name, data, uuid4().hex, self._place.source, time=self._now())
