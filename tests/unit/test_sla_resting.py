"""What waits by the million: promises at rest are the same when they are touched, and times come in order."""

from __future__ import annotations

import heapq
import pickle
import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import DeadlineBreached
from services.sla import resting
from services.sla.domain import Aggregates, Deadline, Figure, Promises
from services.sla.resting import packed, unpacked
from services.sla.timers import Entry, Timers, micros

TIMES = st.datetimes(timezones=st.just(UTC)).map(lambda at: at.replace(fold=0))
NAMES = st.text(max_size=20)
DEADLINES = st.builds(
    Deadline,
    name=NAMES,
    rule=NAMES,
    since=TIMES,
    due=TIMES,
    limit_s=st.floats(0, 1e9),
    inclusive=st.booleans(),
    warning=st.booleans(),
    protocol=st.integers(1, 10**6),
    warn=st.none() | TIMES,
    escalate=st.lists(TIMES, max_size=3).map(tuple),
    calendar=st.none() | NAMES,
    state=st.sampled_from(["running", "paused", "met", "breached", "cancelled", "warned"]),
    level=st.none() | st.integers(0, 9),
    left_s=st.none() | st.floats(0, 1e9),
    ended=st.none() | TIMES,
)
PROMISES = st.builds(
    Promises,
    deadlines=st.lists(DEADLINES, max_size=3).map(tuple),
    over=st.frozensets(st.sampled_from(["ringing", "handling"])),
    protocol=st.none() | st.integers(1, 9),
    queue=NAMES,
    premium=st.booleans(),
    complexity=st.none() | st.sampled_from(["high", "medium", "low"]),
    product=st.none() | NAMES,
    watched=st.booleans(),
    answered=st.none() | TIMES,
)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@given(PROMISES)
def test_what_has_rested_is_as_it_was(promises: Promises) -> None:
    """Nothing of them is lost or changed by resting, down to the types."""
    data = packed(promises)
    assert data is not None
    assert _told(unpacked(data)) == _told(promises)


def _told(promises: Promises) -> str:
    return repr(promises._replace(over=frozenset())) + repr(sorted(promises.over))  # a set has no order


def test_a_promise_rests_in_few_bytes() -> None:
    """What is told by something else is not kept beside it, and all reads back as it was."""
    due = NOON + timedelta(days=3, microseconds=17)
    spans = Deadline("reply", "R61", NOON, due, (due - NOON).total_seconds())
    whole, other = Promises((spans,), protocol=1), Promises((spans._replace(limit_s=7),), protocol=1)
    for promises in (whole, other):
        assert repr(unpacked(packed(promises) or b"")) == repr(promises)
    assert sys.getsizeof(packed(whole)) <= 80


def test_a_time_with_an_offset_keeps_it() -> None:
    """What cannot be told in few bytes stays as it is: an event says it as it was said."""
    here = NOON.astimezone(timezone(timedelta(hours=2)))
    kept = Promises((Deadline("reply", "R61", NOON, here, 60.0),))
    assert packed(kept) is None
    aggregates = _filled({"m": kept})
    assert aggregates["m"].deadlines[0].due.isoformat() == here.isoformat()


def test_a_verdict_reads_the_same_of_what_has_rested() -> None:
    """A due time that was read, decided or packed is written with the same bytes."""
    read = DeadlineBreached.model_validate_json(
        '{"deadline":"a","rule":"R25","due":"2026-06-01T12:00:00.5Z"}'
    )
    rested = unpacked(packed(Promises((Deadline("a", "R25", NOON, read.due, 1.0),))) or b"")
    again = DeadlineBreached(deadline="a", rule="R25", due=rested.deadlines[0].due)
    assert again.model_dump_json() == read.model_dump_json()


def test_aggregates_are_a_mapping_whichever_of_them_rest() -> None:
    """Read, replaced, removed and compared, those at rest are like those that are not; looking at all wakes none."""
    expected: dict[str, Any] = {
        f"m{n}": Promises((Deadline("reply", "R61", NOON, NOON + timedelta(seconds=n), 1.0),))
        for n in range(100)
    } | {"figure:aht": Figure()}
    aggregates = _filled(expected)
    resting_now = sum(isinstance(it, bytes) for it in aggregates._all.values())
    assert resting_now == 100
    assert aggregates == expected
    assert dict(aggregates.items()) == expected
    assert sum(isinstance(it, bytes) for it in aggregates._all.values()) == resting_now
    assert aggregates["m2"] is aggregates["m2"]  # until it rests again
    aggregates["m3"] = expected["m3"] = Promises(over=frozenset({"ringing"}))
    del aggregates["m4"], expected["m4"]
    assert aggregates.pop("m5", None) == expected.pop("m5")
    assert aggregates.get("m4") is None
    assert "m4" not in aggregates
    assert [aggregates[id] for id in expected] == list(expected.values())
    assert len(aggregates) == len(expected)


def test_what_is_kept_rests() -> None:
    """What is read of a checkpoint takes few bytes from the start, and is what was there."""
    here = NOON.astimezone(timezone(timedelta(hours=2)))
    kept: dict[str, Any] = {f"m{n}": Promises((Deadline("a", "R61", NOON, NOON, 1.0),)) for n in range(9)}
    kept |= {"awake": Promises((Deadline("a", "R61", NOON, here, 1.0),)), "figure:aht": Figure()}
    aggregates = Aggregates()
    aggregates.update(kept)
    read = pickle.loads(pickle.dumps(aggregates, protocol=5))
    assert sum(isinstance(it, bytes) for it in read._all.values()) == 9
    assert dict(aggregates.items()) == dict(read.items()) == kept


def _filled(expected: dict[str, Any]) -> Aggregates:
    aggregates = Aggregates()
    aggregates.update(expected)
    for n in range(resting._AWAKE):  # all that was before these rests
        aggregates[f"other{n}"] = Promises()
    for n in range(resting._AWAKE):
        del aggregates[f"other{n}"]
    return aggregates


@pytest.mark.parametrize("spread", [30, 3600 * 24])
@given(st.data())
def test_times_come_in_order(spread: int, data: st.DataObject) -> None:
    """Whenever each was added, the first is always the earliest left, by time and then by name."""
    timers, heap = Timers(), list[Entry]()
    for seconds in data.draw(st.lists(st.none() | st.floats(-spread, spread), max_size=40)):
        if seconds is None:
            timers.drop()
            if heap:
                heapq.heappop(heap)
        else:
            at, id = NOON + timedelta(seconds=seconds), data.draw(st.sampled_from("abc"))
            timers.add(at, id)
            heapq.heappush(heap, (micros(at), id))
        assert timers.first() == (heap[0] if heap else None)
    while heap:
        assert timers.first() == heapq.heappop(heap)
        timers.drop()
    assert timers.first() is None
