"""`up --virtual-clock` and `clock`: without a line of Python, eleven minutes pass at once."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.keyboard import Stack, environment

GUIDE = (Path(__file__).parents[2] / "docs/harness.md").read_text()
UP, THREE, _ = re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture(scope="module")
def tried() -> Iterator[Stack]:
    """What the guide has people type; when its standard input ends it ends, with 0, and its directory is gone."""
    words = (*shlex.split(UP)[1:], "--until-eof", "--json", "--quiet")
    with subprocess.Popen(
        [sys.executable, "-m", "centralita.cli", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdin
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        assert (ready["centre"], ready["clock"], ready["now"]) == ("test", "virtual", "2026-03-02T08:00:00Z")
        store = Path(ready["store"])
        assert store.is_dir()
        yield Stack(ready["nats"], store, ready["services"])
        process.stdin.close()
        assert process.wait(20) == 0
    assert not store.exists()


def test_three_commands_see_eleven_minutes_pass(tried: Stack, tmp_path: Path) -> None:
    """What the guide has people type next: the promise is kept for eleven minutes and broken a second later."""
    command = tmp_path / "centralita"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m centralita.cli "$@"\n')
    command.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-euc", THREE.replace("+11m1s", "+11m")],
        env=environment(CENTRALITA_NATS=tried.url, CENTRALITA_CENTRE="test", PATH=path),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "test 2026-03-02T08:11:00Z" in done.stdout
    assert "deadline.breached" not in done.stdout
    assert tried.typed("clock", "test", "+1s").out == "test 2026-03-02T08:11:01Z\n"
    told = tried.typed("call", "c-1", "--centre", "test", "--json").json["events"]
    (breached,) = (event for event in told if event["type"] == "deadline.breached")
    assert breached["data"]["due"] == "2026-03-02T08:11:00Z"


def test_a_clock_that_cannot_be_moved_says_why(tried: Stack) -> None:
    """Back, in a centre that goes by the world's clock, by what is no time, or where none was set."""
    before = tried.typed("clock", "test", "--json").json
    refused = tried.typed("clock", "test", "2026-03-02T07:59:59Z")
    assert (refused.code, "no clock runs back" in refused.err) == (1, True)
    assert tried.typed("clock", "test", "--json").json == before
    real, unset = tried.centre(), tried.centre("--clock", "virtual")
    assert "goes by the real clock" in tried.typed("clock", real, "now").err
    assert "is the world's" in tried.typed("clock", real, "+1m").err
    assert "was never set" in tried.typed("clock", unset, "+1m").err
    wrong = tried.typed("clock", "test", "11")
    assert (wrong.code, "expected +11m" in wrong.err) == (2, True)


@pytest.mark.parametrize("words", [("--nats", "nats://127.0.0.1:1"), ("--service", "sla")])
def test_a_virtual_clock_starts_everything(tried: Stack, words: tuple[str, str]) -> None:
    """What would leave out a part is told before anything starts."""
    assert tried.typed("up", "--virtual-clock", *words).code == 2
