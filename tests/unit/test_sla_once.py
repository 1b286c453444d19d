"""Sla: whatever is heard, each deadline ends exactly once, on the right side, and nothing runs for ever."""

from __future__ import annotations

from typing import Any

from hypothesis import given as for_all
from hypothesis import strategies as st

from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from contracts.deciding import Decision, Input
from contracts.protocol import Limits, Target, Watched
from services.sla import domain
from services.sla.policy import is_past
from tests.unit.given import at, given, happen, when
from tests.unit.test_sla import OTHERS
from tests.unit.test_sla_calls import TALKS
from tests.unit.test_sla_cases import OFFICE

EVERYTHING = OFFICE.model_copy(
    update={
        "name": "everything",
        "lines": TALKS.lines,
        "targets": (Target(queues=("main",), answer_s=5), Target(products=("fibra",), handling_s=60)),
        "watched": (
            Watched(figure="premium_aht", rule="R59", bound=180),
            Watched(figure="answer_rate", rule="R60", bound=0.93),
        ),
        "limits": Limits(
            **{
                **TALKS.limits.model_dump(exclude_none=True),
                **OFFICE.limits.model_dump(exclude_none=True),
                "hold_s": 120,
                "hold_warning_s": 10,
            }
        ),
    }
)
CALL, CASE = "c1", "ticket:1"
TICKETS = ("TicketRegistered", "TicketStateChanged", "TicketResolved", "TicketClosed", "TicketReopened")


def about(body: Data) -> str:
    """What an event is about."""
    name = type(body).__name__
    if name in TICKETS:
        return CASE
    if name.startswith("Message"):
        return "message:m1"
    return "agent:ana" if name == "AgentReleased" else CALL


def bodies() -> st.SearchStrategy[Data]:
    """One of what may be heard."""
    calls: list[Data] = [
        f.CallOffered(to="+34807123456"),
        f.CallQueued(),
        f.CallDequeued(),
        f.CallAnswered(agent="ana"),
        f.CallAbandoned(),
        f.CallEnded(),
        *(f.ComplexityAssessed(complexity=level) for level in ("low", "high")),  # type: ignore[arg-type]
        *(e.OfferMade(to=to, desk="front", attempt=n) for to in ("ana", None) for n in (1, 2)),
        e.CallUnassigned(desk="front", priority=5, protocol=1),
        e.CallAssigned(owner="ana"),
        e.CallContacted(owner="ana", channel="phone"),
        e.CallClosed(by="ana"),
        e.TicketStateChanged(state="in_progress", by="ana"),
    ]
    return st.sampled_from([*calls, *OTHERS])


STEPS = st.lists(
    st.tuples(
        bodies(),
        st.sampled_from([0, 0.001, 1, 7.999, 60, 120, 180, 300, 7_200, 86_400]),
        st.sampled_from([0, 0, 0, 0.5, 1, 60]),
    ),
    max_size=30,
)
ENDS = (e.DeadlineMet, e.DeadlineBreached, e.DeadlineCancelled)


@for_all(STEPS)
def test_every_promise_ends_once_and_on_the_right_side(steps: list[tuple[Data, float, float]]) -> None:
    """Clocks of calls, holds, owners, cases and messages: one end each, one event a timer, and then all is quiet."""
    world, clock = given(domain, EVERYTHING), 0.0
    told: list[tuple[Input, Decision]] = []
    keys: list[str] = []

    def pass_time(until: float | None) -> None:
        while (timer := domain.next_timer(world)) and (until is None or timer[0] <= at(until)):
            keys.append(timer[1].key)
            told.append((timer[1], happen(domain, world, timer[1])))
            assert len(told[-1][1]) == 1

    for body, later, delay in steps:
        clock += later
        pass_time(clock)
        input = when(about(body), body, max(0, clock - delay), "event")
        told.append((input, happen(domain, world, input)))
    pass_time(None)
    assert len(keys) == len(set(keys)), "a timer fires once"
    for id, promises in world.aggregates.items():
        waits = isinstance(promises, domain.Promises) and any(
            it.state == "paused" for it in promises.deadlines
        )
        assert domain.closed(promises) or waits or id.startswith("figure:")
    _check(told)


def _check(told: list[tuple[Input, Decision]]) -> None:
    made: dict[tuple[str, str], Any] = {}
    ended: dict[tuple[str, str], Any] = {}
    for cause, decision in told:
        for id, event in decision:
            key = (id, getattr(event, "deadline", ""))
            if isinstance(event, e.DeadlineSet):
                assert key not in made
                made[key] = event
            elif isinstance(event, e.DeadlineResumed):
                made[key] = made[key].model_copy(update={"due": event.due})
            elif isinstance(event, ENDS) or (isinstance(event, e.DeadlineWarned) and made[key].warning):
                assert key not in ended
                ended[key] = event
                late = is_past(made[key].due, made[key].inclusive, cause.at)
                broken = isinstance(event, e.DeadlineBreached | e.DeadlineWarned)
                timely = cause.kind == "timer" and cause.at == made[key].due
                assert broken == late or (broken and timely) or _paused(told, key)
            elif isinstance(event, e.DeadlineWarned):
                assert key not in ended
                assert event.due < made[key].due
            elif isinstance(event, e.DeadlineCorrected):
                assert isinstance(ended[key], e.DeadlineBreached | e.DeadlineWarned)
                assert not is_past(made[key].due, made[key].inclusive, event.at)
            elif isinstance(event, e.DeadlineEscalated):
                assert isinstance(ended[key], e.DeadlineBreached)
    open_ = made.keys() - ended.keys()
    assert all(_paused(told, key) for key in open_)


def _paused(told: list[tuple[Input, Decision]], key: tuple[str, str]) -> bool:
    return any(
        isinstance(event, e.DeadlinePaused) and (id, event.deadline) == key
        for _, decision in told
        for id, event in decision
    )
