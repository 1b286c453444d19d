"""What docs/http.md tells people to type works as it says, against a process started as it says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from centralita.door import problems
from tests.cli.keyboard import environment
from tests.e2e.stacks import OneProcess, Stack

GUIDE = (Path(__file__).parents[2] / "docs/http.md").read_text()
TYPED = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
(ACCEPTED,) = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture(scope="module")
def stack(stacks: object) -> Stack:
    """A running Centralita with a door."""
    assert callable(stacks)
    found = stacks("one process")
    assert isinstance(found, OneProcess)
    return found


@pytest.mark.skipif(not shutil.which("curl"), reason="the guide is written for curl")
def test_every_request_of_the_guide_is_answered(stack: OneProcess) -> None:
    """Typed one block after the other, each ends well, with the answers that stand there."""
    assert len(TYPED) == 4
    script = "\necho ---\n".join(TYPED).replace("http://127.0.0.1:8422/v1", stack.door)
    done = subprocess.run(
        ["sh", "-euc", f"{script}\ncurl -fsS -X DELETE $DOOR/acme"],
        env=environment(no_proxy="*"), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    opened, batch, asked, followed = done.stdout.split("---\n")
    assert json.JSONDecoder().raw_decode(opened)[0]["clock"] == "virtual"
    assert json.loads(batch) == json.loads(ACCEPTED)
    for expected in ('"position":', '"ticket.registered"', '"deadline": "answer"', '"breached"'):
        assert expected in asked
    assert next(line for line in followed.splitlines() if line.startswith("event:")) == "event: call.offered"


def test_every_problem_of_the_door_stands_there() -> None:
    """The rules that the door itself names are listed, here or in the contract."""
    contract = (Path(__file__).parents[2] / "docs/contract.md").read_text()
    listed = set(re.findall(r"/([a-z-]+)`", GUIDE + contract))
    named = set[str]()
    for file in Path(problems.__file__).parent.glob("*.py"):
        named |= set(re.findall(r"\b[45]\d\d,\s+\"([a-z-]+)\"", file.read_text()))
    assert len(named) > 10
    assert named - {"refused"} <= listed
