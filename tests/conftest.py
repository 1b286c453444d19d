"""What tests of several directories share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.stacks import STACKS, Stack


@pytest.fixture(scope="session")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Stack]]:
    """A running Centralita of each kind, started when it is first asked for; tests open centres of their own."""
    running = dict[str, Stack]()

    def get(kind: str) -> Stack:
        if kind not in running:
            running[kind] = STACKS[kind](tmp_path_factory.mktemp("stack"))
        return running[kind]

    yield get
    for stack in running.values():
        stack.stop()
