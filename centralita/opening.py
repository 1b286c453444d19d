"""Reading what was sealed, where the key was kept because the caller turned out to be a customer."""

from __future__ import annotations

from collections import OrderedDict

from contracts import registry
from contracts.events import KeyKept
from eventlog.codec import Message
from eventlog.stream import Stream
from services.sealed import Keys, is_sealed

_CALLS = 1_000
_KEPT = registry.name_of_type(KeyKept)


class Opener:
    """Opens the messages of a centre's log as they are read; looks for the key of a call once."""

    def __init__(self, log: Stream, centre: str) -> None:
        self._log, self._centre = log, centre
        self._keys: OrderedDict[str, Keys] = OrderedDict()

    async def open(self, message: Message) -> Message:
        """The message as it was before it was sealed; as it is where nothing is, or no key was kept."""
        if message.name == _KEPT:
            self._keep(message.aggregate, [message])
        if not is_sealed(message.data):
            return message
        if message.aggregate not in self._keys:
            subject = registry.log_subject(self._centre, "intake", message.aggregate)
            self._keep(message.aggregate, [raw.message() for raw in await self._log.read_subject(subject)])
        return self._keys[message.aggregate].open(message)

    def _keep(self, aggregate: str, messages: list[Message]) -> None:
        self._keys[aggregate] = Keys(messages)
        while len(self._keys) > _CALLS:
            self._keys.popitem(last=False)
