"""The invariants can fail: some of the planted faults, each of which must be seen within a few runs."""

from __future__ import annotations

import pytest

from tests.simulation.mutants import MUTANTS
from tests.simulation.planting import grown
from tests.simulation.test_simulation import simulated

QUICK = ("skips_an_event", "does_not_know_repeats", "commits_out_of_order")


@pytest.mark.timeout(600)
def test_planted_faults_are_seen() -> None:
    """Each of these faults breaks an invariant within a few seeds."""
    found = simulated(*QUICK, "--most", "15", "--jobs", "1", of="tests.simulation.mutants")
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"{len(QUICK)} faults planted, 0 survive" in found.stdout


def test_what_a_fault_replaces_is_there() -> None:
    """Every planted fault gets into the code as it is, and out of it again."""
    for name in MUTANTS:
        with grown(name):
            pass
