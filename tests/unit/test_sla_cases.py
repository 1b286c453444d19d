"""Sla, promises about cases and messages, owners, supervisors and blocks: both sides of each due time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from contracts.commands import DeadlinesQuery
from contracts.protocol import Calendar, Limits, Promise, Protocol
from eventlog.codec import Message
from eventlog.decider import Arrival
from services.seat import place_of
from services.sla import domain
from services.sla.app import SERVICE
from tests.unit.given import START, at
from tests.unit.promised import hear, heard, pass_until

HOUR, DAY = 3600, 86_400
WEEK = Calendar(
    version=4,
    timezone="UTC",
    slots=dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), ("09:00-13:00", "15:00-18:00")),
)
PROMISES = (
    Promise(name="e-mail", rule="R61", about="message", channels=("email",), calendar="office", end_of="day"),
    Promise(name="step", rule="R39", about="next_step", calendar="office", end_of="shift"),
    Promise(
        name="complaint-reply",
        rule="R62",
        categories=("complaint",),
        calendar="office",
        within_s=10 * HOUR,
        met_by="reply_formalised",
        warn_s=4 * HOUR,
        escalate_s=(2 * HOUR, 9 * HOUR),
    ),
    Promise(name="resolution", rule="R23", calendar="office", within_s=2 * HOUR),
    Promise(name="plain", rule="R63", categories=("error",), within_s=60, pauses=False),
)
OFFICE = Protocol(
    name="office",
    calendars={"office": WEEK},
    promises=PROMISES,
    limits=Limits(
        callback_s=900,
        next_step_s={"email_reply": 600},
        offer_s=20,
        retry_s=300,
        contact_s=3600,
        contact_retry_s=600,
        supervisor_s=120,
        wrap_up_s=15,
    ),
)
T1, MATTER, ASSIGNMENT = "ticket:1", "matter:c1", "assignment:c1"
REGISTERED = e.TicketRegistered(number=1, category="complaint", need="no abre", channel="post", by="ana")
QUESTION = e.TicketRegistered(number=1, category="question", need="no abre", by="ana")
RESOLVED, CLOSED = e.TicketResolved(resolution="abierto", by="ana"), e.TicketClosed(by="ana")
REOPENED = e.TicketReopened(reason="otra vez", by="ana")
WAITS, GOES_ON = (
    e.TicketStateChanged(state="awaiting_feedback", by="ana"),
    e.TicketStateChanged(state="in_progress", by="ana"),
)
REPLIED = e.ComplaintReplyFormalised(text="lo sentimos", channel="post", reference="7", by="ana")
RECEIVED = f.MessageReceived(channel="email", category="information")
ANSWERED = f.MessageAnswered(by="ana")


def deadline(world: Any, id: str, name: str) -> Any:
    """The deadline as it stands."""
    return world.aggregates[id].named(name)


# R61; START is Monday at 9:00


@pytest.mark.parametrize(
    ("received", "due"),
    [(0, 9 * HOUR), (5 * HOUR, 9 * HOUR), (9 * HOUR - 0.001, 9 * HOUR), (9 * HOUR, 33 * HOUR)],
)
def test_an_e_mail_is_answered_the_same_day(received: float, due: float) -> None:
    """R61: by the end of the day that is or still gets open; at closing time that is the next day."""
    world = heard(OFFICE, (RECEIVED, received, "message:m1"))
    assert deadline(world, "message:m1", "e-mail").due == at(due)
    assert deadline(world, "message:m1", "e-mail").calendar == "office@4"


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(9 * HOUR, "met e-mail"), (9 * HOUR + 0.001, "breached e-mail")]
)
def test_an_answer_by_the_end_of_the_day_is_in_time(seconds: float, verdict: str) -> None:
    """R61: at 18:00.000 it is; other channels are promised nothing."""
    world = heard(OFFICE, (RECEIVED, 0, "message:m1"))
    assert hear(world, ANSWERED, seconds, "message:m1") == [verdict]
    assert hear(world, f.MessageReceived(channel="post", category="information"), 0, "message:m2") == []


# R62 and promises about cases


DUE = DAY + 3 * HOUR


@pytest.mark.parametrize(
    ("seconds", "verdicts"),
    [
        (DUE, ["met complaint-reply"]),
        (DUE + 0.001, ["breached complaint-reply", "stageended escalation"]),
    ],
)
def test_the_reply_to_a_complaint_is_due_in_open_time(seconds: float, verdicts: list[str]) -> None:
    """R62: ten open hours from Monday 9:00 end on Tuesday at 12:00, whatever the channel."""
    world = heard(OFFICE)
    assert hear(world, REGISTERED, 0, T1) == ["set resolution", "set complaint-reply"]
    assert deadline(world, T1, "complaint-reply").due == at(DUE)
    assert hear(world, REPLIED, seconds, T1) == verdicts


def test_a_promise_warns_breaks_and_escalates_in_order_of_time() -> None:
    """A warning before the breach, then each level of the line, in open time; one event each, a key of its own."""
    world = heard(OFFICE, (REGISTERED, 0, T1), (RESOLVED, 60, T1))
    keys = []
    fired = []
    while timer := domain.next_timer(world):
        keys.append(timer[1].key)
        fired += pass_until(world, (timer[0] - START).total_seconds())
    assert fired == [
        f"{8 * HOUR} warned complaint-reply",
        f"{DUE} breached complaint-reply",
        f"{DUE + 4 * HOUR} escalated complaint-reply 1",
        f"{2 * DAY + 7 * HOUR} escalated complaint-reply 2",
    ]
    name = "ticket:1.complaint-reply"
    assert keys == [f"{name}.warn", name, f"{name}.escalate-1", f"{name}.escalate-2"]
    assert domain.closed(world.aggregates[T1])


@pytest.mark.parametrize("done", [REPLIED, CLOSED, e.TicketMerged(into=2, by="ana")])
def test_what_is_done_late_escalates_no_further(done: Data) -> None:
    """The next level hears nothing of what was done, or is not wanted any more."""
    world = heard(OFFICE, (REGISTERED, 0, T1), (RESOLVED, 60, T1))
    pass_until(world, DUE + 60)
    assert hear(world, done, DUE + 90, T1) == ["stageended escalation"]
    assert domain.next_timer(world) is None


@pytest.mark.parametrize(
    ("resolved", "verdict"), [(5 * HOUR, "met resolution"), (5 * HOUR + 0.001, "breached resolution")]
)
def test_time_stands_still_while_the_client_is_asked(resolved: float, verdict: str) -> None:
    """An open hour left at 10:00 is an open hour left at 12:30: the lunch break does not count."""
    world = heard(OFFICE, (QUESTION, 0, T1))
    assert hear(world, WAITS, HOUR, T1) == ["paused resolution awaiting_feedback"]
    assert pass_until(world, 3 * HOUR) == []
    assert deadline(world, T1, "resolution").left_s == HOUR
    assert domain.deadlines(world, DeadlinesQuery())["deadlines"][0]["state"] == "paused"
    assert hear(world, GOES_ON, 3.5 * HOUR, T1) == ["resumed resolution"]
    assert deadline(world, T1, "resolution").due == at(6.5 * HOUR)
    assert hear(world, RESOLVED, resolved + 1.5 * HOUR, T1) == [verdict]


def test_a_pause_moves_warning_and_escalation_too() -> None:
    """Paused at 9:30 with nine and a half hours left, and resumed a day later, everything comes that day later."""
    world = heard(OFFICE, (REGISTERED, 0, T1), (RESOLVED, 60, T1))
    assert hear(world, WAITS, HOUR / 2, T1) == ["paused complaint-reply awaiting_feedback"]
    assert hear(world, GOES_ON, DAY + HOUR / 2, T1) == ["resumed complaint-reply"]
    assert pass_until(world, 5 * DAY) == [
        f"{DAY + 8 * HOUR} warned complaint-reply",
        f"{2 * DAY + 3 * HOUR} breached complaint-reply",
        f"{2 * DAY + 7 * HOUR} escalated complaint-reply 1",
        f"{3 * DAY + 7 * HOUR} escalated complaint-reply 2",
    ]
    assert hear(world, WAITS, 5 * DAY, T1) == []


def test_what_does_not_pause_runs_on_and_what_is_late_is_broken() -> None:
    """Only promises that pause do; feedback that is asked for too late saves nothing."""
    error = e.TicketRegistered(number=1, category="error", need="no abre", by="ana")
    world = heard(OFFICE, (error, 0, T1))
    assert hear(world, WAITS, 30, T1) == ["paused resolution awaiting_feedback"]
    assert pass_until(world, 100) == ["60 breached plain"]
    world = heard(OFFICE, (QUESTION, 0, T1))
    assert hear(world, WAITS, 2 * HOUR + 1, T1) == ["breached resolution"]


def test_closing_cancels_and_reopening_promises_anew() -> None:
    """What came of a deadline stands; after the reopening another one runs, from then on."""
    world = heard(OFFICE, (REGISTERED, 0, T1))
    assert hear(world, RESOLVED, 60, T1) == ["met resolution"]
    assert hear(world, CLOSED, 120, T1) == ["cancelled complaint-reply closed"]
    assert domain.closed(world.aggregates[T1])
    assert hear(world, REOPENED, HOUR, T1) == ["set resolution-2", "set complaint-reply-2"]
    assert deadline(world, T1, "resolution").state == "met"
    assert deadline(world, T1, "resolution-2").due == at(3 * HOUR)
    assert [it["about"] for it in domain.deadlines(world, DeadlinesQuery(ticket=1))["deadlines"]] == [T1] * 4


# R74, R39


@pytest.mark.parametrize(("seconds", "verdict"), [(900, "met callback"), (900.001, "breached callback")])
def test_a_callback_is_made_soon(seconds: float, verdict: str) -> None:
    """R74: kept beside the call, one at a time, inclusive."""
    promised = e.CallbackPromised(rule="R74", protocol=1)
    world = heard(OFFICE)
    assert hear(world, promised, 0) == ["set callback"]
    assert hear(world, promised, 10) == []
    assert deadline(world, MATTER, "callback").rule == "R74"
    assert hear(world, e.CallbackMade(by="ana"), seconds) == [verdict]


def prioritised(step: Any) -> e.RequestPrioritised:
    """The caller was told of the next step."""
    return e.RequestPrioritised(rule="R39", next_step=step, protocol=1)


REACHED = f.ContactMade(owner="ana", channel="email", outcome="reached")


@pytest.mark.parametrize(
    ("step", "due"), [("email_reply", 600), ("dispatch", 4 * HOUR), ("escalation_reply", None)]
)
def test_the_next_step_has_its_time(step: str, due: float | None) -> None:
    """R39: a reply within the time of its kind, a dispatch by the end of the shift; without a time nothing is set."""
    world = heard(OFFICE)
    events = hear(world, prioritised(step), 0)
    assert events == (["set next-step"] if due else [])
    if due:
        assert (deadline(world, "c1", "next-step").due, deadline(world, "c1", "next-step").rule) == (
            at(due),
            "R39",
        )
        assert hear(world, f.CallEnded(), 10) == []
        assert hear(world, REACHED.model_copy(update={"outcome": "no_answer"}), due) == []
        assert hear(world, REACHED, due) == ["met next-step"]
        world = heard(OFFICE, (prioritised(step), 0))
        assert hear(world, REACHED, due + 0.001) == ["breached next-step"]


# R11, R13, R46: kept beside the call


def offer(attempt: int, to: str | None = "ana") -> e.OfferMade:
    """An attempt to find an owner."""
    return e.OfferMade(to=to, desk="front", attempt=attempt, protocol=1)


@pytest.mark.parametrize(("seconds", "verdict"), [(20, "met offer-1"), (20.001, "breached offer-1")])
def test_whoever_is_asked_answers_in_time(seconds: float, verdict: str) -> None:
    """R11: an offer to somebody has its own time, one to nobody is repeated; each supersedes the one before."""
    world = heard(OFFICE)
    assert hear(world, offer(1), 0) == ["set offer-1"]
    assert hear(world, e.CallAssigned(owner="ana"), seconds) == [verdict, "set contact"]
    assert hear(world, offer(2, None), 60) == ["set retry-2"]
    assert hear(world, offer(3), 100) == ["cancelled retry-2 superseded", "set offer-3"]
    assert pass_until(world, 200) == ["120 breached offer-3"]


def test_an_owner_who_reached_nobody_tries_again() -> None:
    """R13: each try has its time; the contact stays due when the call changes hands."""
    world = heard(OFFICE, (e.CallAssigned(owner="ana"), 0))
    assert hear(world, e.ContactFailed(owner="ana", attempt=1), 60) == ["set contact-retry-1"]
    assert hear(world, e.ContactFailed(owner="ana", attempt=2), 120) == [
        "met contact-retry-1",
        "set contact-retry-2",
    ]
    unassigned = e.CallUnassigned(desk="front", priority=5, protocol=1)
    assert hear(world, unassigned, 200) == ["cancelled contact-retry-2 unassigned"]
    assert hear(world, e.CallAssigned(owner="eva"), 300) == []
    assert hear(world, e.CallContacted(owner="eva", channel="phone"), 3600) == ["met contact"]
    assert [it["state"] for it in domain.deadlines(world, DeadlinesQuery(call="c1"))["deadlines"]] == [
        "met",
        "cancelled",
        "met",
    ]


@pytest.mark.parametrize(("seconds", "verdict"), [(120, "met supervisor"), (120.001, "breached supervisor")])
def test_a_supervisor_comes_in_time(seconds: float, verdict: str) -> None:
    """R46: within two minutes of being called, inclusive; called again, the time begins anew."""
    world = heard(OFFICE, (e.SupervisorCalled(to="sol", attempt=1, protocol=1), 0))
    assert hear(world, e.EscalationEnded(supervisor="sol"), seconds) == [verdict]
    world = heard(OFFICE, (e.SupervisorCalled(attempt=1, protocol=1), 0))
    assert pass_until(world, 200) == ["120 breached supervisor"]
    assert hear(world, e.SupervisorCalled(to="sol", attempt=2, protocol=1), 200) == ["set supervisor-2"]
    assert hear(world, e.EscalationEnded(), 210) == ["cancelled supervisor-2 ended"]


# R24, R48: pure delays


def test_wrap_up_elapses() -> None:
    """R24: a delay under the agent, of which nothing is broken; without wrap-up there is none."""
    world = heard(OFFICE)
    assert hear(world, e.AgentReleased(call="c1"), 0, "agent:ana") == []
    assert hear(world, e.AgentReleased(call="c1", wrap_up=True), 0, "agent:ana") == ["set wrap-up"]
    assert pass_until(world, 15.999) == []
    assert pass_until(world, 16) == ["15 warned wrap-up"]
    assert hear(world, e.AgentReleased(call="c2", wrap_up=True), 20, "agent:ana") == ["set wrap-up-2"]


def test_an_agents_day_is_not_remembered_for_ever() -> None:
    """Of what goes on for ever only so much is kept, under names that do not come again."""
    world = heard(OFFICE)
    for number in range(1, 400):
        hear(world, e.AgentReleased(call="c1", wrap_up=True), number * 60, "agent:ana")
        pass_until(world, number * 60 + 30)
    kept = world.aggregates["agent:ana"].deadlines
    assert (len(kept), kept[-1].name) == (201, "wrap-up-399")


def test_a_block_expires_when_it_was_to() -> None:
    """R48: a delay until then; lifted before, or for good, nothing elapses."""
    until = e.BlockApproved(by="sol", until=START + timedelta(days=30), protocol=1)
    world = heard(OFFICE, (until, 0, "block:b1"))
    assert pass_until(world, 30 * DAY + 1) == [f"{30 * DAY:g} warned block"]
    world = heard(OFFICE, (until, 0, "block:b1"))
    assert hear(world, e.BlockLifted(by="sol", reason="un error"), 60, "block:b1") == [
        "cancelled block lifted"
    ]
    assert hear(world, e.BlockApproved(by="sol", protocol=1), 0, "block:b2") == []


# what must be in memory


@pytest.mark.parametrize(
    ("name", "about", "data", "touched"),
    [
        ("offer.made", "c1", b"{}", ("c1", "assignment:c1")),
        ("callback.promised", "c1", b"{}", ("c1", "matter:c1")),
        ("ticket.registered", "ticket:1", b'{"call": "c1"}', ("ticket:1", "c1")),
        ("ticket.registered", "ticket:1", b"{}", ("ticket:1",)),
        ("call.answered", "c1", b"{}", ("c1",)),
    ],
)
def test_what_is_kept_beside_a_call_is_read_back_with_it(
    name: str, about: str, data: bytes, touched: tuple[str, ...]
) -> None:
    """Before a decision everything that it may add to is in memory, however long it was closed."""
    arrival = Arrival("event", about, Message(about, name, data, "1", "/centre/other"))
    assert tuple(place_of("centre", SERVICE).needed([arrival])) == touched
