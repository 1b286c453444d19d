"""The HTTP door, as the harness uses it: the public client, and centres that are opened and removed again."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from centralita.client import Event, Fact, Problem, Recorded, SyncClient
from centralita.client.problems import error_of

__all__ = ["Door"]

PATIENCE = 30.0
"""Seconds for whatever is asked."""


class Door:
    """A connection to the door; what it refuses raises Refusal, what it cannot do in time Unavailable."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False)
        self._client = SyncClient(url, timeout=PATIENCE, name="/harness")

    def __enter__(self) -> Self:
        self._client.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.__exit__(kind, error, trace)
        self._http.close()

    def open(self, centre: str, protocol: str | Mapping[str, Any]) -> None:
        """Open a centre on a virtual clock."""
        _check(self._http.put(f"/{centre}", json={"protocol": protocol, "clock": "virtual"}))

    def remove(self, centre: str) -> None:
        """Remove a centre with everything it recorded."""
        _check(self._http.delete(f"/{centre}"))

    def publish(self, centre: str, fact: Fact) -> None:
        """Publish a fact; when it returns, it is on disk."""
        self._client.publish(centre, fact)

    def command(self, centre: str, service: str, verb: str, data: Mapping[str, Any], actor: str) -> Recorded:
        """What a service recorded."""
        return self._client.command(centre, service, verb, data, actor=actor)

    def query(self, centre: str, service: str, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """What a service answers."""
        return self._client.query(centre, service, name, fields)

    def settled(self, centre: str) -> int:
        """The log's last position, once nothing is left to decide, due or unread."""
        return self._client.settle(centre, timeout=PATIENCE)

    def log(self, centre: str, after: int, until: int) -> list[Event]:
        """What was recorded after a position, up to another."""
        return list(self._client.follow(centre, after=after, until=until))


def _check(answer: httpx.Response) -> None:
    if answer.is_error:
        raise error_of(Problem.of(answer.json()))
