"""Where outlets stand: keys of a centre's bucket that one writer has, the lease, how far an outlet is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

from nats.errors import Error as NatsError
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from contracts import registry
from eventlog import errors
from eventlog.client import Connection
from eventlog.stream import streams

__all__ = ["Bucket", "Lease", "Lost", "Progress", "Slot", "has_one"]

_PATIENCE = 5.0


class Lost(Exception):
    """Somebody else writes here now."""


class Bucket:
    """The key-value bucket of a centre, in which outlets keep all they must not forget."""

    def __init__(self, connection: Connection, centre: str) -> None:
        self.connection = connection
        self.js, self.centre = connection.jetstream(timeout=_PATIENCE), centre
        self.name = registry.outlets_bucket(centre)
        self.kv = KeyValue(self.name, f"KV_{self.name}", f"$KV.{self.name}.", self.js, direct=False)

    async def make(self) -> None:
        """Make it if it is not there, as safe as the centre's log; errors.NoStream if there is no such centre."""
        try:
            if f"KV_{self.name}" in await streams(self.connection):
                return
            log = (await self.js.stream_info(registry.log_stream(self.centre))).config
            config = KeyValueConfig(
                self.name, history=1, storage=StorageType.FILE, replicas=log.num_replicas or 1
            )
            await self.js.create_key_value(config)
        except Exception as error:
            raise errors.of(error) from error

    async def keys(self, prefix: str) -> list[str]:
        """What follows a prefix in the keys that there are."""
        begin = f"$KV.{self.name}.{prefix}"
        info = await self.js.stream_info(f"KV_{self.name}", subjects_filter=f"{begin}>")
        return [subject.removeprefix(begin) for subject in info.state.subjects or {}]

    async def forget(self, key: str) -> None:
        """Remove what is under a key, or (ending in `>`) under all below it, and leave no mark."""
        await self.js.purge_stream(f"KV_{self.name}", subject=f"$KV.{self.name}.{key}")


def has_one(names: set[str]) -> set[str]:
    """The centres that have a bucket, by the names of all streams."""
    return {it for it in registry.centres(names) if f"KV_{registry.outlets_bucket(it)}" in names}


class Slot:
    """A key that one writer has; what it writes fails as Lost once another has written there."""

    def __init__(self, bucket: Bucket, key: str) -> None:
        self.kv, self.key, self.writer = bucket.kv, key, uuid4().hex
        self.revision = 0

    async def read(self) -> dict[str, Any] | None:
        """What is there, None if nothing is; what is written next replaces just this."""
        try:
            entry = await self.kv.get(self.key)
        except KeyNotFoundError:
            self.revision = 0  # keys are purged, never marked as deleted
            return None
        self.revision = entry.revision or 0
        value: dict[str, Any] = json.loads(entry.value or b"{}")
        return value

    async def write(self, value: Mapping[str, Any]) -> None:
        """Replace what was read or written last."""
        data = json.dumps({**value, "writer": self.writer}).encode()
        try:
            self.revision = await self.kv.update(self.key, data, last=self.revision)
        except KeyWrongLastSequenceError:
            # it may be a write of our own whose answer was lost
            ours = self.revision
            if ((await self.read()) or {}).get("writer") != self.writer:
                self.revision = ours  # so that what is tried after this fails as well
                raise Lost(self.key) from None
            self.revision = await self.kv.update(self.key, data, last=self.revision)


class Lease:
    """Who works for an outlet in a centre: the holder renews, and whoever sees it stand still takes it."""

    def __init__(self, bucket: Bucket, outlet: str, beat: float) -> None:
        self._slot, self._beat = Slot(bucket, f"lease.{outlet}"), beat
        self._renewed = 0.0

    async def take(self) -> None:
        """Wait until it is ours: at once where nobody has it, after three beats without a sign of the holder."""
        loop, seen, since = asyncio.get_running_loop(), -1, 0.0
        while True:
            self._renewed = loop.time()
            found = await self._slot.read()
            if self._slot.revision != seen:
                seen, since = self._slot.revision, loop.time()
            if not found or not found.get("held") or loop.time() - since > 3 * self._beat:
                try:
                    await self._slot.write({"held": True})
                    return
                except Lost:
                    continue
            await asyncio.sleep(self._beat / 4)

    async def keep(self) -> None:
        """Renew it for ever; Lost when another has it, or when the server was away for two beats."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._beat / 2)
            asked = loop.time()
            try:
                async with asyncio.timeout(self._beat):
                    await self._slot.write({"held": True})
                self._renewed = asked
            except (NatsError, TimeoutError, OSError):
                if loop.time() - self._renewed > 2 * self._beat:
                    raise Lost(self._slot.key) from None

    async def give_back(self) -> None:
        """Let the next one have it at once."""
        await self._slot.write({"held": False})


@dataclass(slots=True)
class Progress:
    """How far an outlet is: all up to `read` is done, but for what is `open` (position: attempts so far)."""

    read: int = 0
    open: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """As it was stored."""
        return cls(stored["read"], {int(position): tries for position, tries in stored["open"].items()})

    def stored(self) -> dict[str, Any]:
        """As it is stored."""
        return {"read": self.read, "open": {str(position): tries for position, tries in self.open.items()}}
