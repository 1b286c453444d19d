"""The directory of a backup: a manifest and a file for each stream, readable by their owner alone."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from eventlog import errors

MANIFEST = "manifest.json"
FORM, CONTRACT = 1, 1


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Copy(_Strict):
    """One stream: how it was configured, its state, and the file with all of it (none if it was in memory)."""

    name: str
    file: str | None
    size: int
    digest: str
    config: dict[str, Any]
    state: dict[str, Any]


class Head(_Strict):
    """Where a service's last own event in the copy is, and its link of the chain."""

    position: int
    chain: str


class Manifest(_Strict):
    """What a directory holds; `digest` is that of all the rest here."""

    form: int
    centre: str
    made: str
    release: str
    contract: int
    streams: list[Copy]
    heads: dict[str, Head]
    digest: str = ""

    @staticmethod
    def of(centre: str, made: datetime, streams: list[Copy], heads: dict[str, Head]) -> Manifest:
        """The manifest of these copies, by this release."""
        when = made.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        new = Manifest(
            form=FORM, centre=centre, made=when, release=version("centralita"), contract=CONTRACT,
            streams=streams, heads=heads,
        )  # fmt: skip
        return new.model_copy(update={"digest": new.sealed()})

    def sealed(self) -> str:
        """The digest of everything but the digest."""
        rest = self.model_dump(exclude={"digest"})
        return sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


class Writer:
    """A new file, with the number of bytes written to it and their digest."""

    def __init__(self, path: Path) -> None:
        self._file = _opened(path)
        self._digest, self.size = sha256(), 0

    def write(self, data: bytes) -> None:
        """Append."""
        self._file.write(data)
        self._digest.update(data)
        self.size += len(data)

    def close(self) -> str:
        """See that all of it is on disk; its digest."""
        with self._file:
            _sync(self._file)
        return self._digest.hexdigest()


def begin(directory: Path) -> Path:
    """The directory to write to, which becomes the one named in the end. OSError if that is there already."""
    if directory.exists() or directory.is_symlink():
        raise FileExistsError(f"{directory} is there already: name a new one")
    part = directory.absolute().with_name(f".{directory.absolute().name}.{uuid4().hex[:8]}.part")
    try:
        part.mkdir(mode=0o700)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(part.parent)) from error
    return part


def finish(part: Path, directory: Path, manifest: Manifest) -> None:
    """Write the manifest, and give the directory its name once all is on disk."""
    with _opened(part / MANIFEST) as file:
        file.write(manifest.model_dump_json(indent=2).encode() + b"\n")
        _sync(file)
    _sync_directory(part)
    part.rename(directory.absolute())
    _sync_directory(part.parent)


def _opened(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(directory: Path) -> Manifest:
    """What a directory holds, every byte of it checked; errors.Corrupt says which file is wrong, and how.

    OSError if something cannot be read.
    """
    path = directory / MANIFEST
    if not path.is_file():
        raise errors.Corrupt(f"{directory} is no backup: there is no {MANIFEST} in it")
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "content"
        raise errors.Corrupt(f"{path} is damaged: {field}: {first['msg']}") from error
    if manifest.form != FORM:
        raise errors.Corrupt(f"{path}: form: expected {FORM}, found {manifest.form}: use a newer release")
    if manifest.digest != manifest.sealed():
        raise errors.Corrupt(
            f"{path} is damaged: expected digest {manifest.digest}, found {manifest.sealed()}"
        )
    for copy in manifest.streams:
        if copy.file:
            _check(directory / copy.file, copy)
    return manifest


def _check(path: Path, copy: Copy) -> None:
    if not path.is_file():
        raise errors.Corrupt(f"{path} is missing")
    digest = sha256()
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            digest.update(data)
    if digest.hexdigest() != copy.digest:
        raise errors.Corrupt(
            f"{path} is damaged: expected {copy.size} bytes and digest {copy.digest},"
            f" found {path.stat().st_size} and {digest.hexdigest()}"
        )
