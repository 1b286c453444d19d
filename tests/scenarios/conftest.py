"""Two running Centralitas for all scenarios: the services in one process, and as four beside their server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.stacks import STACKS


@pytest.fixture(scope="session")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where each of the two is; every scenario has a centre of its own there."""
    running = {name: start(tmp_path_factory.mktemp("stack")) for name, start in STACKS.items()}
    yield {name: stack.url for name, stack in running.items()}
    for stack in running.values():
        stack.stop()
