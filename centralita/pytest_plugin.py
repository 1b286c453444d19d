"""The pytest plugin: a call centre of its own for every test, on a stack that all tests of a process share.

def test_a_hard_matter_has_eleven_minutes(call_centre):
    call = call_centre.call().answered("ana").assessed("high")
    call_centre.advance("11m1s")
    call.must("deadline.breached", rule="R22")
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from centralita.harness import CallCentre, Stack


def pytest_addoption(parser: pytest.Parser) -> None:
    """The settings of the plugin."""
    parser.addini(
        "centralita_protocol",
        "the protocol of centres that name none",
        default="plain",
    )


def pytest_configure(config: pytest.Config) -> None:
    """The marker of the plugin."""
    config.addinivalue_line(
        "markers",
        "call_centre(protocol, *, with_=None, start='2026-03-02 09:00'): how the centre of `call_centre` works: by a"
        " protocol that ships or a file (TOML) beside the test, with these keys otherwise; and when its clock begins",
    )


@pytest.fixture(scope="session")
def centralita() -> Iterator[Stack]:
    """All of Centralita in a process of its own, one for each process of tests; `door` and `nats` are its URLs."""
    from centralita.harness import Stack  # only where it is asked for

    with Stack.started() as stack:
        yield stack


@pytest.fixture
def call_centre(centralita: Stack, request: pytest.FixtureRequest) -> Iterator[CallCentre]:
    """A new centre on a virtual clock, removed again after the test."""
    marker = request.node.get_closest_marker("call_centre")
    how = {"protocol": request.config.getini("centralita_protocol"), **(marker.kwargs if marker else {})}
    if marker and marker.args:
        (how["protocol"],) = marker.args
    with centralita.centre(**how, beside=request.path.parent) as centre:
        yield centre
