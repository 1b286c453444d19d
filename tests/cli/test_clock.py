"""`up --virtual-clock` and `clock`: without a line of Python, eleven minutes pass at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.keyboard import Stack, environment

FACTS = [
    ("call.offered", {}),
    ("call.answered", {"agent": "ana"}),
    ("complexity.assessed", {"complexity": "high"}),
]


@pytest.fixture(scope="module")
def tried() -> Iterator[Stack]:
    """What `up --virtual-clock` starts; when its standard input ends it ends, with 0, and its directory is gone."""
    words = ("up", "--virtual-clock", "--until-eof", "--protocol", "cold-industry", "--json", "--quiet")
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


def test_three_commands_see_eleven_minutes_pass(tried: Stack) -> None:
    """Publish, clock, call: the promise of eleven minutes holds until they are over, and is broken a second later."""
    lines = "\n".join(
        json.dumps({"id": str(number), "source": "/pbx", "type": type, "subject": "c-1", "data": data})
        for number, (type, data) in enumerate(FACTS)
    )
    assert tried.typed("publish", "--centre", "test", stdin=lines).code == 0
    assert tried.typed("clock", "test", "+11m").out == "test 2026-03-02T08:11:00Z\n"
    assert "deadline.breached" not in tried.typed("call", "c-1", "--centre", "test").out
    assert tried.typed("clock", "test", "2026-03-02T08:11:01Z").code == 0
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
