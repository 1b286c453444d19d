"""A hold on a stream: a mark in its metadata, for a minute at a time, while which nothing is trimmed from it.

Whoever copies two streams that belong together sets it. If that process dies, the mark runs out by itself. Times
are the server's: it says what time it is with every answer.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from nats.aio.client import Client

from eventlog import errors
from eventlog.codec import moment, timestamp
from eventlog.snapshot import request

MARK = "centralita-hold"
LASTS = timedelta(seconds=60)
AGAIN = 15.0
"""Seconds after which the mark is set anew."""


def holds(info: dict[str, Any]) -> bool:
    """Whether a stream is held, by what the server says of it."""
    return bool(_mark(info)) and _until(info) > _now(info)


def released(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a stream without the mark."""
    metadata = {name: value for name, value in config.get("metadata", {}).items() if name != MARK}
    return {**config, "metadata": metadata}


class Hold:
    """Holds a stream for as long as it is entered; errors.Conflict if somebody else does."""

    def __init__(self, connection: Client, stream: str) -> None:
        self.connection, self.stream = connection, stream
        self._id = uuid4().hex[:12]
        self._lost = False

    async def __aenter__(self) -> Self:
        info = await self._info()
        if holds(info):
            raise errors.Conflict(
                f"{self.stream} is held by another backup: wait until it is done, or until"
                f" {timestamp(_until(info))} if it has died"
            )
        await self._set(info)
        self._keeping = asyncio.create_task(self._keep())
        return self

    async def check(self) -> None:
        """See that it was held without a gap from the beginning until now; errors.Unavailable if not."""
        if self._lost or not self._ours(await self._info()):
            raise errors.Unavailable(f"{self.stream} could not be held to the end: begin again")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)
        try:
            info = await self._info()
            if self._ours(info):
                await self._update(released(info["config"]))
        except errors.LogError:
            return  # it runs out by itself

    async def _keep(self) -> None:
        while not self._lost:
            await asyncio.sleep(AGAIN)
            try:
                info = await self._info()
                self._lost = not self._ours(info)
                if not self._lost:
                    await self._set(info)
            except errors.LogError:
                continue  # the next time is soon enough, and `check` sees if none was

    def _ours(self, info: dict[str, Any]) -> bool:
        return _mark(info).startswith(f"{self._id} ") and holds(info)

    async def _set(self, info: dict[str, Any]) -> None:
        config = released(info["config"])
        config["metadata"][MARK] = f"{self._id} {timestamp(_now(info) + LASTS)}"
        await self._update(config)

    async def _info(self) -> dict[str, Any]:
        return await request(self.connection, f"STREAM.INFO.{self.stream}", {})

    async def _update(self, config: dict[str, Any]) -> None:
        await request(self.connection, f"STREAM.UPDATE.{self.stream}", config)


def _mark(info: dict[str, Any]) -> str:
    return str(info["config"].get("metadata", {}).get(MARK, ""))


def _until(info: dict[str, Any]) -> datetime:
    try:
        return moment(_mark(info).partition(" ")[2])
    except ValueError:  # not set by us
        return datetime.min.replace(tzinfo=UTC)


def _now(info: dict[str, Any]) -> datetime:
    whole, _, fraction = str(info["ts"]).rstrip("Z").partition(".")
    return moment(f"{whole}.{fraction[:6]:0<6}Z")


__all__ = ["Hold", "holds", "released"]
