"""A stack as the harness starts it, and centres in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from centralita.harness import CallCentre, Stack


@pytest.fixture(scope="package")
def running() -> Iterator[Stack]:
    """Everything, in a process of its own, for all tests of the harness."""
    with Stack.started() as stack:
        yield stack


@pytest.fixture
def cold(running: Stack) -> Iterator[CallCentre]:
    """A centre that works as cold-industry does."""
    with running.centre("cold-industry") as centre:
        yield centre
