"""Secrecy: what a centre that must forget some of what it hears asks of the loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eventlog.codec import Message


class Secrecy:
    """Nothing is secret: the loop of a usual centre. A service that keeps secrets gives one of its own."""

    @property
    def discreet(self) -> bool:
        """Whether memory stays memory: no checkpoint is written, and the inbox is trimmed at once."""
        return False

    @property
    def whole(self) -> bool:
        """Whether a decision lands whole or not at all, because it could not be made again."""
        return False

    def seal(self, aggregate: str, event: Any, data: bytes) -> bytes:
        """The data of an event as it may be stored."""
        return data

    def keeps(self, aggregate: str) -> bool:
        """Whether the aggregate may stay in memory when it is over."""
        return True

    def keeps_original(self, aggregate: str) -> bool:
        """Whether a fact about the aggregate that is refused is kept as it came."""
        return True

    def learn(self, message: Message) -> None:
        """Take in a message that may say how others of its aggregate are read."""

    def unread(self) -> Sequence[str]:
        """Aggregates whose earlier events can be read now and could not be before; each is named once."""
        return ()


OPEN = Secrecy()
