"""Checkpoints: a core's memory in a file, so that recovery reads the log's tail and not all of it.

A checkpoint is a cache. One that is damaged, of another schema, ahead of the log or of another past is discarded;
deleting it loses nothing.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import pickle
import signal
from collections.abc import Coroutine
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

from eventlog.core import Core
from eventlog.stream import Stream

_FIELDS = (
    "world", "tracks", "commands", "inbox", "log", "own", "chain", "recorded", "seen", "waiting", "_closed",
)  # fmt: skip
_DIGEST, _PART = 32, 1 << 20
_NICE = 19
"""How far the copy stands back: those who decide go first."""
_digest = partial(blake2b, digest_size=_DIGEST)


class Checkpoint:
    """The checkpoint of one service in one centre; `schema` names the shape of its memory.

    The memory of less than `many` aggregates is written sooner than a process is copied.
    """

    def __init__(self, path: Path, schema: str, many: int = 1000) -> None:
        self.path, self.schema, self._many = path, schema, many

    def save(self, core: Core[Any]) -> Coroutine[Any, Any, None]:
        """Keep the core's memory as it is now, whole or not at all; await what is returned to know that it is kept.

        To be called between two commits, and not before the former one is kept. OSError if it cannot be.
        """
        if len(core.tracks) < self._many or not hasattr(os, "fork"):
            self._write(core)
            return _nothing()
        return self._written(self._forked(core))

    def _forked(self, core: Core[Any]) -> int:
        """Have a copy of this process write what it was born with, however long that takes; its process id."""
        # the copy hears no signal and holds no file or socket of ours: all that it can do is write and end
        heeded = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            child = os.fork()
            if child == 0:
                code = errno.EIO
                try:
                    gc.disable()
                    os.nice(_NICE)
                    os.closerange(0, os.sysconf("SC_OPEN_MAX"))
                    self._write(core)
                    code = 0
                except OSError as reason:
                    code = reason.errno or code
                finally:
                    os._exit(code)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, heeded)
        return child

    async def _written(self, child: int) -> None:
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        if code := os.waitstatus_to_exitcode(status):
            raise OSError(code, os.strerror(code) if code > 0 else "the process that wrote it was ended")

    def _write(self, core: Core[Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in self.path.parent.glob(f"{self.path.name}.*.new"):  # by one that was killed as it wrote
            left.unlink(missing_ok=True)
        new = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                self.dump(core, file)
            new.replace(self.path)
        except OSError:
            new.unlink(missing_ok=True)
            raise

    def dump(self, core: Core[Any], file: BinaryIO) -> None:
        """The core's memory with the positions of its last event: what it read behind that is read again."""
        fields = {name: getattr(core, name) for name in _FIELDS}
        fields["inbox"], fields["log"] = core.recorded
        digested = _Digested(file)
        file.write(bytes(_DIGEST))
        pickle.dump((self.schema, fields), digested, protocol=5)
        file.seek(0)
        file.write(digested.digest.digest())

    def read(self) -> dict[str, Any] | None:
        """What the file holds, None where there is none that can be used."""
        try:
            with self.path.open("rb") as file:
                return self.fields(file)
        except OSError:
            return None

    def fields(self, file: BinaryIO) -> dict[str, Any] | None:
        """What was once dumped of a core, None if it is damaged or of another schema."""
        collects = gc.isenabled()
        gc.disable()  # of what comes into being here nothing is garbage
        try:
            expected, digest = file.read(_DIGEST), _digest()
            while part := file.read(_PART):
                digest.update(part)
            if digest.digest() != expected:
                return None
            file.seek(_DIGEST)
            schema, fields = pickle.load(file)  # our own file, readable by us alone
        except Exception:  # noqa: BLE001  whatever is wrong with it
            return None
        finally:
            if collects:
                gc.enable()
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


class _Digested:
    """A file, and the digest of all that is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.digest = file, _digest()

    def write(self, data: bytes) -> int:
        """Write, and take it into the digest."""
        self.digest.update(data)
        return self._file.write(data)


async def _nothing() -> None:
    """There is nothing left to wait for."""
