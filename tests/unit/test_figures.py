"""The figures: counts, rates and means, equal to what a few lines over the calls give."""

from __future__ import annotations

import json
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from contracts.commands import FiguresQuery
from contracts.protocol import Protocol
from contracts.registry import name_of
from eventlog.codec import Message
from services.sla import figures
from tests.unit.given import START, at

QUEUED, DEQUEUED, ANSWERED = f.CallQueued(), f.CallDequeued(), f.CallAnswered()
ABANDONED, ENDED = f.CallAbandoned(), f.CallEnded()
NOTHING = {
    "offered": 0,
    "answered": 0,
    "abandoned": 0,
    "answer_rate": None,
    "abandonment_rate": None,
    "aht_s": None,
    "asa_s": None,
    "service_level": None,
    "acw_s": None,
    "fcr": None,
}
NO_TICKETS = {
    "registered": 0,
    "resolved": 0,
    "reopened": 0,
    "first_resolution_s": None,
    "total_resolution_s": None,
}
REST = {"ignored": 0, "refused": 0, "deadlines": {}, "tickets": NO_TICKETS, "watched": []}


class Log:
    """A read model, and the next position of the log it is fed from."""

    def __init__(self) -> None:
        self.db = sqlite3.connect(":memory:", isolation_level=None)
        self.db.executescript(figures.SCHEMA)
        self.position = 0

    def add(self, id: str, event: Data, moment: datetime | None) -> None:
        """One more event."""
        self.position += 1
        seq = self.position
        message = Message(id, name_of(event), b"", f"id-{seq}", "intake", time=moment, seq=seq)
        figures.apply(self.db, message, event)

    def call(self, id: str, queue: str, *story: tuple[Data, float], start: datetime = START) -> None:
        """A call offered to a queue, and what happened how many seconds later."""
        self.add(id, f.CallOffered(queue=queue), start)
        for event, seconds in story:
            self.add(id, event, start + timedelta(seconds=seconds))

    def publish(self, **protocol: Any) -> None:
        """A protocol is published."""
        body = Protocol(name="test", **protocol).model_dump(mode="json")
        self.add("centre", e.ProtocolPublished(name="test", version=1, protocol=body), None)

    def figures(self, **query: Any) -> dict[str, Any]:
        """The answer to the query."""
        return figures.figures(self.db, FiguresQuery(**query))


def test_nothing_is_counted_in_an_empty_centre() -> None:
    """A mean or rate over nothing is None, and all is there nevertheless."""
    log = Log()
    assert log.figures() == {"queues": {"all": NOTHING}, **REST}
    assert log.figures(by="day") == {"days": {"all": NOTHING}, **REST}


def test_a_small_day_by_queue() -> None:
    """Counts, rates and means of two queues and of both together, in exactly these keys."""
    log = Log()
    log.call("a", "PS", (QUEUED, 5), (DEQUEUED, 25), (ANSWERED, 26), (ENDED, 126.5))
    log.call("b", "PS", (QUEUED, 5), (DEQUEUED, 25.001), (ANSWERED, 26), (ENDED, 76))
    log.call("c", "PS", (QUEUED, 5), (DEQUEUED, 95), (ABANDONED, 95))
    log.call("d", "NW", (ANSWERED, 3), (ENDED, 13))
    log.add("x1", f.RecordIgnored(line=5, reason="phantom"), at(1))
    log.add("x2", f.RecordRefused(line=6, field="ser_exit", reason="no service", row="…"), at(2))
    log.add("x3", f.RecordRefused(line=7, field="q_exit", reason="unreadable", row="…"), at(3))
    answer = log.figures()
    assert answer == {
        "queues": {
            "NW": {
                "offered": 1,
                "answered": 1,
                "abandoned": 0,
                "answer_rate": 1.0,
                "abandonment_rate": 0.0,
                "aht_s": 10.0,
                "asa_s": 0.0,
                "service_level": 1.0,
                "acw_s": None,
                "fcr": None,
            },
            "PS": {
                "offered": 3,
                "answered": 2,
                "abandoned": 1,
                "answer_rate": 2 / 3,
                "abandonment_rate": 1 / 3,
                "aht_s": 75.25,
                "asa_s": 20.0005,
                "service_level": 1 / 3,
                "acw_s": None,
                "fcr": None,
            },
            "all": {
                "offered": 4,
                "answered": 3,
                "abandoned": 1,
                "answer_rate": 0.75,
                "abandonment_rate": 0.25,
                "aht_s": 160.5 / 3,
                "asa_s": 40.001 / 3,
                "service_level": 0.5,
                "acw_s": None,
                "fcr": None,
            },
        },
        **REST,
        "ignored": 1,
        "refused": 2,
    }
    assert json.loads(json.dumps(answer)) == answer


def test_a_call_in_progress_counts_as_far_as_it_has_come() -> None:
    """Offered alone it is neither answered nor abandoned; before its end it has no handling time."""
    log = Log()
    log.call("a", "PS")
    log.call("b", "PS", (ANSWERED, 3))
    log.call("c", "PS", (QUEUED, 1), (ANSWERED, 5), (ENDED, 25))
    ps = log.figures()["queues"]["PS"]
    assert (ps["offered"], ps["answered"], ps["abandoned"]) == (3, 2, 0)
    assert (ps["aht_s"], ps["asa_s"], ps["service_level"]) == (20.0, 2.0, 1.0)


def test_the_clocks_of_queue_and_agent_may_differ() -> None:
    """Answered before it was seen leaving the queue: the queue's own two times count."""
    log = Log()
    log.call("a", "PS", (QUEUED, 10), (ANSWERED, 29), (DEQUEUED, 31), (ENDED, 60))
    ps = log.figures()["queues"]["PS"]
    assert (ps["asa_s"], ps["aht_s"], ps["service_level"]) == (21.0, 31.0, 0.0)


@pytest.mark.parametrize(
    ("story", "waited"),
    [
        ([(QUEUED, 0), (DEQUEUED, 30), (QUEUED, 40), (DEQUEUED, 45), (ANSWERED, 50)], 35.0),
        ([(QUEUED, 0), (DEQUEUED, 30), (QUEUED, 40), (ANSWERED, 50)], 40.0),
        ([(QUEUED, 0), (DEQUEUED, 30), (QUEUED, 40), (ANSWERED, 50), (DEQUEUED, 52)], 42.0),
        ([(QUEUED, 0), (DEQUEUED, 30), (ANSWERED, 31), (QUEUED, 40), (DEQUEUED, 99)], 30.0),
        ([(ANSWERED, 31), (QUEUED, 40), (DEQUEUED, 99)], 0.0),
    ],
)
def test_a_call_queued_again_waited_in_every_queue(story: list[tuple[Data, float]], waited: float) -> None:
    """All waits until the answer are summed; what it waits afterwards is no wait for an answer."""
    log = Log()
    log.call("a", "PS", *story)
    ps = log.figures()["queues"]["PS"]
    assert (ps["asa_s"], ps["service_level"]) == (waited, float(waited <= 20))


def test_the_service_level_is_that_of_the_protocol_in_force() -> None:
    """A new level counts for the calls offered from then on."""
    log = Log()
    log.call("a", "PS", (QUEUED, 0), (DEQUEUED, 15), (ANSWERED, 15), (ENDED, 20))
    log.publish(service_level_s=10)
    assert log.figures()["queues"]["PS"]["service_level"] == 1.0
    log.call("b", "PS", (QUEUED, 0), (DEQUEUED, 15), (ANSWERED, 15), (ENDED, 20))
    assert log.figures()["queues"]["PS"]["service_level"] == 0.5


def test_days_are_local_to_the_protocol() -> None:
    """A call belongs to the day in the protocol's zone on which it was offered, over summer time too."""
    log = Log()
    log.publish(timezone="Europe/Madrid")
    starts = [
        datetime(2026, 3, 28, 22, 59, 59, 999000, tzinfo=UTC),  # 23:59:59.999 on the 28th
        datetime(2026, 3, 28, 23, 0, tzinfo=UTC),  # midnight; this day has 23 hours
        datetime(2026, 3, 29, 21, 59, 59, 999000, tzinfo=UTC),
        datetime(2026, 3, 29, 22, 0, tzinfo=UTC),
    ]
    for number, start in enumerate(starts):
        log.call(f"c{number}", "PS", (ANSWERED, 10), (ENDED, 20), start=start)
    log.add("x", f.RecordIgnored(line=5, reason="phantom"), starts[1])
    days = log.figures(by="day")["days"]
    assert {day: it["offered"] for day, it in days.items()} == {
        "2026-03-28": 1,
        "2026-03-29": 2,
        "2026-03-30": 1,
        "all": 4,
    }
    of_day = log.figures(day="2026-03-29")
    assert (of_day["queues"]["PS"]["offered"], of_day["ignored"]) == (2, 1)
    assert log.figures(day="2026-03-28")["ignored"] == 0
    assert log.figures(by="day", day="2026-03-29")["days"].keys() == {"2026-03-29", "all"}


def test_days_without_calls_are_left_out() -> None:
    """Only days on which something was offered are named."""
    log = Log()
    log.call("a", "PS", start=at(0))
    log.call("b", "PS", start=at(3 * 86_400))
    assert list(log.figures(by="day")["days"]) == ["2026-03-02", "2026-03-05", "all"]


def test_days_on_which_nobody_called_cost_nothing() -> None:
    """Between two calls seventy years apart no day is looked at."""
    log = Log()
    log.call("a", "PS", start=datetime(1950, 1, 1, tzinfo=UTC))
    log.call("b", "PS", start=datetime(2026, 1, 1, tzinfo=UTC))
    asked: list[str] = []
    log.db.set_trace_callback(asked.append)
    assert list(log.figures(by="day")["days"]) == ["1950-01-01", "2026-01-01", "all"]
    assert len(asked) < 15


def test_no_call_is_lost_when_clocks_are_set_back_over_midnight() -> None:
    """At 00:01 it was 23:01 again: what came then counts, once, on the day that had begun."""
    log = Log()
    log.publish(timezone="America/St_Johns")
    log.call("a", "PS", start=datetime(2006, 10, 29, 3, 0, tzinfo=UTC))
    days = log.figures(by="day")["days"]
    assert {day: it["offered"] for day, it in days.items()} == {"2006-10-29": 1, "all": 1}


def test_a_call_without_a_time_is_an_error() -> None:
    """What has no time cannot be counted, and is not passed over in silence."""
    with pytest.raises(ValueError, match="no time"):
        Log().add("a", f.CallOffered(), None)


# work after the call, first-contact resolution


STATED, SOLVED = (
    f.RequestStated(text="no abre", category="question"),
    f.QuestionAnswered(known=True, simple=True),
)


@pytest.mark.parametrize("end", [e.AgentRested(), f.AgentAvailable()])
def test_work_after_a_call_lasts_until_the_agent_is_rested_or_available(end: Data) -> None:
    """ACW: from the release into wrap-up to whichever comes first, by the queue of the call."""
    log = Log()
    log.call("a", "PS", (ANSWERED, 3), (ENDED, 13))
    log.call("b", "PS", (ANSWERED, 20), (ENDED, 23))
    log.add("agent:ana", e.AgentReleased(call="a", wrap_up=True), at(13))
    log.add("agent:ana", end, at(33))
    log.add("agent:ana", f.AgentAvailable(), at(40))
    log.add("agent:eva", e.AgentReleased(call="b", wrap_up=True), at(23))
    log.add("agent:eva", end, at(33.5))
    log.add("agent:ana", e.AgentReleased(call="b"), at(50))
    log.add("agent:ana", f.AgentAvailable(), at(99))
    assert log.figures()["queues"]["PS"]["acw_s"] == 15.25


def test_a_request_settled_on_the_call_counts_for_first_contact() -> None:
    """FCR: of the answered calls with a request, those whose question was answered or ticket resolved on the call."""
    log = Log()
    log.call("asked", "PS", (ANSWERED, 1), (STATED, 5), (SOLVED, 10), (ENDED, 20))
    log.call("open", "PS", (ANSWERED, 1), (STATED, 5), (ENDED, 20))
    log.call("silent", "PS", (ANSWERED, 1), (ENDED, 20))
    log.call("gone", "PS", (ABANDONED, 20))
    for number, call, seconds in ((1, "on-it", 30), (2, "later", 31)):
        log.call(call, "PS", (ANSWERED, 1), (STATED, 5), (ENDED, 30))
        ticket = e.TicketRegistered(number=number, category="error", need="no abre", call=call, by="ana")
        log.add(f"ticket:{number}", ticket, at(10))
        log.add(f"ticket:{number}", e.TicketResolved(resolution="abierto", by="ana"), at(seconds))
    assert log.figures()["queues"]["PS"]["fcr"] == 2 / 4


@pytest.mark.parametrize(("days", "fcr"), [(7, 0.0), (7 + 1 / 86_400_000, 1.0)])
def test_who_calls_again_within_a_week_was_not_helped(days: float, fcr: float) -> None:
    """FCR: a repeat at exactly seven days takes it back, one a millisecond later does not."""
    log = Log()
    log.call("first", "PS", (ANSWERED, 1), (STATED, 5), (SOLVED, 10), (ENDED, 20))
    log.add("first", e.NeedEstablished(category="question", customer="42", protocol=1), at(5))
    log.call("again", "NW", (ANSWERED, 1), start=START + timedelta(days=days))
    log.add("again", e.RepeatNoted(customer="42", tickets=(1,)), START + timedelta(days=days))
    assert log.figures()["queues"]["PS"]["fcr"] == fcr


# deadlines, tickets, figures that are watched


def test_the_share_of_deadlines_met_is_told_by_rule() -> None:
    """Met of met and breached; a correction replaces the verdict, cancelled ones and warnings do not count."""
    log = Log()

    def deadline(
        about: str, *events: Data, warning: bool = False, name: str = "answer", rule: str = "R25"
    ) -> None:
        made = e.DeadlineSet(
            deadline=name, rule=rule, since=at(0), due=at(8), limit_s=8, warning=warning, protocol=1
        )
        for event in (made, *events):
            log.add(about, event, at(0))

    met = e.DeadlineMet(deadline="answer", rule="R25", at=at(3))
    breached = e.DeadlineBreached(deadline="answer", rule="R25", due=at(8))
    corrected = e.DeadlineCorrected(deadline="answer", rule="R25", verdict="met", at=at(3))
    deadline("a", met)
    deadline("b", breached)
    deadline("c", breached, corrected)
    deadline("d", e.DeadlineCancelled(deadline="answer", rule="R25", reason="queued"))
    deadline("e")
    deadline(
        "f",
        e.DeadlineWarned(deadline="premium", rule="R59", due=at(8)),
        warning=True,
        name="premium",
        rule="R59",
    )
    deadline("g", e.DeadlineBreached(deadline="contact", rule="R13", due=at(8)), name="contact", rule="R13")
    assert log.figures()["deadlines"] == {
        "R13": {"met": 0, "breached": 1, "cancelled": 0, "running": 0, "share": 0.0},
        "R25": {"met": 2, "breached": 1, "cancelled": 1, "running": 1, "share": 2 / 3},
    }
    assert log.figures(day="2026-03-03")["deadlines"] == {}


def test_first_and_total_resolution_are_kept_apart() -> None:
    """A reopened ticket keeps its first resolution; the total is to the latest, and not there while it is open."""
    log = Log()
    log.add("ticket:1", e.TicketRegistered(number=1, category="error", need="no abre", by="ana"), at(0))
    log.add("ticket:2", e.TicketRegistered(number=2, category="error", need="no abre", by="ana"), at(0))
    for id, seconds in (("ticket:1", 60), ("ticket:2", 120)):
        log.add(id, e.TicketResolved(resolution="abierto", by="ana"), at(seconds))
    log.add("ticket:1", e.TicketReopened(reason="otra vez", by="ana"), at(300))
    assert log.figures()["tickets"] == {
        "registered": 2,
        "resolved": 1,
        "reopened": 1,
        "first_resolution_s": 90.0,
        "total_resolution_s": 120.0,
    }
    log.add("ticket:1", e.TicketResolved(resolution="abierto", by="ana"), at(600))
    after = log.figures()["tickets"]
    assert (after["first_resolution_s"], after["total_resolution_s"]) == (90.0, 360.0)


@pytest.mark.parametrize(("answered", "above"), [(95, False), (96, True)])
def test_an_answer_rate_above_the_range_is_only_reported(answered: int, above: bool) -> None:
    """R60: 95 % of a day is within the range, more is told beside it."""
    log = Log()
    log.publish(watched=[{"figure": "answer_rate", "rule": "R60", "bound": 0.93, "reported_above": 0.95}])
    day, value = START.date(), answered / 100
    counted = e.FigureCounted(figure="answer_rate", day=day, calls=100, amount=answered, value=value)
    log.add("figure:answer_rate", counted, at(0))
    (row,) = log.figures()["watched"]
    assert (row["value"], row["above"], row["alerted"]) == (value, above, False)
    alert = e.FigureAlerted(figure="answer_rate", day=day, rule="R60", value=0.9, bound=0.93, calls=100)
    log.add("figure:answer_rate", alert, at(1))
    assert log.figures(day=str(day))["watched"][0]["alerted"]
    assert log.figures(day="2026-03-03")["watched"] == []


def test_the_service_level_may_differ_by_queue() -> None:
    """R56: a queue with a target of its own is measured by that, the others by the centre's."""
    log = Log()
    log.publish(service_level_s=20, targets=[{"queues": ["VIP"], "service_level_s": 10}])
    for queue in ("VIP", "PS"):
        log.call(f"c-{queue}", queue, (QUEUED, 0), (DEQUEUED, 15), (ANSWERED, 15), (ENDED, 20))
    levels = {queue: it["service_level"] for queue, it in log.figures()["queues"].items()}
    assert levels == {"VIP": 0.0, "PS": 1.0, "all": 0.5}


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["PS", "NW", "IN"]),
        st.integers(0, 3 * 86_400_000),
        st.none() | st.tuples(st.integers(0, 5_000), st.sampled_from([0, 19_999, 20_000, 20_001, 61_003])),
        st.none() | st.integers(0, 600_000),
    ),
    max_size=20,
)


@for_all(CALLS)
def test_figures_equal_a_few_lines_over_the_calls(
    calls: list[tuple[str, int, tuple[int, int] | None, int | None]],
) -> None:
    """Counts are exact and means are the exact quotient, rounded once."""
    log = Log()
    for number, (queue, start, wait, service) in enumerate(calls):
        left = sum(wait) if wait else 1_000
        story: list[tuple[Data, float]] = []
        if wait:
            story += [(QUEUED, wait[0] / 1000), (DEQUEUED, left / 1000)]
        if service is None:
            story += [(ABANDONED, left / 1000)]
        else:
            story += [(ANSWERED, left / 1000), (ENDED, (left + service) / 1000)]
        log.call(f"c{number}", queue, *story, start=at(start / 1000))
    for queue, found in log.figures()["queues"].items():
        mine = [call for call in calls if queue in ("all", call[0])]
        served = [(wait[1] if wait else 0, service) for _, _, wait, service in mine if service is not None]
        assert (found["offered"], found["answered"]) == (len(mine), len(served))
        assert found["abandoned"] == len(mine) - len(served)
        if served:
            assert found["aht_s"] == float(
                Fraction(sum(service for _, service in served), 1000 * len(served))
            )
            assert found["asa_s"] == float(Fraction(sum(waited for waited, _ in served), 1000 * len(served)))
        if mine:
            assert found["service_level"] == sum(waited <= 20_000 for waited, _ in served) / len(mine)


def test_a_month_is_taken_in_within_seconds() -> None:
    """150,000 events of 30,000 calls in one transaction: a second or so, ten at the very most."""
    log = Log()
    events = [f.CallOffered(queue="PS"), QUEUED, DEQUEUED, ANSWERED, ENDED]
    began = time.perf_counter()
    log.db.execute("begin")
    for number in range(30_000):
        for after, event in enumerate(events):
            log.add(f"990201-AA0101-{number * 7919 % 30_000}", event, at(number * 80 + after))
    log.db.execute("commit")
    assert time.perf_counter() - began < 10
    assert log.figures()["queues"]["PS"]["answered"] == 30_000
    assert len(log.figures(by="day")["days"]) == 29 + 1
