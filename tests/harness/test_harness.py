"""The harness: time in the hands of a test, facts with sensible defaults, and what is said where it is otherwise."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from centralita.harness import Agent, Call, CallCentre, Customer, HarnessError, Letter, Refusal, Stack
from tests.harness.installed import ROOT, environment

OUTLIVED = """
import time
from centralita.harness import Stack
with Stack.started() as stack:
    print(stack.door, flush=True)
    time.sleep(60)
"""


def test_time_passes_as_it_is_told_to(cold: CallCentre) -> None:
    """Lengths of time, times of the wall clock and datetimes; it begins on a Monday at nine and never runs back."""
    begun = datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert (cold.now, cold.time) == (begun, "2026-03-02 09:00:00")
    cold.advance("1m30s")
    cold.advance(0.5)
    cold.advance(timedelta(milliseconds=500))
    assert cold.now == begun + timedelta(seconds=91)
    cold.at("09:30")
    cold.at("2026-03-30 09:00")  # the clocks have gone forward
    assert cold.now == datetime(2026, 3, 30, 7, tzinfo=UTC)
    cold.at(datetime(2026, 3, 30, 8, tzinfo=UTC))
    for back in ("09:59", "2026-03-01 09:00"):
        with pytest.raises(ValueError, match="it is 2026-03-30 10:00:00 already, and no clock runs back"):
            cold.at(back)
    with pytest.raises(ValueError, match="expected a length of time as 11m"):
        cold.advance("11")


def test_what_must_be_is_found_however_it_is_told(cold: CallCentre) -> None:
    """By type alone, by data, by its time, by parts of texts and lists, so many times; the event is given back."""
    call = cold.call(from_="+34 600 555 101", queue="sales")
    cold.advance("7s")
    call.answered("ana").identified("Rosa", title="Sra.").stated("No enfría.", category="error", product=None)
    assert call.must("call.offered", from_="+34600555101").data["queue"] == "sales"
    call.must("call.answered", at="09:00:07", count=1, agent="ana")
    with pytest.raises(ValueError, match="count: expected 1 or more"):
        call.must("call.ended", count=0)
    cold.call("late", at="09:00:03").must("call.offered", at="2026-03-02 09:00:03", count=1)
    call.must("call.answered", at=cold.now)
    call.must("prompt.issued", contains={"text": "Rosa"})
    call.must("request.stated", product=None)
    call.must("deadline.met", rule="R25", data={"at": cold.now})
    cold.must("caller.identified", count=1)
    call.must_not("call.ended")
    assert [event.type for event in call.events()][:2] == ["call.offered", "caller.classified"]


WRONG: dict[str, dict[str, Any]] = {
    "another type": {"type": "call.ended"},
    "other data": {"agent": "eva"},
    "another time": {"at": "09:00:01"},
    "another part": {"contains": {"agent": "z"}},
    "not so often": {"count": 2},
    "a field that is there": {"agent": None},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_what_is_otherwise_tells_the_story(cold: CallCentre, wrong: dict[str, Any]) -> None:
    """What was expected, what there is of that type, and all that was recorded of the call; the opposite holds."""
    call = cold.call().answered("ana")
    type = wrong.get("type", "call.answered")
    expected = {name: value for name, value in wrong.items() if name != "type"}
    with pytest.raises(AssertionError) as failure:
        call.must(type, **expected)
    told = str(failure.value).splitlines()
    assert told[0].startswith(f"expected {type} of c1")
    assert f"  the story of c1 until {cold.time}:" in told
    assert any(line.split()[:4] == ["0:00.000", "intake", "call.answered", "c1"] for line in told)
    if "count" not in wrong:
        call.must_not(type, **expected)
    with pytest.raises(AssertionError, match=r"expected no call\.answered of c1 with agent='ana', found 1"):
        call.must_not("call.answered", agent="ana")


def test_what_others_publish_is_seen(running: Stack, cold: CallCentre) -> None:
    """A backend under test speaks to the door itself; nobody has to say that it did."""
    cold.settle()
    event = {"specversion": "1.0", "id": "1", "source": "/theirs", "type": "call.offered", "subject": "c-7"}
    event["time"] = cold.now.isoformat()
    sent = httpx.post(
        f"{running.door}/{cold.name}/events",
        content=json.dumps(event),
        headers={"content-type": "application/cloudevents+json"},
        trust_env=False,
    )
    assert sent.status_code == 202
    Call(cold, "c-7").must("call.offered", queue="main")


def test_a_fact_that_cannot_be_is_refused_at_once(cold: CallCentre) -> None:
    """With the field and what was expected; one that a rule forbids stands in the story, with the rule."""
    with pytest.raises(Refusal, match="complexity") as refusal:
        cold.call().assessed("enormous")
    assert refusal.value.problem.rule == "malformed"
    call = cold.call().answered().ended()
    cold.advance("10s")
    call.held()
    cold.advance("10s")
    assert "fact.rejected" in call.story()


def test_whatever_has_a_method_is_a_fact(cold: CallCentre) -> None:
    """Every builder, with nothing but its defaults, says what the contract knows; nobody else's id is theirs."""
    for of in (Call, Agent, Customer, Letter):
        for name, method in vars(of).items():
            if callable(method) and not name.startswith("_"):
                getattr(of(cold, "x-1"), name)(*(["Hola."] if name == "said" else []))
    cold.agent("eva", desks=["sales"]).must("agent.signed_in", name="Eva", desks=["sales"])
    cold.customer("42", phones=["+34600555199"]).must("customer.registered")
    cold.letter(category="complaint").must("message.received", channel="email")
    one, other = cold.call(), cold.call()
    assert one.id != other.id
    assert one.must("call.offered").data["from"] != other.must("call.offered").data["from"]
    cold.call(from_=None).must("call.offered", from_=None)


def test_a_protocol_from_a_file_with_a_key_otherwise(running: Stack, tmp_path: Path) -> None:
    """A file is found beside the test; changes are merged, and so is the zone of its clock."""
    (tmp_path / "ours.toml").write_text((ROOT / "protocols/cold-industry.toml").read_text())
    changes = {"limits": {"answer_s": 30, "retry_s": None}, "timezone": "America/Santiago"}
    with running.centre("ours.toml", with_=changes, beside=tmp_path, start="2026-03-02 12:00") as centre:
        assert centre.now == datetime(2026, 3, 2, 15, tzinfo=UTC)
        call = centre.call()
        centre.advance("31s")
        call.must("deadline.breached", rule="R25", at="12:00:30")
    (tmp_path / "wrong.toml").write_text("name = ")
    expected = {"nowhere": "a file, or one of cold-industry, .*plain", "wrong.toml": "TOML"}
    for wrong, what in expected.items():
        found = rf"protocol: .*{wrong}: .*expected {what}"
        with pytest.raises(HarnessError, match=found), running.centre(wrong, beside=tmp_path):
            pass
    with pytest.raises(Refusal, match="answer_s"), running.centre(with_={"limits": {"answer_s": -1}}):
        pass


def killed(stack: Stack) -> None:
    """It ends by itself."""
    stack.process.kill()
    stack.process.wait()


def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    """Even one that is killed: nobody listens any more, and its directory is gone."""
    with subprocess.Popen(
        [sys.executable, "-c", OUTLIVED], stdout=subprocess.PIPE, text=True,
        env={**environment(), "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
    ) as process:  # fmt: skip
        assert process.stdout
        door = process.stdout.readline().strip()
        assert [file.name[:11] for file in tmp_path.iterdir()] == ["centralita-"]
        process.kill()
    for _ in range(400):
        if not list(tmp_path.iterdir()):
            break
        time.sleep(0.05)
    assert not list(tmp_path.iterdir())
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{urlsplit(door).netloc}/healthz", trust_env=False)


def test_what_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A stack that ends before it is ready is an error, not a wait; one that ends later is told of at the end."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # what is killed leaves its directory
    with pytest.raises(HarnessError, match="ended by itself, with code -9"), Stack.started() as stack:
        killed(stack)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(HarnessError, match="ended by itself, with code 1: it said nothing"), Stack.started():
        pass
