"""Sla, the clocks of a call: both sides of every limit, holds mark by mark, and the figures that alert."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from contracts.protocol import Limits, Line, Protocol, Target, Watched
from services.sla import domain
from tests.unit.given import at, happen, when
from tests.unit.promised import hear, heard, pass_until

OFFERED, ANSWERED, ENDED = f.CallOffered(to="+34807123456"), f.CallAnswered(agent="ana"), f.CallEnded()
ABANDONED, HELD, REFRESHED, RESUMED = f.CallAbandoned(), f.CallHeld(), f.HoldRefreshed(), f.CallResumed()
REGISTERED = e.TicketRegistered(number=1, category="question", need="no abre", call="c1", by="ana")
TALKS = Protocol(
    name="talks",
    limits=Limits(
        answer_s=8,
        handling_s={"high": 660, "medium": 480, "low": 240},
        premium_handling_s=180,
        simple_question_s=300,
    ),
    lines=(
        Line(
            number="+34807",
            line="sales_only",
            premium=True,
            never=("after_sales",),
            instead="+34931234567",
        ),
        Line(number="+3493", line="geographic"),
    ),
)
HOLDS = Protocol(name="holds", limits=Limits(answer_s=8, hold_s=120, hold_warning_s=10))


def on_hold() -> Any:
    """A call that was put on hold a minute after the answer; seconds are counted from the hold."""
    return heard(HOLDS, (OFFERED, -70), (ANSWERED, -65), (HELD, 0))


# R71, R59 and R22 together


def test_every_limit_is_its_own_deadline_the_strictest_first() -> None:
    """R59 warns at 3:00, R22 at 4:00, R71 is due at 5:00: independent, and set in that order."""
    world = heard(TALKS, (OFFERED, 0))
    assert hear(world, ANSWERED, 5) == ["met answer", "set premium", "set handling", "set ticket"]
    assert hear(world, f.ComplexityAssessed(complexity="high"), 30) == [
        "cancelled handling superseded",
        "set handling-2",
    ]
    assert pass_until(world, 10_000) == [
        "185 warned premium",
        "305 breached ticket",
        "665 breached handling-2",
    ]


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(300, "cancelled ticket ended"), (300.001, "breached ticket")]
)
def test_a_call_of_five_minutes_owes_no_ticket(seconds: float, verdict: str) -> None:
    """R71: at 5:00.000 of call none is owed, at 5:00.001 it is."""
    world = heard(TALKS, (f.CallOffered(), 0), (ANSWERED, 0))
    assert verdict in hear(world, ENDED, seconds)


@pytest.mark.parametrize(("seconds", "verdict"), [(300, "met ticket"), (300.001, "breached ticket")])
def test_a_ticket_within_five_minutes_settles_it(seconds: float, verdict: str) -> None:
    """R71: registered at 5:00.000 it was in time."""
    world = heard(TALKS, (OFFERED, 0), (ANSWERED, 0))
    assert hear(world, REGISTERED, seconds, "ticket:1") == [verdict]


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(180, "cancelled premium ended"), (180.001, "warned premium")]
)
def test_a_premium_call_warns_after_three_minutes(seconds: float, verdict: str) -> None:
    """R59: up to 3:00.000 nothing, from then on a warning, never a breach."""
    world = heard(TALKS, (OFFERED, 0), (ANSWERED, 0))
    assert verdict in hear(world, ENDED, seconds)


def test_other_lines_have_no_premium_clock() -> None:
    """R59: who does not pay by the minute is not watched."""
    world = heard(TALKS, (f.CallOffered(to="+34931234567"), 0))
    assert "set premium" not in hear(world, ANSWERED, 5)


# R56

LEVELS = Protocol(
    name="levels",
    limits=Limits(answer_s=8),
    targets=(
        Target(queues=("vip",), answer_s=5),
        Target(products=("fibra",), handling_s=120),
        Target(products=("tv",), handling_s=60),
    ),
)


@pytest.mark.parametrize(
    ("seconds", "verdicts"),
    [(5, ["met answer", "met answer-target"]), (5.001, ["met answer", "breached answer-target"])],
)
def test_the_target_of_a_queue_stands_beside_the_limit(seconds: float, verdicts: list[str]) -> None:
    """R56: the target of 5 s is kept at 5.000 and not at 5.001; R25 has its own verdict."""
    world = heard(LEVELS)
    assert hear(world, f.CallOffered(queue="vip"), 0) == ["callwatched", "set answer-target", "set answer"]
    assert hear(world, ANSWERED, seconds)[:2] == verdicts
    assert hear(world, f.CallOffered(queue="main"), 0, "c2") == ["callwatched", "set answer"]


def stated(product: str) -> f.RequestStated:
    """The caller asks about a product."""
    return f.RequestStated(text="no abre", category="question", product=product)


@pytest.mark.parametrize(("over", "verdict"), [(0, "met"), (0.001, "breached")])
def test_the_target_of_a_product_counts_from_the_answer(over: float, verdict: str) -> None:
    """R56: known when the request is stated, inclusive, and another product has another."""
    world = heard(LEVELS, (OFFERED, 0), (ANSWERED, 5))
    assert hear(world, stated("fijo"), 10) == []
    assert hear(world, stated("fibra"), 10) == ["set handling-target"]
    assert hear(world, stated("fibra"), 12) == []
    assert hear(world, stated("tv"), 20) == ["cancelled handling-target superseded", "set handling-target-2"]
    assert f"{verdict} handling-target-2" in hear(world, ENDED, 65 + over)


def test_a_product_known_too_late_is_broken_at_once() -> None:
    """R56: if its target has passed already the promise is set and broken."""
    world = heard(LEVELS, (OFFERED, 0), (ANSWERED, 5))
    assert hear(world, stated("tv"), 65.001) == ["set handling-target", "breached handling-target"]


# R19


@pytest.mark.parametrize(
    ("seconds", "events"),
    [
        (119.999, ["met hold", "set hold-2"]),
        (120, ["met hold", "set hold-2"]),
        (120.001, ["breached hold", "set hold-2", "met hold-2", "set hold-3"]),
    ],
)
def test_a_refresh_at_two_minutes_is_in_time(seconds: float, events: list[str]) -> None:
    """R19: at exactly 2:00.000 it meets the mark; later the mark was missed, and the next counts from the refresh."""
    world = on_hold()
    assert hear(world, REFRESHED, seconds) == events
    last = world.aggregates["c1"].last("hold")
    assert (last.since, last.due) == (at(seconds), at(seconds + 120))


@pytest.mark.parametrize(
    ("seconds", "events"),
    [
        (120, ["cancelled hold resumed"]),
        (120.001, ["breached hold", "set hold-2", "cancelled hold-2 resumed"]),
    ],
)
def test_resumed_by_the_mark_none_is_owed(seconds: float, events: list[str]) -> None:
    """R19: resumed at 2:00.000 the mark is cancelled, a millisecond later it was missed."""
    world = on_hold()
    assert hear(world, RESUMED, seconds) == events
    assert domain.next_timer(world) is None


def test_marks_missed_follow_each_other() -> None:
    """R19: a warning before each mark, and the next mark two minutes after the missed one."""
    world = on_hold()
    assert pass_until(world, 300) == [
        "110 warned hold",
        "120 breached hold",
        "120 set hold-2",
        "230 warned hold-2",
        "240 breached hold-2",
        "240 set hold-3",
    ]
    assert hear(world, REFRESHED, 305) == ["met hold-3", "set hold-4"]
    assert world.aggregates["c1"].last("hold").due == at(425)
    assert hear(world, f.CallTransferred(to="eva", mode="blind"), 310) == []
    assert hear(world, ENDED, 400) == ["cancelled hold-4 ended", "stageended handling"]


@pytest.mark.parametrize(
    ("late", "events"),
    [
        (REFRESHED, ["corrected hold met", "cancelled hold-2 superseded", "set hold-3"]),
        (RESUMED, ["cancelled hold-2 resumed", "corrected hold cancelled"]),
    ],
)
def test_what_is_heard_of_late_corrects_the_mark(late: Data, events: list[str]) -> None:
    """R19: a refresh or an end of the hold at 1:59 that is heard of after the verdict."""
    world = on_hold()
    pass_until(world, 121)
    assert hear(world, late, 119) == events


def test_a_second_hold_has_marks_of_its_own() -> None:
    """R19: after the caller was back, two minutes count from the new hold; holding twice is one hold."""
    world = on_hold()
    assert hear(world, HELD, 30) == []
    hear(world, RESUMED, 60)
    assert hear(world, HELD, 100) == ["set hold-2"]
    assert world.aggregates["c1"].last("hold").due == at(220)


def test_a_mark_set_too_soon_is_not_taken_for_a_later_one() -> None:
    """R19: marks need not be set in the order of their times; a refresh ends the one that runs, once."""
    world = on_hold()
    pass_until(world, 121)
    assert hear(world, RESUMED, 20) == ["cancelled hold-2 resumed", "corrected hold cancelled"]
    assert hear(world, HELD, 90) == ["set hold-3"]
    assert hear(world, REFRESHED, 110) == ["met hold-3", "set hold-4"]


def test_nobody_is_waited_for_for_ever() -> None:
    """R19: a call of which nothing is heard any more stops missing marks."""
    world = on_hold()
    missed = [it for it in pass_until(world, 10**7) if "breached" in it]
    assert len(missed) == 100
    assert hear(world, ENDED, 10**7) == ["stageended handling"]


def test_the_version_that_a_call_began_with_stays() -> None:
    """A protocol published in mid-call counts for the next call; one without clocks has none to the end."""
    world = heard(HOLDS, (OFFERED, 0), (ANSWERED, 5))
    strict = Protocol(name="strict", version=2, limits=Limits(hold_s=60))
    world.versions = {1: HOLDS, 2: strict}
    world.protocol = strict
    hear(world, HELD, 10)
    assert world.aggregates["c1"].last("hold").due == at(130)
    assert hear(world, HELD, 10, "began-under-nothing") == []
    hear(world, f.CallOffered(protocol=1), 20, "c2")
    hear(world, ANSWERED, 21, "c2")
    hear(world, HELD, 30, "c2")
    assert world.aggregates["c2"].last("hold").due == at(150)


# R59 and R60: figures that alert

WATCHES = Protocol(
    name="watches",
    timezone="Europe/Madrid",
    lines=TALKS.lines,
    watched=(
        Watched(figure="premium_aht", rule="R59", bound=180),
        Watched(figure="answer_rate", rule="R60", bound=0.93, reported_above=0.95, least=100),
    ),
)


def call(world: Any, id: str, length: float, start: float = 0) -> list[str]:
    """A call on a premium line that takes so long; what its end leads to."""
    hear(world, OFFERED, start, id)
    hear(world, ANSWERED, start + 3, id)
    return hear(world, ENDED, start + 3 + length, id)


def test_a_mean_of_three_minutes_is_fine() -> None:
    """R59: 180.000 on average does not alert, a millisecond more does, and it recovers; one long call is no breach."""
    world = heard(WATCHES)
    assert call(world, "a", 200) == ["stageended handling", "counted premium_aht", "alerted premium_aht"]
    assert call(world, "b", 160) == ["stageended handling", "counted premium_aht", "recovered premium_aht"]
    assert call(world, "c", 180.003)[1:] == ["counted premium_aht", "alerted premium_aht"]
    assert call(world, "d", 180)[1:] == ["counted premium_aht"]
    world = heard(WATCHES)
    call(world, "a", 180.001)
    happen(domain, world, when("b", OFFERED, 0, "event"))
    assert call(world, "c", 179.999)[1:] == ["counted premium_aht", "recovered premium_aht"]


def test_each_day_begins_anew() -> None:
    """R59: the mean is that of a day in the centre's time zone."""
    world = heard(WATCHES)
    call(world, "a", 500)
    assert call(world, "b", 100, start=86_400)[1:] == ["counted premium_aht"]
    figure = world.aggregates["figure:premium_aht"]
    assert [(str(day), calls, alerted) for day, calls, _, alerted in figure.days] == [
        ("2026-03-02", 1, True),
        ("2026-03-03", 1, False),
    ]
    assert not domain.closed(figure)


@pytest.mark.parametrize(
    ("answered", "of", "alerts"), [(93, 100, 0), (92, 100, 1), (9_299, 10_000, 1), (96, 100, 0)]
)
def test_the_answer_rate_has_a_floor(answered: int, of: int, alerts: int) -> None:
    """R60: 93.00 % is fine, less alerts, and above the range nothing does."""
    protocol = WATCHES.model_copy(
        update={"watched": (Watched(figure="answer_rate", rule="R60", bound=0.93, least=of),)}
    )
    world, found = heard(protocol), list[str]()
    for number in range(of):
        happen(domain, world, when(f"c{number}", OFFERED, number, "event"))
        body = ANSWERED if number < answered else ABANDONED
        decided = happen(domain, world, when(f"c{number}", body, number + 1, "event"))
        found += [type(event).__name__ for _, event in decided]
    assert found.count("FigureCounted") == of
    assert found.count("FigureAlerted") == alerts
