"""From an empty folder: the built wheel is installed, and what README and guide say works, whatever else lies there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.harness.installed import ROOT, THEIRS, installed, project, run_in

PAGES = ("README.md", "docs/harness.md")
WHOSE = f"""
import pytest

import centralita
{chr(10).join(f"import {name}" for name in THEIRS)}


@pytest.mark.parametrize("name", {THEIRS!r})
def test_whose(name):
    assert globals()[name].WHOSE == f"theirs: {{name}}"
    assert "venv" in centralita.__file__
"""
FAILS = """
def test_it_fails(call_centre):
    call = call_centre.call().answered("ana")
    call.must("deadline.breached", rule="R22", count=1)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the wheel."""
    return installed(tmp_path_factory.mktemp("installed"))


def test_what_the_pages_show_passes_in_two_workers(python: Path, tmp_path: Path) -> None:
    """Every test of README and guide, in a project whose packages have the names of ours, with a stack a worker."""
    where = project(tmp_path)
    (where / "test_whose.py").write_text(WHOSE)
    count = 0
    for page in PAGES:
        for block in re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL):
            count += 1
            (where / f"test_{count}.py").write_text(block)
    done = run_in(where, python, "-q", "-n", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{count + len(THEIRS)} passed" in done.stdout


def test_where_it_fails_the_story_is_told(python: Path, tmp_path: Path) -> None:
    """What was expected, of which call, and every event of it; and no frame of ours."""
    (tmp_path / "test_fails.py").write_text(FAILS)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\ncentralita_protocol = cold-industry\naddopts = --strict-markers\n"
    )
    done = run_in(tmp_path, python, "-q")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "expected deadline.breached of c1 with rule='R22' 1 times, found 0" in done.stdout
    assert re.search(r"0:00\.000  sla      deadline\.met +c1  deadline=answer rule=R25", done.stdout)
    assert "judging.py" not in done.stdout
