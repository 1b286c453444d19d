"""The four services over a server in memory, hurt at every step: what must hold in every run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def simulated(*options: str, of: str = "tests.simulation") -> subprocess.CompletedProcess[str]:
    """What `python -m tests.simulation` (or `of` another module) says."""
    return subprocess.run(
        [sys.executable, "-m", of, *options],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(0, 200, 50))
def test_every_invariant_holds(first: int) -> None:
    """Whatever is killed, paused, cut off, delayed, repeated or told in another order, every invariant holds."""
    found = simulated("--from", str(first), "--seeds", "50", "--jobs", "1")
    assert found.returncode == 0, found.stdout + found.stderr


def test_a_seed_is_played_again_to_the_letter() -> None:
    """The same seed tells the same story and leaves the same log, in another process too."""
    one, two = simulated("--seed", "33"), simulated("--seed", "33")
    assert "digest" in one.stdout, one.stderr
    assert one.stdout == two.stdout
