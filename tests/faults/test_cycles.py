"""A few cycles of `make faults`, and that it sees what it looks for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from centralita.process import die_with_parent
from eventlog.codec import Message
from tests.e2e.centre import fact
from tests.faults.checks import outcomes
from tests.faults.summary import summary
from tests.faults.telling import Tally

ROOT = Path(__file__).parents[2]
KINDS = ["service killed", "service paused", "server killed", "connections cut", "answers lost"]


@pytest.mark.timeout(300)
def test_five_faults_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """Whatever is killed, paused or cut off, each fact has its one outcome and all is as without the fault."""
    results = tmp_path / "results.jsonl"
    asked = ["--cycles", "5", "--seed", "60", "--kinds", ",".join(KINDS), "--results", str(results)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", *asked], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=290, check=False,
        preexec_fn=die_with_parent(),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    assert [line["kind"] for line in lines] == KINDS
    assert all(line["facts"] >= 80 and line["acks"] >= line["facts"] for line in lines)
    assert "takeover after kill" in summary(lines)


def _event(seq: int, cause: str, name: str = "call.offered", **more: object) -> Message:
    return Message("c1", name, b"{}", f"e{seq}", "/centralita/acme/intake", cause=cause, seq=seq, **more)  # type: ignore[arg-type]


TOLD = [fact("call.offered", "c1", 0), fact("call.ended", "c1", 9)]
FIRST = _event(3, TOLD[0].id, cause_source=TOLD[0].source, inbox=1)
SECOND = _event(4, TOLD[1].id, "call.ended", cause_source=TOLD[1].source, inbox=2)
AGAIN = SECOND._replace(id="e5", seq=5, inbox=3)
REJECTED = _event(4, TOLD[1].id, "fact.rejected", inbox=2)


@pytest.mark.parametrize(
    ("log", "lost", "doubled", "surprising"),
    [
        ([FIRST, SECOND], 0, 0, 0),
        ([FIRST, REJECTED], 0, 0, 0),
        ([FIRST, REJECTED, REJECTED._replace(id="e5", inbox=3)], 0, 0, 0),
        ([FIRST, REJECTED, AGAIN], 0, 0, 0),
        ([FIRST], 1, 0, 0),
        ([FIRST, SECOND, AGAIN], 0, 2, 0),
        ([FIRST, REJECTED, REJECTED._replace(id="e5")], 0, 1, 0),
        ([FIRST, SECOND, SECOND], 0, 3, 0),
        ([FIRST, SECOND, _event(5, "nobody said so", cause_source="/elsewhere")], 0, 0, 1),
    ],
)
def test_what_is_lost_doubled_or_surprising_is_seen(
    log: list[Message], lost: int, doubled: int, surprising: int
) -> None:
    """Of two facts acknowledged each needs one outcome; a second one, an effect twice, or a stranger's is noticed."""
    found = outcomes(log, Tally(facts={fact.id: fact for fact in TOLD}))
    assert (len(found.lost), len(found.doubled), len(found.surprising)) == (lost, doubled, surprising)
