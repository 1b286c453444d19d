"""Two running Centralitas for all scenarios: the services in one process, and as four beside their server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.stacks import STACKS, Stack


@pytest.fixture(scope="session")
def urls(stacks: Callable[[str], Stack]) -> dict[str, str]:
    """Where each of the two is; every scenario has a centre of its own there."""
    return {kind: stacks(kind).url for kind in STACKS}
