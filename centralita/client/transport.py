"""What the client needs of a way to Centralita; HTTP and NATS are two."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Protocol

from centralita.client.events import Accepted, Event

__all__ = ["Transport"]


class Transport(Protocol):
    """One try each, with Refusal or Unavailable where it fails."""

    async def open(self) -> None:
        """Connect; Unavailable where nobody answers."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...

    async def store(
        self, centre: str, facts: Sequence[Mapping[str, Any]], left: float, alone: bool
    ) -> list[Accepted]:
        """Store facts, CloudEvents in JSON form, all or none; one that came `alone` is not counted in problems."""
        ...

    async def command(
        self, centre: str, service: str, verb: str, data: bytes, about: Mapping[str, str], left: float
    ) -> Any:
        """Give a command; `about` has its id, actor and trace."""
        ...

    async def query(self, centre: str, service: str, name: str, data: Mapping[str, Any], left: float) -> Any:
        """Ask something."""
        ...

    def log(
        self, centre: str, after: int, until: int | None, services: Sequence[str], about: str
    ) -> AsyncGenerator[Event, None]:
        """What was recorded after a position; it ends where `until` has passed."""
        ...

    async def settled(self, centre: str, left: float) -> int:
        """The log's last position once all is settled."""
        ...
