"""Lengths of time as people type them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from centralita.short import duration


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        *[("11m", 660), ("+11m", 660), ("1h30m", 5400), ("1h 30m", 5400), ("7.999s", 7.999), ("250ms", 0.25)],
        *[("2d", 172_800), ("1w", 604_800), ("11m1s", 661), (8, 8), (0.5, 0.5), (timedelta(minutes=1), 60)],
    ],
)
def test_a_length_of_time_however_it_is_told(told: Any, seconds: float) -> None:
    """By units, several after one another, as seconds, or as Python has it."""
    assert duration(told) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "told", ["", "+", "11", "m", "-1m", "1.m", "eleven minutes", "11m,", "1M", None, True]
)
def test_what_is_no_length_of_time(told: Any) -> None:
    """Anything else is refused, and said how it is told."""
    with pytest.raises(ValueError, match="expected a length of time as 11m"):
        duration(told)
