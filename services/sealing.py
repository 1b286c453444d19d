"""Sealing: in a centre that forgets who is no customer, the log holds what they said under a key that is not kept.

The key of a call lives in the memory of the service that hears the caller. It is recorded when the caller turns out
to be a customer, and dropped when the call of anybody else is over; nobody can read the sealed part then.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from contracts import registry
from contracts.base import Data
from contracts.events import CallerClassified, KeyKept
from contracts.facts import CallerIdentified, MessageReceived
from contracts.protocol import Protocol
from eventlog.codec import Message
from eventlog.secrecy import Secrecy
from services.sealed import MEMBER, Key, key_of, marked, new_key, opened, sealed, stand_ins

_OPEN = (registry.CENTRE, registry.CLOCK, registry.TERM)
_OPEN_TOPICS = ("customer", "agent", "block", "desk", "queue")
"""Blocks too: in such a centre only a customer's number is put up for one."""


class Sealing(Secrecy):
    """R29: what one service of one centre seals, and how it reads what was sealed.

    `seals`: it records what callers say; `holds`: it hears them itself, and so has their keys.
    """

    def __init__(self, seals: bool, holds: bool) -> None:
        self._seals, self.holds = seals, holds
        self._keys: dict[str, Key] = {}
        self._by_id: dict[bytes, Key] = {}
        self.begin()

    def begin(self) -> None:
        """A new memory is built from the log; keys that were made and not dropped stay."""
        self._forgets = self._restricted = False
        self._kept: set[str] = set()
        self._known: set[str] = set()
        self._unread: list[str] = []

    def refer(self, protocol: Protocol) -> None:
        """A protocol is published; a centre that has forgotten once does so for good."""
        self._forgets |= protocol.privacy.non_customers == "forgotten"
        self._restricted |= protocol.asks_for is not None

    # what the loop asks

    @property
    def discreet(self) -> bool:
        """Whether somebody is forgotten here."""
        return self._forgets

    @property
    def whole(self) -> bool:
        """Whether decisions rest on what cannot be read again."""
        return self._forgets and self.holds

    def keeps(self, aggregate: str) -> bool:
        """Whether the aggregate may stay in memory when it is over: it is no stranger's."""
        return not (self._forgets and self._seals) or _is_open(aggregate) or aggregate in self._kept

    def keeps_original(self, aggregate: str) -> bool:
        """Whether a refused fact may be kept as it came: nothing in it was to be left out or forgotten."""
        if _is_open(aggregate):
            return True
        return not self._restricted and self.keeps(aggregate)

    def seal(self, aggregate: str, event: Data, data: bytes) -> bytes:
        """The data with what is personal sealed, or left out where this service holds no keys."""
        if self.keeps(aggregate) or aggregate in self._known or isinstance(event, KeyKept):
            return data
        plain = json.loads(data)
        secret = {name: plain.pop(name) for name in _personal(event) if name in plain}
        if not secret:
            return data
        if self.holds:
            plain[MEMBER] = sealed(self._key(aggregate), secret)
        else:
            plain |= stand_ins(type(event))
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()

    def learn(self, message: Message) -> None:
        """Take in the key that was kept, before what was sealed under it is read."""
        if message.name == registry.name_of_type(KeyKept):
            key = json.loads(message.data).get("key")
            if key and message.aggregate not in self._keys:
                self._take(message.aggregate, key_of(key))

    def unread(self) -> Sequence[str]:
        """Calls whose key has come after they were read without it."""
        found, self._unread = self._unread, []
        return found

    # what the decider asks

    def following(self, decision: Sequence[tuple[str, Data]]) -> list[tuple[str, Data]]:
        """The decision, with the key of a call before the event that tells that a customer is calling."""
        self._known.clear()
        if not (self._forgets and self.holds):
            return list(decision)
        whole: list[tuple[str, Data]] = []
        for aggregate, event in decision:
            if _identifies(event) and not self.keeps(aggregate) and aggregate not in self._known:
                self._known.add(aggregate)
                whole.append((aggregate, KeyKept(key=self._key(aggregate).text)))
            whole.append((aggregate, event))
        return whole

    def refusing(self) -> None:
        """What was to be decided is refused instead."""
        self._known.clear()

    def happened(self, aggregate: str, event: KeyKept) -> None:
        """A key was kept: from here on nothing of the aggregate is secret."""
        self._kept.add(aggregate)
        if event.key and aggregate not in self._keys:
            self._take(aggregate, key_of(event.key))
            self._unread.append(aggregate)

    def forget(self, aggregate: str) -> None:
        """The aggregate leaves memory, and its key with it."""
        self._kept.discard(aggregate)
        key = self._keys.pop(aggregate, None)
        if key:
            del self._by_id[key.id]

    def opened(self, name: str, data: bytes) -> bytes:
        """The data with what is sealed in its place, as far as it can be read."""
        return opened(name, data, self._by_id)

    def _key(self, aggregate: str) -> Key:
        if aggregate not in self._keys:
            self._take(aggregate, new_key())
        return self._keys[aggregate]

    def _take(self, aggregate: str, key: Key) -> None:
        self._keys[aggregate] = key
        self._by_id[key.id] = key


def _is_open(aggregate: str) -> bool:
    """Whether the aggregate is the centre's own, or that of somebody who is known to it."""
    topic, colon, _ = aggregate.partition(":")
    return topic in _OPEN_TOPICS if colon else aggregate in _OPEN


def _identifies(event: Data) -> bool:
    """Whether an event says that a customer is calling or writing."""
    if isinstance(event, MessageReceived):
        return event.customer is not None
    return isinstance(event, CallerIdentified) and event.standing == "customer"


def _personal(event: Data) -> tuple[str, ...]:
    fields = tuple(marked(type(event)))
    # whose number it may be tells the number
    return (*fields, "customer") if isinstance(event, CallerClassified) else fields
