"""Typing at the command line, as a process of its own or in this one."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from centralita.cli import main

WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Stack:
    """Where a running stack is: server, files, the services' pages; and the centres that a test opened."""

    url: str
    store: Path
    services: dict[str, str]
    opened: list[str] = field(default_factory=list)

    def typed(self, *words: str, stdin: str | bytes = "") -> Answer:
        """Type a command with this stack as its server; it runs in this process, which is quicker."""
        out, err = io.StringIO(), io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            tempfile.TemporaryFile() as keys,
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            keys.write(stdin.encode() if isinstance(stdin, str) else stdin)
            keys.seek(0)
            patch.setattr(sys, "stdin", io.TextIOWrapper(keys))
            for name in ("CENTRALITA_CENTRE", "CENTRALITA_STORE"):
                patch.delenv(name, raising=False)
            patch.setenv("CENTRALITA_NATS", self.url)
            patch.setenv("COLUMNS", "200")
            code = main(words)
        return Answer(code, out.getvalue(), err.getvalue())

    def centre(self, *options: str) -> str:
        """A new centre of a name of its own."""
        name = f"c{uuid4().hex[:8]}"
        self.opened.append(name)
        assert self.typed("centre", "add", name, *options).code == 0
        return name


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be one JSON value and nothing else."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Standard output, which must be a JSON value a line."""
        return [json.loads(line) for line in self.out.splitlines()]


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it is so, a minute at most."""
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError


def environment(**more: str) -> dict[str, str]:
    """This environment without what would change how commands behave."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("CENTRALITA_")}
    return {**plain, "COLUMNS": "200", **more}


def typed(*words: str, stdin: str | bytes = "", **env: str) -> Answer:
    """Type a command and wait for its end."""
    done = subprocess.run(
        [sys.executable, "-m", "centralita.cli", *words],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        timeout=WITHIN,
        env=environment(**env),
        check=False,
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())
