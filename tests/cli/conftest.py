"""A running stack for the commands to talk to, started as a user would, and a way to type at it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from centralita.process import StoreLock, die_with_parent
from tests.cli.keyboard import Stack, environment


@pytest.fixture
def stack(running: Stack) -> Iterator[Stack]:
    """The stack that all tests of a worker share; the centres that this one opens are removed again."""
    yield running
    while running.opened:
        assert running.typed("centre", "remove", running.opened.pop(), "--yes").code in (0, 1)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`centralita up --json` on free ports, until the last test of this worker has run."""
    store = tmp_path_factory.mktemp("store")
    typed = [
        sys.executable,
        "-m",
        "centralita.cli",
        "up",
        "--json",
        "--quiet",
        *("--port", "0", "--door-port", "0"),
        "--store",
        store,
    ]
    with subprocess.Popen(
        typed, stdout=subprocess.PIPE, env=environment(), text=True, preexec_fn=die_with_parent()
    ) as process:
        assert process.stdout
        ready: dict[str, Any] = json.loads(process.stdout.readline())
        assert ready["pid"] == process.pid
        yield Stack(ready["nats"], store, ready["services"])
        process.terminate()
        assert process.wait(20) == 0
    StoreLock(store).release()  # which the server would hold, if it still ran
