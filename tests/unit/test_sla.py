"""Sla: what is due, by when, and how each promise ends, once."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from contracts.commands import DeadlinesQuery
from contracts.deciding import Decision, Input, World
from contracts.protocol import Limits, Protocol
from services.sla import domain
from services.sla.policy import GRACE, is_past
from tests.unit.given import at, given, happen, when

LIMITS = Limits(
    answer_s=8,
    handling_s={"high": 660, "medium": 480, "low": 240},
    handling_warning_s=240,
    retry_s=300,
    contact_s=3600,
)
TIMED = Protocol(name="timed", version=3, limits=LIMITS)
RINGS = Protocol(name="rings", limits=Limits(answer_s=8))
LEVELS = {"low": 240, "medium": 480, "high": 660}

OFFERED, QUEUED, DEQUEUED = f.CallOffered(), f.CallQueued(), f.CallDequeued()
ANSWERED, ABANDONED, ENDED = f.CallAnswered(agent="ana"), f.CallAbandoned(), f.CallEnded()
ASSIGNED, CONTACTED = e.CallAssigned(owner="ana"), e.CallContacted(owner="ana", channel="phone")
CLOSED = e.CallClosed(by="ana")
OTHERS: list[Data] = [
    f.CallHeld(reason="look-up"),
    f.HoldRefreshed(),
    f.CallResumed(),
    f.RequestStated(text="no abre", category="question", product="fibra"),
    f.ContactMade(owner="ana", channel="phone", outcome="reached"),
    f.MessageReceived(channel="email", category="complaint"),
    f.MessageAnswered(by="ana"),
    e.RequestPrioritised(rule="R39", next_step="email_reply", protocol=1),
    e.SupervisorCalled(attempt=1),
    e.EscalationEnded(),
    e.ContactFailed(owner="ana", attempt=1),
    e.AgentReleased(call="c1", wrap_up=True),
    e.TicketRegistered(number=1, category="complaint", need="no abre", call="c1", by="ana"),
    e.TicketStateChanged(state="awaiting_feedback", by="ana"),
    e.TicketResolved(resolution="abierto", by="ana"),
    e.TicketClosed(by="ana"),
    e.TicketReopened(reason="otra vez", by="ana"),
    e.CallbackPromised(rule="R74", protocol=1),
    e.CallbackMade(by="ana"),
]
"""What else is heard, one of each."""


def offer(attempt: int) -> e.OfferMade:
    """The attempt to find an owner."""
    return e.OfferMade(to="ana", desk="front", attempt=attempt)


def assessed(level: Any) -> f.ComplexityAssessed:
    """The complexity becomes known."""
    return f.ComplexityAssessed(complexity=level)


def heard(*story: tuple[Data, float], protocol: Protocol = TIMED) -> World[Any, Any]:
    """The world in which all this was heard, with the seconds at which it occurred."""
    world = given(domain, protocol)
    for body, seconds in story:
        happen(domain, world, when("c1", body, seconds, "event"))
    return world


def hear(world: World[Any, Any], body: Data, seconds: float) -> list[Data]:
    """What is decided on one more."""
    return [event for _, event in happen(domain, world, when("c1", body, seconds, "event"))]


def fire(world: World[Any, Any], seconds: float) -> list[tuple[float, Data]]:
    """Fire what the service's clock allows at this second: the second it was due at, and the event."""
    fired = []
    while (timer := domain.next_timer(world)) and timer[0] <= at(seconds):
        ((_, event),) = happen(domain, world, timer[1])
        fired.append(((timer[1].at - at(0)).total_seconds(), event))
    return fired


def brief(events: list[Data]) -> list[str]:
    """Each event by its verb and deadline."""
    return [
        f"{type(it).__name__.removeprefix('Deadline').lower()} {getattr(it, 'deadline', '')}" for it in events
    ]


def test_a_protocol_without_limits_records_nothing() -> None:
    """Where nothing is to be watched, nothing is recorded."""
    world = given(domain)
    for body in (
        OFFERED,
        QUEUED,
        DEQUEUED,
        ANSWERED,
        assessed("low"),
        offer(1),
        ASSIGNED,
        CONTACTED,
        CLOSED,
        ENDED,
        *OTHERS,
    ):
        assert happen(domain, world, when("c1", body, 10_000, "event")) == []
    assert domain.next_timer(world) is None


def test_a_deadline_says_what_was_promised() -> None:
    """A deadline names rule, beginning, due time, limit, which side of the line, and protocol version."""
    world = given(domain, TIMED)
    assert hear(world, OFFERED, 1) == [
        e.DeadlineSet(
            deadline="answer", rule="R25", since=at(1), due=at(9), limit_s=8, inclusive=False, protocol=3
        )
    ]


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(0, "met"), (7.999, "met"), (8, "breached"), (8.001, "breached")]
)
def test_answer_before_eight_seconds(seconds: float, verdict: str) -> None:
    """R25: 7.999 s is in time, 8.000 s is too late."""
    events = hear(heard((OFFERED, 0)), ANSWERED, seconds)
    assert brief(events) == [f"{verdict} answer", "set handling"]
    if verdict == "met":
        assert events[0] == e.DeadlineMet(deadline="answer", rule="R25", at=at(seconds))
    else:
        assert events[0] == e.DeadlineBreached(deadline="answer", rule="R25", due=at(8))


@pytest.mark.parametrize("gone", [ABANDONED, ENDED])
@pytest.mark.parametrize(("seconds", "verdict"), [(7.999, "cancelled"), (8, "breached")])
def test_abandoned_before_the_answer_was_due(gone: Data, seconds: float, verdict: str) -> None:
    """R25: who hangs up before 8 s has cancelled the promise; from 8.000 s on it was broken."""
    assert brief(hear(heard((OFFERED, 0)), gone, seconds))[0] == f"{verdict} answer"


def test_a_queue_rings_at_nobody() -> None:
    """R25: in the queue nothing is due; out of it eight seconds begin anew."""
    world = heard((OFFERED, 0))
    assert hear(world, QUEUED, 2) == [e.DeadlineCancelled(deadline="answer", rule="R25", reason="queued")]
    assert fire(world, 500) == []
    (anew,) = hear(world, DEQUEUED, 500)
    assert isinstance(anew, e.DeadlineSet)
    assert (anew.deadline, anew.since, anew.due) == ("answer-2", at(500), at(508))
    assert brief(hear(world, ANSWERED, 507.999)) == ["met answer-2", "set handling"]


@pytest.mark.parametrize("protocol", [TIMED, RINGS])
@pytest.mark.parametrize("over", [ANSWERED, ABANDONED, ENDED])
def test_leaving_the_queue_after_all_is_over_promises_nothing(over: Data, protocol: Protocol) -> None:
    """Answered, abandoned or ended while it was queued, a call does not ring when it leaves the queue."""
    world = heard((OFFERED, 0), (QUEUED, 1), (over, 60), protocol=protocol)
    assert hear(world, DEQUEUED, 61) == []


def test_ringing_too_long_before_the_queue_stays_a_breach() -> None:
    """R25: a call that rang eight seconds before it was queued was not answered in time."""
    assert brief(hear(heard((OFFERED, 0)), QUEUED, 8)) == ["breached answer"]


def test_a_queue_left_at_once_rings_anew() -> None:
    """R25: offered, queued and dequeued within one instant, a call is to be answered in eight seconds."""
    world = heard((OFFERED, 0), (QUEUED, 0))
    assert brief(hear(world, DEQUEUED, 0)) == ["set answer-2"]
    assert brief(hear(world, ANSWERED, 60)) == ["breached answer-2", "set handling"]


def test_a_call_that_rang_too_long_before_the_queue_rings_anew_after_it() -> None:
    """R25: the breach stands, whoever found it, and another eight seconds begin when the queue is left."""
    for fired in (True, False):
        world = heard((OFFERED, 0))
        assert bool(fire(world, 9 if fired else 0)) == fired
        hear(world, QUEUED, 10)
        assert brief(hear(world, DEQUEUED, 10)) == ["set answer-2"]


def test_a_timer_waits_for_the_grace_and_dates_from_the_due_time() -> None:
    """The breach is final when the clock has passed due + 1 s, and it occurred when it was due."""
    world = heard((OFFERED, 0))
    assert fire(world, 8.999) == []
    assert fire(world, 9) == [(8, e.DeadlineBreached(deadline="answer", rule="R25", due=at(8)))]
    assert fire(world, 99) == []


def test_what_arrives_after_the_verdict_corrects_it() -> None:
    """An answer at 7 s that is heard after the breach leaves the breach, and a correction beside it."""
    world = heard((OFFERED, 0))
    fire(world, 9)
    events = hear(world, ANSWERED, 7)
    assert events[0] == e.DeadlineCorrected(deadline="answer", rule="R25", verdict="met", at=at(7))
    assert brief(events[1:]) == ["set handling"]


def test_a_late_answer_after_the_verdict_changes_nothing() -> None:
    """A breach that the clock has found is not found again by the answer."""
    world = heard((OFFERED, 0))
    fire(world, 9)
    assert brief(hear(world, ANSWERED, 9)) == ["set handling"]


@pytest.mark.parametrize("level", ["low", "medium", "high"])
@pytest.mark.parametrize(("over", "verdict"), [(-0.001, "met"), (0, "met"), (0.001, "breached")])
def test_handling_limits_are_inclusive(level: str, over: float, verdict: str) -> None:
    """R22: 4, 8 and 11 minutes to the millisecond are kept, one more is not."""
    world = heard((OFFERED, 0), (ANSWERED, 5), (assessed(level), 10))
    assert brief(hear(world, ENDED, 5 + LEVELS[level] + over))[0] == f"{verdict} handling-2"


def test_a_warning_at_four_minutes_breaks_nothing() -> None:
    """R22: while the complexity is not known there is a warning at 4:00 and no breach."""
    world = heard((OFFERED, 0), (ANSWERED, 5))
    assert fire(world, 245.999) == []
    assert fire(world, 246) == [(245, e.DeadlineWarned(deadline="handling", rule="R22", due=at(245)))]
    assert fire(world, 10_000) == []


@pytest.mark.parametrize(("seconds", "first"), [(245, "cancelled handling"), (245.001, "warned handling")])
def test_a_call_that_ends_by_the_warning_cancels_it(seconds: float, first: str) -> None:
    """R22: ended at 4:00.000 nothing is to be warned of; a millisecond later it was."""
    assert brief(hear(heard((OFFERED, 0), (ANSWERED, 5)), ENDED, seconds))[0] == first


def test_the_complexity_counts_from_the_answer() -> None:
    """R22: the running deadline is superseded and the new one runs from the original answer."""
    world = heard((OFFERED, 0), (ANSWERED, 5), (assessed("high"), 30))
    cancelled, anew = hear(world, assessed("medium"), 100)
    assert cancelled == e.DeadlineCancelled(deadline="handling-2", rule="R22", reason="superseded")
    assert isinstance(anew, e.DeadlineSet)
    assert (anew.deadline, anew.since, anew.due, anew.limit_s) == ("handling-3", at(5), at(485), 480)


def test_a_complexity_found_before_the_answer_is_remembered() -> None:
    """R22: the latest one said before somebody answers sets the first limit, from the answer."""
    world = heard((OFFERED, 0), (assessed("high"), 1))
    assert hear(world, assessed("low"), 2) == [e.ComplexityNoted(complexity="low")]
    assert hear(world, assessed("low"), 3) == []
    anew = [event for event in hear(world, ANSWERED, 5) if isinstance(event, e.DeadlineSet)]
    assert [(each.deadline, each.warning, each.due) for each in anew] == [("handling", False, at(245))]
    assert brief(hear(heard((OFFERED, 0), (ABANDONED, 4)), assessed("low"), 5)) == []


def test_the_same_level_again_is_nothing() -> None:
    """R22: an assessment that changes nothing leads to nothing."""
    world = heard((OFFERED, 0), (ANSWERED, 5), (assessed("high"), 30))
    assert hear(world, assessed("high"), 40) == []


@pytest.mark.parametrize(
    ("seconds", "events"),
    [
        (245, ["cancelled handling-2", "set handling-3"]),
        (245.001, ["cancelled handling-2", "set handling-3", "breached handling-3"]),
    ],
)
def test_reassessed_when_already_past(seconds: float, events: list[str]) -> None:
    """R22: if the new limit has passed already it is breached at once; at the very limit it runs."""
    world = heard((OFFERED, 0), (ANSWERED, 5), (assessed("high"), 30))
    assert brief(hear(world, assessed("low"), seconds)) == events


def test_an_earlier_breach_stands() -> None:
    """R22: reassessed after a breach, a new deadline runs beside it."""
    world = heard((OFFERED, 0), (ANSWERED, 5), (assessed("low"), 30))
    assert brief([event for _, event in fire(world, 300)]) == ["breached handling-2"]
    assert brief(hear(world, assessed("high"), 301)) == ["set handling-3"]
    assert brief(hear(world, ENDED, 665)) == ["met handling-3"]


@pytest.mark.parametrize("before", [(), ((assessed("low"), 30.0),)])
def test_what_is_known_only_after_the_call_sets_nothing(before: tuple[tuple[Data, float], ...]) -> None:
    """R22: a call that is over cannot become late by an assessment afterwards, whatever came before."""
    world = heard((OFFERED, 0), (ANSWERED, 5), *before)
    fire(world, 300)
    assert hear(world, ENDED, 310) == [e.StageEnded(stage="handling")]
    assert hear(world, assessed("high"), 320) == []


def test_without_a_time_for_the_warning_the_shortest_limit_warns() -> None:
    """R22: a protocol with handling limits alone still remembers the answer, and warns at the shortest."""
    short = Protocol(name="short", limits=Limits(handling_s={"high": 660, "medium": 480}))
    (warning,) = hear(heard((OFFERED, 0), protocol=short), ANSWERED, 0)
    assert isinstance(warning, e.DeadlineSet)
    assert (warning.warning, warning.limit_s) == (True, 480)


def test_somebody_is_asked_again_until_someone_takes_the_call() -> None:
    """R11: each offer has its own time; a further one supersedes it and the owner ends it."""
    world = given(domain, TIMED)
    assert brief(hear(world, offer(1), 0)) == ["set retry-1"]
    assert brief(hear(world, offer(2), 100)) == ["cancelled retry-1", "set retry-2"]
    assert fire(world, 401) == [(400, e.DeadlineBreached(deadline="retry-2", rule="R11", due=at(400)))]
    assert brief(hear(world, offer(3), 400)) == ["set retry-3"]
    assert brief(hear(world, ASSIGNED, 700)) == ["met retry-3", "set contact"]


@pytest.mark.parametrize(("seconds", "verdict"), [(300, "met"), (300.001, "breached")])
def test_a_retry_is_due_inclusively(seconds: float, verdict: str) -> None:
    """R11: an owner at the very instant is in time."""
    assert brief(hear(heard((offer(1), 0)), ASSIGNED, seconds))[0] == f"{verdict} retry-1"


@pytest.mark.parametrize(("seconds", "verdict"), [(3610, "met"), (3610.001, "breached")])
def test_another_owner_keeps_the_due_time(seconds: float, verdict: str) -> None:
    """R13: reassignment does not move the contact that is due, which is inclusive."""
    world = heard((ASSIGNED, 10))
    assert hear(world, e.CallAssigned(owner="eva"), 3000) == []
    assert brief(hear(world, CONTACTED, seconds)) == [f"{verdict} contact"]


def test_a_contact_heard_late_is_a_correction() -> None:
    """R13: a contact in time that is heard after the verdict corrects it, once."""
    world = heard((ASSIGNED, 0))
    assert brief([event for _, event in fire(world, 4000)]) == ["breached contact"]
    assert brief(hear(world, CONTACTED, 3500)) == ["corrected contact"]
    assert hear(world, CONTACTED, 3500) == []


def test_a_closed_matter_has_nothing_due() -> None:
    """What still runs of the search for an owner and the contact is cancelled when the matter is closed."""
    world = heard((ASSIGNED, 0), (offer(1), 5))
    assert brief(hear(world, CLOSED, 10)) == ["cancelled retry-1", "cancelled contact"]
    assert domain.closed(world.aggregates["assignment:c1"])


def test_the_matter_outlives_the_call() -> None:
    """R13: the end of the call leaves the contact due."""
    world = heard((OFFERED, 0), (ANSWERED, 5), (ASSIGNED, 60))
    assert brief(hear(world, ENDED, 100)) == ["cancelled handling"]
    assert domain.closed(world.aggregates["c1"])
    assert not domain.closed(world.aggregates["assignment:c1"])


def test_timers_come_in_order_of_due_time() -> None:
    """The earliest of all calls is next, and what has ended is passed over."""
    world = given(domain, TIMED)
    for call, seconds in (("c3", 3), ("c1", 1), ("c2", 2)):
        happen(domain, world, when(call, OFFERED, seconds))
    happen(domain, world, when("c2", ABANDONED, 4))
    order = []
    while timer := domain.next_timer(world):
        assert timer[0] == timer[1].at + GRACE
        order.append((timer[1].id, timer[1].key))
        happen(domain, world, timer[1])
    assert order == [("c1", "c1.answer"), ("c3", "c3.answer")]


def test_a_call_read_back_disturbs_no_timer() -> None:
    """A call that left memory and is folded again from its events has no timer of what has ended."""
    world = given(domain, TIMED)
    events = hear(world, OFFERED, 0) + hear(world, ABANDONED, 3)
    del world.aggregates["c1"]
    assert domain.next_timer(world) is None
    for event in events:
        world.evolve(domain.evolve, "c1", event, at(0))
    assert domain.next_timer(world) is None


def test_deadlines_can_be_asked_for() -> None:
    """Of a call all deadlines are told, without a call those that run, by due time."""
    world = heard((OFFERED, 0), (ANSWERED, 5), (ASSIGNED, 6))
    happen(domain, world, when("c2", OFFERED, 100))
    of_call = domain.deadlines(world, DeadlinesQuery(call="c1"))["deadlines"]
    assert [(it["deadline"], it["state"]) for it in of_call] == [
        ("answer", "met"),
        ("handling", "running"),
        ("contact", "running"),
    ]
    assert [it["about"] for it in of_call] == ["c1", "c1", "assignment:c1"]
    running = domain.deadlines(world, DeadlinesQuery())["deadlines"]
    assert [(it["call"], it["due"]) for it in running] == [
        ("c2", "2026-03-02T09:01:48Z"),
        ("c1", "2026-03-02T09:04:05Z"),
        ("c1", "2026-03-02T10:00:06Z"),
    ]
    assert domain.deadlines(world, DeadlinesQuery(call="nobody")) == {"deadlines": []}


def test_the_world_survives_a_checkpoint() -> None:
    """What is remembered can be written down and read back with its timers."""
    world = pickle.loads(pickle.dumps(heard((OFFERED, 0))))
    assert fire(world, 9) != []


BODIES = st.one_of(
    st.sampled_from([OFFERED, QUEUED, DEQUEUED, ANSWERED, ABANDONED, ENDED, ASSIGNED, CONTACTED, CLOSED]),
    st.sampled_from(["low", "medium", "high"]).map(assessed),
    st.integers(1, 4).map(offer),
)
STEPS = st.lists(
    st.tuples(
        BODIES,
        st.sampled_from([0, 0.001, 1, 7.999, 8, 60, 239.999, 240, 300, 3600]),
        st.sampled_from([0, 0, 0, 0.5, 1, 5, 300]),
    ),
    max_size=25,
)
ENDS = (e.DeadlineMet, e.DeadlineBreached, e.DeadlineCancelled, e.DeadlineWarned)


@for_all(STEPS, st.sampled_from([TIMED, RINGS]))
def test_every_deadline_ends_once_and_on_the_right_side(
    steps: list[tuple[Data, float, float]], protocol: Protocol
) -> None:
    """Whatever is heard, in whatever order and however late: one end each, judged by when things happened.

    A promise is never found broken before it is due nor kept after it, and hearing the same again is nothing.
    """
    world, clock = given(domain, protocol), 0.0
    told: list[tuple[Input, Decision]] = []

    def tell(input: Input) -> None:
        told.append((input, happen(domain, world, input)))
        assert domain.decide(world, input) == []

    for body, later, delay in steps:
        clock += later
        while (timer := domain.next_timer(world)) and timer[0] <= at(clock):
            tell(timer[1])
        tell(when("c1", body, max(0, clock - delay), "event"))
    while timer := domain.next_timer(world):
        tell(timer[1])

    made: dict[str, e.DeadlineSet] = {}
    ends: dict[str, Data] = {}
    corrected: set[str] = set()
    for cause, decision in told:
        assert cause.kind == "event" or len(decision) == 1
        for _, event in decision:
            if isinstance(event, e.DeadlineSet):
                assert event.deadline not in made
                made[event.deadline] = event
            elif isinstance(event, ENDS):
                promise = made[event.deadline]
                assert event.deadline not in ends
                ends[event.deadline] = event
                late = is_past(promise.due, promise.inclusive, cause.at)
                if isinstance(event, e.DeadlineMet | e.DeadlineCancelled):
                    assert not late
                else:
                    assert late or (cause.kind == "timer" and cause.at == promise.due)
                assert isinstance(event, e.DeadlineWarned) <= promise.warning
                assert isinstance(event, e.DeadlineBreached) <= (not promise.warning)
            elif isinstance(event, e.DeadlineCorrected):
                assert event.deadline not in corrected
                corrected.add(event.deadline)
                assert isinstance(ends[event.deadline], e.DeadlineBreached | e.DeadlineWarned)
                assert not is_past(made[event.deadline].due, made[event.deadline].inclusive, event.at)
    assert made.keys() == ends.keys()
