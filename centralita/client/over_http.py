"""The way through the HTTP door."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx
from httpx_sse import EventSource

from centralita.client.events import Accepted, Event, to_json
from centralita.client.problems import Problem, Unavailable, error_of

__all__ = ["OverHttp"]

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
CONNECTING, SILENCE = 5.0, 40.0
"""Seconds to connect, and without a sign of life of a log that is followed; the door gives one every 15."""


class OverHttp:
    """One connection pool to a door."""

    def __init__(self, url: str, token: str | None, name: str) -> None:
        base = url.rstrip("/").removesuffix("/v1")
        headers = {"user-agent": name} | ({"authorization": f"Bearer {token}"} if token else {})
        self.url, self._name = f"{base}/v1", name
        try:
            self._http = httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False)
        except httpx.InvalidURL as error:
            raise ValueError(f"url: {url!r}: {error}") from None

    async def open(self) -> None:
        """See that the door is there and lets us in."""
        await self._asked("GET", "", CONNECTING)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def store(
        self, centre: str, facts: Sequence[Mapping[str, Any]], left: float, alone: bool
    ) -> list[Accepted]:
        """One request; all facts are stored or none."""
        kind = STRUCTURED if alone else BATCH
        answer = await self._asked(
            "POST", f"/{_path(centre)}/events", left, content=to_json(facts[0] if alone else facts),
            headers={"content-type": kind},
        )  # fmt: skip
        return [Accepted(it["id"], it["source"], it["position"]) for it in answer["accepted"]]

    async def command(
        self, centre: str, service: str, verb: str, data: bytes, about: Mapping[str, str], left: float
    ) -> Any:
        """The service's answer, as it stands in JSON."""
        headers = {
            "content-type": "application/json",
            "idempotency-key": quote(about["id"], safe="/:="),
            "ce-source": quote(self._name, safe="/:="),
            "x-actor": quote(about["actor"], safe="/:="),
            "traceparent": about["trace"],
        }
        path = f"/{_path(centre)}/commands/{_path(service)}/{_path(verb)}"
        given = {name: value for name, value in headers.items() if value}
        return await self._asked("POST", path, left, content=data, headers=given)

    async def query(self, centre: str, service: str, name: str, data: Mapping[str, Any], left: float) -> Any:
        """The service's answer, as it stands in JSON."""
        fields = json.loads(to_json({key: value for key, value in data.items() if value is not None}))
        path = f"/{_path(centre)}/queries/{_path(service)}/{_path(name)}"
        return await self._asked("GET", path, left, params=fields)

    async def log(
        self, centre: str, after: int, until: int | None, services: Sequence[str], about: str
    ) -> AsyncGenerator[Event, None]:
        """Server-sent events; Unavailable where they end before `until` has passed."""
        wanted: dict[str, Any] = {"after": after, "until": until, "service": list(services), "about": about}
        params = {name: value for name, value in wanted.items() if value not in (None, "", [])}
        patience = httpx.Timeout(CONNECTING, read=SILENCE)
        try:
            async with self._http.stream(
                "GET", f"/{_path(centre)}/log", params=params, timeout=patience
            ) as answer:
                await _check(answer)
                async for told in EventSource(answer).aiter_sse():
                    if told.data:
                        after = int(told.id)
                        yield Event.of(after, json.loads(told.data))
                    elif told.id and until is not None and int(told.id) >= until:
                        return
        except httpx.TransportError as error:
            raise self._lost(error) from error
        raise Unavailable("the log ended")

    async def settled(self, centre: str, left: float) -> int:
        """The position; Unavailable says what is waited for."""
        patience = min(left, 20.0)
        answer = await self._asked(
            "GET", f"/{_path(centre)}/settled", patience + CONNECTING, params={"timeout": f"{patience:.3f}"}
        )
        return int(answer["position"])

    async def _asked(self, method: str, path: str, left: float, **more: Any) -> Any:
        try:
            patience = httpx.Timeout(left, connect=min(left, CONNECTING))
            answer = await self._http.request(method, path, timeout=patience, **more)
        except httpx.TransportError as error:
            raise self._lost(error) from error
        await _check(answer)
        try:
            return answer.json()
        except ValueError:
            raise _none(answer, answer.content) from None

    def _lost(self, error: httpx.TransportError) -> Unavailable:
        return Unavailable(f"no door answers at {self.url}: {str(error) or type(error).__name__}")


async def _check(answer: httpx.Response) -> None:
    """Raise what a problem says; of an answer that is none of the door's, that there was one."""
    if answer.is_success:
        return
    content = await answer.aread()
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if kind != "application/problem+json":
        raise _none(answer, content)
    raise error_of(Problem.of(json.loads(content)))


def _none(answer: httpx.Response, content: bytes) -> Unavailable:
    text = content[:200].decode(errors="replace")
    return Unavailable(f"{answer.request.url} answers {answer.status_code}, which is no door's: {text}")


def _path(part: str) -> str:
    return quote(part, safe="")
