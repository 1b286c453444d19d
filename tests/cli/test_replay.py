"""Replaying call records: the order of the facts, the clock between them, and the figures in the end."""

from __future__ import annotations

import gzip
import sys
from asyncio import create_subprocess_exec, wait_for
from asyncio.subprocess import PIPE
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from centralita import replay
from centralita.replay import Import
from tests.cli.keyboard import Stack, environment, typed, until
from tests.replay.reference import figures
from tests.replay.rows import NO_QUEUE, hung, served, text_of

LATER = {
    "vru_entry": "10:00:20",
    "vru_exit": "10:00:30",
    **NO_QUEUE,
    "ser_start": "10:00:30",
    "ser_exit": "10:00:35",
}
ROWS = (
    served(call_id="1", priority="2", customer_id="4711"),
    served(call_id="2", **LATER, ser_time="5", type="NE"),
    served(call_id="3", outcome="PHANTOM"),
    hung(call_id="4"),
    served(call_id="5", ser_start="0:00:00", ser_exit="0:00:00"),
    hung(call_id="6", **NO_QUEUE),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Six rows: four calls, a phantom, and one that cannot be."""
    path = tmp_path / "month.txt"
    path.write_text(text_of(*ROWS))
    return path


def test_facts_are_in_the_order_of_time_and_each_call_in_its_own(file: Path) -> None:
    """Over all calls facts go by time, within a call by its life; renamed and packed it gives the same ids."""
    plan = Import.read(file, ZoneInfo("UTC"))
    told = [fact for fact in plan.facts() if fact.type != "clock.advanced"]
    keys = [step.key for step in plan.steps]
    assert keys == sorted(keys)
    lives = {
        about: [fact.type for fact in told if fact.about == about] for about in {fact.about for fact in told}
    }
    assert lives["990315-XX0901-1"] == [
        "call.offered",
        "caller.identified",
        "call.queued",
        "call.dequeued",
        "call.answered",
        "call.ended",
    ]
    assert lives["import-4"] == ["record.ignored"]
    assert lives["import-6"] == ["record.refused"]
    ids = [(fact.source, fact.id) for fact in told]
    assert len(set(ids)) == len(ids)
    packed = file.with_name("renamed.gz")
    packed.write_bytes(gzip.compress(file.read_bytes()))
    again = Import.read(packed, ZoneInfo("UTC")).facts()
    assert ids == [(fact.source, fact.id) for fact in again if fact.type != "clock.advanced"]


def test_the_clock_never_passes_a_fact_that_is_still_to_come(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies behind an advance of the clock occurred no earlier; the last is a day after everything."""
    monkeypatch.setattr(replay, "CLOCK_EVERY", 2)
    told = list(Import.read(file, ZoneInfo("UTC")).facts())
    clock = None
    for fact in told:
        assert fact.time
        if fact.type == "clock.advanced":
            assert clock is None or fact.data["to"] >= clock
            clock = fact.data["to"]
        assert clock is None or fact.time >= clock
    assert sum(fact.type == "clock.advanced" for fact in told) == len(told) // 3 + 1
    last = max(fact.time for fact in told[:-1] if fact.time)
    assert told[-1].data["to"] == last + timedelta(days=1)


def test_the_figures_are_those_of_the_file_and_a_second_replay_changes_nothing(
    stack: Stack, file: Path
) -> None:
    """With --json exactly the object, equal to what the file gives; the same after a second replay."""
    expected = figures(file)
    words = ("replay", str(file), "--centre", "bank", "--nats", stack.url)
    first = stack.typed(*words, "--json")
    assert (first.code, first.err) == (0, "")
    assert first.json["ignored"] == expected["ignored"] == 1
    assert first.json["refused"] == expected["refused"] == 1
    assert list(first.json) == ["queues", "ignored", "refused", "deadlines", "tickets", "watched"]
    for queue, figures_of in expected["queues"].items():
        found = {key: first.json["queues"][queue][key] for key in figures_of}
        assert found == pytest.approx(figures_of, abs=0.001)
    assert stack.typed(*words, "--json").json == first.json
    assert stack.typed("figures", "-c", "bank", "--by", "queue", "--json").json == first.json
    offered = stack.typed("tail", "-c", "bank", "--all", "-t", "call.offered", "--count", "4", "--json").lines
    assert [event["time"][11:] for event in offered] == sorted(event["time"][11:] for event in offered)
    shown = stack.typed(*words)
    assert "1 rows ignored, 1 refused" in shown.out
    assert stack.typed("call", "990315-XX0901-1", "-c", "bank").code == 0


def test_files_of_one_name_are_two_and_a_renamed_file_is_one(stack: Stack, tmp_path: Path) -> None:
    """Two folders' files of one name count both, line by line; one of them under another name adds nothing."""
    one, two, renamed = (tmp_path / name for name in ("one/calls.txt", "two/calls.txt", "renamed.txt"))
    for path, call in ((one, "1"), (two, "2"), (renamed, "1")):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text_of(served(call_id=call), ROWS[2], ROWS[4]))
    for path, count in ((one, 1), (two, 2), (renamed, 2)):
        found = stack.typed("replay", str(path), "--centre", "twice", "--nats", stack.url, "--json").json
        assert (found["queues"]["all"]["offered"], found["ignored"], found["refused"]) == (count,) * 3


def test_replay_on_a_stack_of_its_own(file: Path, tmp_path: Path) -> None:
    """Without --nats it starts an embedded stack and leaves no temporary files, or with --store the log."""
    aside = tmp_path / "aside"
    aside.mkdir()
    answer = typed("replay", str(file), "-c", "bank", "--json", TMPDIR=str(aside))
    assert (answer.code, answer.err) == (0, "")
    assert answer.json["queues"]["all"]["offered"] == 4
    assert list(aside.iterdir()) == []
    kept = typed("replay", str(file), "-c", "bank", "--json", "--store", str(tmp_path / "kept"))
    assert kept.json == answer.json
    assert (tmp_path / "kept" / "jetstream").is_dir()


async def test_ctrl_c_stops_a_replay_and_leaves_nothing(tmp_path: Path) -> None:
    """In the middle of its work it ends within seconds, with 130 and no traceback, and its files are gone."""
    file = tmp_path / "calls.txt"
    file.write_text(text_of(*(hung(call_id=str(number)) for number in range(20_000))))
    aside = tmp_path / "aside"
    aside.mkdir()
    process = await create_subprocess_exec(
        *(sys.executable, "-m", "centralita.cli", "replay", file, "-c", "bank", "--json"),
        stdout=PIPE,
        stderr=PIPE,
        env=environment(TMPDIR=str(aside)),
    )
    await until(lambda: any(aside.glob("*/services/bank/*")))  # the services have taken their seats
    process.send_signal(2)
    out, err = await wait_for(process.communicate(), 20)
    assert (process.returncode, out) == (130, b"")
    assert err.startswith(b"centralita: interrupted")
    assert list(aside.iterdir()) == []


def test_what_is_no_call_record_is_told(stack: Stack, tmp_path: Path) -> None:
    """A file with other columns is refused as a whole, in one line, with exit code 1."""
    (tmp_path / "other.tsv").write_text("a\tb\n1\t2\n")
    answer = stack.typed("replay", str(tmp_path / "other.tsv"), "-c", "other", "--nats", stack.url)
    assert answer.code == 1
    assert "no column" in answer.err
    assert answer.err.count("\n") == 1
    assert answer.out == ""


def test_a_centre_on_the_real_clock_takes_no_file(file: Path, stack: Stack) -> None:
    """What happened long ago does not belong among what happens now: refused in one line, nothing published."""
    assert typed("centre", "add", "today", CENTRALITA_NATS=stack.url).code == 0
    done = typed("replay", str(file), "--centre", "today", "--nats", stack.url)
    assert done.code == 1
    assert "goes by the world's clock" in done.err
