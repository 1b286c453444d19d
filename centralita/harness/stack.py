"""All of Centralita as a process of its own, which ends with whoever started it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import centralita
from centralita.harness.centre import CallCentre
from centralita.harness.door import Door
from centralita.harness.errors import HarnessError
from centralita.harness.protocols import PLAIN
from centralita.harness.protocols import protocol as whole
from centralita.short import START

__all__ = ["Stack"]

READY_WITHIN = 60.0
ENDED_WITHIN = 20.0
_ROOT = Path(centralita.__file__).parents[1]
_BEGIN = """
import sys
root = sys.argv.pop(1)
if root not in sys.path:
    sys.path.insert(0, root)
from centralita.cli import main
sys.exit(main())
"""
"""Begins the command as it is installed here, whatever packages the current folder holds."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A running Centralita: `door` and `nats` are the URLs at which a backend under test finds it."""

    door: str
    nats: str
    process: subprocess.Popen[bytes]
    http: Door = field(repr=False)

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[Stack]:
        """Start one, on free ports and in a directory of its own, and end it; HarnessError if it does not start."""
        words = ("up", "--virtual-clock", "--until-eof", "--json", "--quiet")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CENTRALITA_")}
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                [sys.executable, "-I", "-c", _BEGIN, str(_ROOT), *words],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=kept,
            )  # fmt: skip
            assert process.stdin  # it ends when this does: also when we are killed
            assert process.stdout
            try:
                too_late = threading.Timer(READY_WITHIN, process.kill)
                too_late.start()
                line = process.stdout.readline()
                too_late.cancel()
                if not line:
                    raise _ended(process, said)
                ready = json.loads(line)
                with Door(ready["door"]) as http:
                    yield cls(ready["door"], ready["nats"], process, http)
                if process.poll() is not None:
                    raise _ended(process, said)
            finally:
                _end(process)

    @contextmanager
    def centre(
        self,
        protocol: str | Path | Mapping[str, Any] = PLAIN,
        *,
        with_: Mapping[str, Any] | None = None,
        start: str | datetime = START,
        beside: Path | None = None,
    ) -> Iterator[CallCentre]:
        """A new centre that works by a protocol (its name, file or data), with these keys of it otherwise.

        Its clock begins at `start`, local time of the protocol. In the end it is removed.
        """
        centre = CallCentre(self.http, whole(protocol, with_, beside or Path.cwd()), start=start)
        try:
            yield centre
        finally:
            centre.close()


def _ended(process: subprocess.Popen[bytes], said: IO[bytes]) -> HarnessError:
    code = process.wait()
    said.seek(0)
    why = said.read()[-2000:].decode(errors="replace").strip()
    return HarnessError(f"centralita up ended by itself, with code {code}: {why or 'it said nothing'}")


def _end(process: subprocess.Popen[bytes]) -> None:
    with process:
        assert process.stdin
        process.stdin.close()
        try:
            process.wait(ENDED_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
