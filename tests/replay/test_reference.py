"""The figures of a file by way of its records equal those counted straight from its columns."""

from collections import defaultdict
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from centralita.records import CallRecord, Ignored, Refused, Row, facts, read
from tests.replay.reference import figures
from tests.replay.rows import NO_QUEUE, RECORDS, hung, rows_of, served


def _figures_of(rows: list[Row]) -> dict[str, object]:
    """The figures by way of the records, from instants only."""
    queues: dict[str, list[CallRecord]] = defaultdict(list)
    for row in rows:
        if isinstance(row, CallRecord):
            queues[row.queue].append(row)
            queues["all"].append(row)
    return {
        "queues": {name: _figures_of_queue(calls) for name, calls in queues.items()},
        "ignored": sum(isinstance(row, Ignored) for row in rows),
        "refused": sum(isinstance(row, Refused) for row in rows),
    }


def _figures_of_queue(calls: list[CallRecord]) -> dict[str, object]:
    spoken = [(c.ended - c.answered).total_seconds() for c in calls if c.ended and c.answered]
    waited = [
        (c.dequeued - c.queued).total_seconds() if c.dequeued and c.queued else 0.0
        for c in calls
        if c.answered
    ]
    answered, abandoned = len(spoken), sum(c.abandoned is not None for c in calls)
    return {
        "offered": len(calls),
        "answered": answered,
        "abandoned": abandoned,
        "answer_rate": answered / len(calls),
        "abandonment_rate": abandoned / len(calls),
        "aht_s": pytest.approx(sum(spoken) / answered, abs=0.0005) if answered else None,
        "asa_s": pytest.approx(sum(waited) / answered, abs=0.0005) if answered else None,
        "service_level": sum(w <= 20 for w in waited) / (answered + abandoned),
    }


def test_figures_of_a_small_file_agree_with_a_count_by_hand(tmp_path: Path) -> None:
    """The reference counts what a person would, nothing over nothing being null."""
    rows = rows_of(
        tmp_path,
        served(),
        served(call_id="7002", **NO_QUEUE),
        hung(call_id="7003"),
        hung(call_id="7004", type="IN"),
        served(outcome="PHANTOM"),
        hung(ser_time="5"),
    )
    reference = figures(tmp_path / "calls.txt")
    assert reference == _figures_of(rows)
    rates = {
        "answer_rate": 2 / 3,
        "abandonment_rate": 1 / 3,
        "aht_s": 120,
        "asa_s": 15,
        "service_level": 1 / 3,
    }
    assert reference["queues"]["PS"] == {"offered": 3, "answered": 2, "abandoned": 1} | rates
    assert reference["queues"]["IN"]["aht_s"] is None
    assert (reference["ignored"], reference["refused"]) == (1, 1)


@pytest.mark.skipif(not RECORDS, reason="CENTRALITA_RECORDS names no file of real calls")
def test_a_month_of_real_calls_agrees_with_the_reference() -> None:
    """Over a real file: counts equal exactly, means to the millisecond, ids unique, no call twice."""
    rows = list(read(RECORDS))
    assert [row.line for row in rows] == list(range(2, len(rows) + 2))
    assert figures(Path(RECORDS)) == _figures_of(rows)
    calls = [row for row in rows if isinstance(row, CallRecord)]
    assert len({call.call_id for call in calls}) == len(calls)
    steps = [before[1] - after[1] for call in calls for before, after in pairwise(facts(call))]
    assert max(steps) < timedelta(minutes=1), "the old clocks differ by seconds, not more"
