"""From an empty folder: the built wheel is installed, and what README and guide say works, whatever else lies there."""

from __future__ import annotations

import re
from pathlib import Path

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


def test_what_the_pages_show_passes_in_two_workers(tmp_path: Path) -> None:
    """Every test of README and guide, in a project whose packages have the names of ours, with a stack a worker.

    One that fails tells what was expected, of which call, and every event of it; and shows no frame of ours.
    """
    (tmp_path / "installed").mkdir()
    python, where = installed(tmp_path / "installed"), project(tmp_path / "theirs")
    (where / "pytest.ini").write_text(
        "[pytest]\ncentralita_protocol = cold-industry\naddopts = --strict-markers\n"
    )
    (where / "test_whose.py").write_text(WHOSE)
    (where / "test_fails.py").write_text(FAILS)
    texts = [(ROOT / page).read_text() for page in PAGES]
    blocks = [block for text in texts for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]
    for number, block in enumerate(blocks):
        (where / f"test_{number}.py").write_text(block)
    done = run_in(where, python, "-q", "-n", "2")
    assert f"1 failed, {len(blocks) + len(THEIRS)} passed" in done.stdout, done.stdout + done.stderr
    assert "expected deadline.breached of c1 with rule='R22' 1 times, found 0" in done.stdout
    assert re.search(r"0:00\.000  sla      deadline\.met +c1  deadline=answer rule=R25", done.stdout)
    assert "judging.py" not in done.stdout
