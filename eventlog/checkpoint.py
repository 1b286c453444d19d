"""Checkpoints: a core's memory in a file, so that recovery reads the log's tail and not all of it.

A checkpoint is a cache. One that is damaged, of another schema, ahead of the log or of another past is discarded;
deleting it loses nothing.
"""

from __future__ import annotations

import asyncio
import os
import pickle
from hashlib import blake2b
from pathlib import Path
from typing import Any

from eventlog.core import Core
from eventlog.stream import Stream

_FIELDS = (
    "world", "tracks", "commands", "inbox", "log", "own", "chain", "recorded", "seen", "waiting", "_closed",
)  # fmt: skip
_DIGEST = 32


class Checkpoint:
    """The checkpoint of one service in one centre; `schema` names the shape of its memory."""

    def __init__(self, path: Path, schema: str) -> None:
        self.path, self.schema = path, schema

    async def save(self, core: Core[Any]) -> None:
        """Write the core's memory, whole or not at all, between two commits. OSError if it cannot be kept."""
        # pickled here, where nothing changes the world meanwhile; only the writing leaves the loop
        await asyncio.to_thread(self._write, self.content(core))

    def content(self, core: Core[Any]) -> bytes:
        """The core's memory with the positions of its last event: what it read behind that is read again."""
        fields = {name: getattr(core, name) for name in _FIELDS}
        fields["inbox"], fields["log"] = core.recorded
        memory = pickle.dumps((self.schema, fields), protocol=5)
        return blake2b(memory, digest_size=_DIGEST).digest() + memory

    def _write(self, content: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self.path.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        new.replace(self.path)

    def read(self) -> dict[str, Any] | None:
        """What the file holds, None where there is none that can be used."""
        try:
            return self.fields(self.path.read_bytes())
        except OSError:
            return None

    def fields(self, content: bytes) -> dict[str, Any] | None:
        """What was once the `content` of a core, None if it is damaged or of another schema."""
        try:
            if blake2b(content[_DIGEST:], digest_size=_DIGEST).digest() != content[:_DIGEST]:
                return None
            schema, fields = pickle.loads(content[_DIGEST:])  # our own file, readable by us alone
        except Exception:  # noqa: BLE001  whatever is wrong with it
            return None
        return fields if schema == self.schema and set(fields) == set(_FIELDS) else None

    async def load(self, core: Core[Any], log: Stream) -> bool:
        """Put the memory into a fresh core, if the log bears it out; says whether it did."""
        fields = await asyncio.to_thread(self.read)
        if fields is None:
            return False
        if fields["own"]:
            raw = await log.get(fields["own"])
            if raw is None or raw.message().chain != fields["chain"]:
                return False
        if fields["log"] > await log.last_sequence():
            return False
        for name, value in fields.items():
            setattr(core, name, value)
        return True
