"""The HTTP door, as the harness uses it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx
from httpx_sse import EventSource

from centralita.harness.events import Event

__all__ = ["Door", "Refusal"]

PATIENCE = 30.0
_STRUCTURED = "application/cloudevents+json"


class Refusal(Exception):
    """What was asked was not done; `problem` says why, as in RFC 9457: `detail`, `rule`, `field`, `expected`."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        rule = f"[{problem['rule']}] " if problem.get("rule") else ""
        super().__init__(f"{rule}{problem.get('detail') or problem.get('title')}")
        self.problem = problem


class Door:
    """A connection to the door; what it refuses raises Refusal."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=2 * PATIENCE, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def open(self, centre: str, protocol: str | Mapping[str, Any]) -> None:
        """Open a centre on a virtual clock."""
        self._asked("PUT", f"/{centre}", json={"protocol": protocol, "clock": "virtual"})

    def remove(self, centre: str) -> None:
        """Remove a centre with everything it recorded."""
        self._asked("DELETE", f"/{centre}")

    def publish(self, centre: str, event: Mapping[str, Any]) -> None:
        """Publish a fact, as a CloudEvent; when it returns, it is on disk."""
        content = json.dumps(event, ensure_ascii=False).encode()
        self._asked("POST", f"/{centre}/events", content=content, headers={"content-type": _STRUCTURED})

    def command(self, centre: str, service: str, verb: str, data: Mapping[str, Any], actor: str) -> Any:
        """What a service recorded."""
        headers = {"x-actor": actor} if actor else {}
        return self._asked("POST", f"/{centre}/commands/{service}/{verb}", json=data, headers=headers)

    def query(self, centre: str, service: str, name: str, fields: Mapping[str, Any]) -> Any:
        """What a service answers."""
        return self._asked("GET", f"/{centre}/queries/{service}/{name}", params=fields)

    def settled(self, centre: str) -> int:
        """The log's last position, once nothing is left to decide, due or unread."""
        return int(self._asked("GET", f"/{centre}/settled", params={"timeout": PATIENCE})["position"])

    def log(self, centre: str, after: int, until: int) -> Iterator[Event]:
        """What was recorded after a position, up to another."""
        wanted = {"after": after, "until": until}
        with self._http.stream("GET", f"/{centre}/log", params=wanted) as answer:
            _check(answer)
            for each in EventSource(answer).iter_sse():
                if each.data:  # what ends it has none
                    yield Event.of(json.loads(each.data), int(each.id))

    def _asked(self, method: str, path: str, **more: Any) -> Any:
        answer = self._http.request(method, path, **more)
        _check(answer)
        return answer.json() if answer.content else None


def _check(answer: httpx.Response) -> None:
    if answer.is_error:
        answer.read()
        raise Refusal(answer.json())
