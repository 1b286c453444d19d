"""A running stack for the commands to talk to, started as a user would, and a way to type at it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.keyboard import Stack, environment


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`centralita up --json` on free ports, until the last test of this worker has run."""
    store = tmp_path_factory.mktemp("store")
    typed = [
        sys.executable,
        "-m",
        "centralita.cli",
        "up",
        "--json",
        "--quiet",
        "--port",
        "0",
        "--store",
        store,
    ]
    with subprocess.Popen(typed, stdout=subprocess.PIPE, env=environment(), text=True) as process:
        assert process.stdout
        ready: dict[str, Any] = json.loads(process.stdout.readline())
        assert ready["pid"] == process.pid
        yield Stack(ready["nats"], store, ready["services"])
        process.terminate()
        assert process.wait(20) == 0
    assert not _running(store)


def _running(store: Path) -> bool:
    """Whether the embedded server of a store lives still: its lock file names who started it, the server holds it."""
    import fcntl

    with (store / "lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return os.path.exists(f"/proc/{(store / 'lock').read_text()}")  # noqa: PTH110
