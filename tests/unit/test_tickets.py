"""Tickets: what a case goes through, and what a call owes or repeats."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from contracts import commands as c
from contracts import events as e
from contracts.base import Data, Refused
from contracts.deciding import World
from contracts.protocol import Attachments, Cases, Protocol
from services.tickets import domain
from tests.unit.given import Given, given, happen, when

OWING = Protocol(name="owing", cases=Cases(owed_for=("complaint", "error")))


def need(category: Any = "complaint", customer: str | None = None, **more: Any) -> e.NeedEstablished:
    """What a caller needs."""
    return e.NeedEstablished(category=category, customer=customer, protocol=1, **more)


def registered(
    number: int = 1, customer: str | None = "acme", call: str | None = None, desk: str | None = None
) -> Given:
    """A ticket of this number exists."""
    event = e.TicketRegistered(
        number=number, category="complaint", need="no heat", customer=customer, call=call, desk=desk, by="ana"
    )
    return f"ticket:{number}", event


REGISTER = c.RegisterTicket(
    category="error", need="it beeps", customer="acme", call="c1", desk="tech", by="ana"
)
COMMENT = c.CommentTicket(ticket=1, text="called again", by="ana")
ASSIGN = c.AssignTicket(ticket=1, owner="eva", desk="tech", by="ana")
AWAIT = c.ChangeTicketState(ticket=1, state="awaiting_feedback", by="ana")
RESOLVE = c.ResolveTicket(ticket=1, resolution="a new valve", by="ana")
CLOSE = c.CloseTicket(ticket=1, by="ana")
REOPEN = c.ReopenTicket(ticket=1, reason="it leaks", by="ana")
INVOLVE = c.InvolveDepartment(ticket=1, department="legal", by="ana")
MERGE = c.MergeTicket(ticket=1, into=2, by="ana")
SPLIT = c.SplitTicket(ticket=1, need="and the bill", category="invoice", by="ana")
LINK = c.LinkTicket(ticket=1, to=2, by="ana")
ATTACH = c.AttachFile(
    ticket=1, name="a.png", type="image/png", size=9, digest="a" * 64, object="1/a.png", by="ana"
)
REPLY = c.FormaliseReply(ticket=1, text="we are sorry", channel="post", reference="RE-1", by="ana")
VERBS = (COMMENT, ASSIGN, AWAIT, RESOLVE, CLOSE, REOPEN, INVOLVE, MERGE, SPLIT, LINK, ATTACH, REPLY)

STATES: dict[str, list[Data]] = {
    "pending": [],
    "in_progress": [e.TicketStateChanged(state="in_progress", by="ana")],
    "awaiting_feedback": [e.TicketStateChanged(state="awaiting_feedback", by="ana")],
    "resolved": [e.TicketResolved(resolution="a new valve", by="ana")],
    "closed": [e.TicketResolved(resolution="a new valve", by="ana"), e.TicketClosed(by="ana")],
    "reopened": [
        e.TicketResolved(resolution="a new valve", by="ana"),
        e.TicketReopened(reason="it leaks", by="ana"),
    ],
}


def one(state: str, protocol: Protocol = OWING) -> World[Any, Any]:
    """The world with ticket 1 in this state."""
    return given(domain, protocol, [registered(), *(("ticket:1", event) for event in STATES[state])])


def command(world: World[Any, Any], body: Data, id: str = "ticket:1") -> list[tuple[str, Data]]:
    """What is recorded of a command."""
    return happen(domain, world, when(id, body, 5, "command"))


def test_the_first_ticket_is_number_one() -> None:
    """Registering answers with the next number and everything that was said of the case."""
    assert command(given(domain), REGISTER, "") == [
        (
            "ticket:1",
            e.TicketRegistered(
                number=1,
                category="error",
                need="it beeps",
                customer="acme",
                call="c1",
                desk="tech",
                protocol=1,
                by="ana",
            ),
        )
    ]


def test_numbers_run_on_even_when_tickets_have_left_memory() -> None:
    """A number is never given twice, whatever became of its ticket."""
    world = one("closed")
    assert domain.closed(world.aggregates.pop("ticket:1"))
    assert [it for it, _ in command(world, REGISTER) + command(world, REGISTER)] == ["ticket:2", "ticket:3"]


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_what_was_recorded_last(state: str) -> None:
    """Each event moves the ticket to the state it names, and only a closed one may leave memory."""
    ticket = one(state).aggregates["ticket:1"]
    assert ticket.state == state
    assert domain.closed(ticket) == (state == "closed")


@pytest.mark.parametrize("state", STATES)
def test_a_comment_is_taken_in_any_state(state: str) -> None:
    """Whatever became of the case, something can be added, and its state stays."""
    world = one(state)
    assert command(world, COMMENT) == [("ticket:1", e.TicketCommented(text="called again", by="ana"))]
    assert (world.aggregates["ticket:1"].comments, world.aggregates["ticket:1"].state) == (1, state)


def test_a_ticket_gets_an_owner_and_a_desk() -> None:
    """The desk stays where the command names none."""
    world = one("pending")
    assert command(world, ASSIGN) == [("ticket:1", e.TicketAssigned(owner="eva", desk="tech", by="ana"))]
    command(world, c.AssignTicket(ticket=1, owner="leo", by="ana"))
    assert (world.aggregates["ticket:1"].owner, world.aggregates["ticket:1"].desk) == ("leo", "tech")


@pytest.mark.parametrize(
    ("state", "body", "event"),
    [
        ("pending", AWAIT, e.TicketStateChanged(state="awaiting_feedback", by="ana")),
        ("pending", RESOLVE, e.TicketResolved(resolution="a new valve", by="ana")),
        ("reopened", RESOLVE, e.TicketResolved(resolution="a new valve", by="ana")),
        ("resolved", CLOSE, e.TicketClosed(by="ana")),
        ("resolved", REOPEN, e.TicketReopened(reason="it leaks", by="ana")),
        ("closed", REOPEN, e.TicketReopened(reason="it leaks", by="ana")),
    ],
)
def test_a_case_moves_on(state: str, body: Data, event: Data) -> None:
    """A command that may be leads to its one event."""
    assert command(one(state), body) == [("ticket:1", event)]


@pytest.mark.parametrize(
    ("state", "body", "rule"),
    [
        ("awaiting_feedback", RESOLVE, "ticket-awaits-feedback"),
        *(
            (state, body, "ticket-over")
            for state in ("resolved", "closed")
            for body in (RESOLVE, ASSIGN, AWAIT)
        ),
        *((state, CLOSE, "ticket-not-resolved") for state in STATES if state != "resolved"),
        *((state, REOPEN, "ticket-open") for state in STATES if state not in ("resolved", "closed")),
        ("awaiting_feedback", AWAIT, "ticket-unchanged"),
    ],
)
def test_what_may_not_be_is_refused(state: str, body: Data, rule: str) -> None:
    """A refusal names its rule and the field, and records nothing."""
    world = one(state)
    before = dict(world.aggregates)
    with pytest.raises(Refused) as refusal:
        command(world, body)
    assert refusal.value.rule == rule
    assert refusal.value.field
    assert world.aggregates == before


def test_a_command_names_its_aggregate() -> None:
    """Every verb is about what it names; what begins something needs to know the call or message, if any."""
    assert {domain.subject_of(body) for body in VERBS} == {"ticket:1"}
    assert domain.subject_of(REGISTER) == "c1"
    assert domain.subject_of(REGISTER.model_copy(update={"call": None})) == ""
    assert domain.subject_of(REGISTER.model_copy(update={"call": None, "message": "m1"})) == "message:m1"
    assert domain.subject_of(c.OpenProblem(title="slow", by="ana")) == ""
    assert domain.subject_of(c.ResolveProblem(problem=2, resolution="new disk", by="ana")) == "problem:2"
    assert domain.subject_of(c.ReviewCall(call="c1", items={}, by="eva")) == "c1"
    assert domain.subject_of(c.SendAccess(call="c1", by="rita")) == "c1"


@pytest.mark.parametrize("body", VERBS)
def test_an_unknown_ticket_is_refused(body: Data) -> None:
    """Every verb but `register` needs a ticket."""
    with pytest.raises(Refused) as refusal:
        command(given(domain), body, "ticket:9")
    assert (refusal.value.rule, refusal.value.field) == ("ticket-unknown", "ticket")


def two(*events: Data, protocol: Protocol = OWING) -> World[Any, Any]:
    """The world with tickets 1 and 2, in which these events of the second have happened."""
    return given(domain, protocol, [registered(1), registered(2), *(("ticket:2", each) for each in events)])


def refused(world: World[Any, Any], body: Data, id: str = "ticket:1") -> tuple[str, str]:
    """By which rule a command is refused, and for which field."""
    with pytest.raises(Refused) as refusal:
        command(world, body, id)
    return refusal.value.rule, refusal.value.field


def test_several_departments_work_in_one_case() -> None:
    """R63: each further department is recorded once; the desk itself is no further one."""
    world = one("in_progress")
    assert command(world, INVOLVE) == [("ticket:1", e.DepartmentInvolved(department="legal", by="ana"))]
    command(world, c.InvolveDepartment(ticket=1, department="billing", by="ana"))
    assert world.aggregates["ticket:1"].departments == ("legal", "billing")
    assert refused(world, INVOLVE) == ("ticket-unchanged", "department")
    command(world, ASSIGN)
    assert refused(world, c.InvolveDepartment(ticket=1, department="tech", by="ana"))[0] == "ticket-unchanged"


@pytest.mark.parametrize("state", ["resolved", "closed"])
@pytest.mark.parametrize("body", [INVOLVE, MERGE, SPLIT, REPLY])
def test_a_case_that_is_over_is_not_worked_on(state: str, body: Data) -> None:
    """It must be reopened first."""
    assert refused(one(state), body) == ("ticket-over", "ticket")


def test_a_merged_case_goes_on_in_the_other() -> None:
    """It is closed for good: whoever reopens it is told where it went."""
    world = two()
    assert command(world, MERGE) == [("ticket:1", e.TicketMerged(into=2, by="ana"))]
    assert domain.closed(world.aggregates["ticket:1"])
    assert world.index.open["acme"] == {2}
    assert refused(world, REOPEN) == ("ticket-merged", "ticket")


@pytest.mark.parametrize("state", ["resolved", "closed"])
def test_nothing_is_merged_into_what_is_over(state: str) -> None:
    """Whether the other is still in memory makes no difference."""
    world = two(*STATES[state])
    assert refused(world, MERGE) == ("ticket-over", "into")
    del world.aggregates["ticket:2"]
    assert refused(world, MERGE) == ("ticket-over", "into")


@pytest.mark.parametrize("kind", [c.MergeTicket, c.LinkTicket])
def test_two_cases_must_be_two(kind: Any) -> None:
    """Neither with itself nor with one that does not exist."""
    field = "into" if kind is c.MergeTicket else "to"
    assert refused(two(), kind(ticket=1, **{field: 1}, by="ana")) == ("ticket-itself", field)
    assert refused(two(), kind(ticket=1, **{field: 3}, by="ana")) == ("ticket-unknown", field)


def test_a_split_case_keeps_whose_it_is() -> None:
    """The new one has the customer, the call and the version of the protocol of the old one, and its own need."""
    world = given(domain, OWING, [registered(1, call="c1")])
    ((about, split),) = command(world, SPLIT)
    assert about == "ticket:2"
    assert isinstance(split, e.TicketRegistered)
    assert (split.split_from, split.need, split.category) == (1, "and the bill", "invoice")
    assert (split.customer, split.call) == ("acme", "c1")
    assert world.index.calls == {"c1": (1, 2)}
    ((_, same),) = command(world, SPLIT.model_copy(update={"category": None}))
    assert isinstance(same, e.TicketRegistered)
    assert (same.number, same.category) == (3, "complaint")


def test_cases_are_linked_once() -> None:
    """Whatever became of either."""
    world = two(*STATES["closed"])
    assert command(world, LINK) == [("ticket:1", e.TicketLinked(to=2, by="ana"))]
    assert refused(world, LINK) == ("ticket-unchanged", "to")


def attached(size: int = 100, type: str = "image/png", object: str = "1/a.png") -> c.AttachFile:
    """A file of this size and type."""
    return c.AttachFile(
        ticket=1, name="a.png", type=type, size=size, digest="a" * 64, object=object, by="ana"
    )


def test_files_are_attached_within_the_limits() -> None:
    """As large as allowed is allowed, a byte more is not; nor a type that is not listed, nor the same file twice."""
    world = one(
        "pending", Protocol(name="small", attachments=Attachments(max_bytes=100, types=("image/png",)))
    )
    ((about, added),) = command(world, attached())
    assert about == "ticket:1"
    assert added == e.AttachmentAdded(
        name="a.png", type="image/png", size=100, digest="a" * 64, object="1/a.png", by="ana"
    )
    assert refused(world, attached(object="1/b.png", size=101)) == ("attachment-too-large", "size")
    assert refused(world, attached(object="1/b.gif", type="image/gif")) == ("attachment-type", "type")
    assert refused(world, attached()) == ("ticket-unchanged", "object")


FORMAL = Protocol(name="formal", cases=Cases(formal_reply_for=("complaint",)))


def test_a_complaint_ends_with_a_formal_reply_only() -> None:
    """R62: it is neither resolved nor closed before; once reopened it needs another reply."""
    world = one("pending", FORMAL)
    assert refused(world, RESOLVE) == ("R62", "ticket")
    assert refused(one("resolved", FORMAL), CLOSE) == ("R62", "ticket")
    ((_, replied),) = command(world, REPLY)
    assert replied == e.ComplaintReplyFormalised(
        text="we are sorry", channel="post", reference="RE-1", by="ana"
    )
    assert refused(world, REPLY) == ("ticket-unchanged", "ticket")
    for body in (RESOLVE, CLOSE, REOPEN):
        command(world, body)
    assert refused(world, RESOLVE) == ("R62", "ticket")


def test_other_cases_need_no_formal_reply() -> None:
    """R62 is about the categories that the protocol names; other cases are not formalised."""
    other = Protocol(name="other", cases=Cases(formal_reply_for=("invoice",)))
    assert command(one("pending", other), RESOLVE)
    assert refused(one("pending", other), REPLY) == ("reply-not-formal", "ticket")


def test_what_tickets_does_not_follow_leads_to_nothing() -> None:
    """Events of others that are no matter of tickets are passed over."""
    assert domain.decide(given(domain, OWING), when("c1", e.CallClosed(by="ana"), kind="event")) == []


def test_a_ticket_read_back_disturbs_nothing() -> None:
    """A closed ticket that left memory and is folded again leaves the index as it was."""
    world = one("closed")
    index = pickle.dumps(world.index)
    del world.aggregates["ticket:1"]
    for event in (registered()[1], *STATES["closed"]):
        world.evolve(domain.evolve, "ticket:1", event, when("", COMMENT).at)
    assert pickle.dumps(world.index) == index
    assert world.index.open == {}


BODIES = st.sampled_from(
    [
        *(("ticket", body) for body in (REGISTER, *VERBS)),
        *(("call", need(category, who)) for category in ("error", "sales") for who in ("acme", None)),
    ]
)


@for_all(st.lists(st.tuples(BODIES, st.integers(1, 3)), max_size=30))
def test_any_history_is_consistent(steps: list[tuple[tuple[str, Data], int]]) -> None:
    """A command leads to one event or a refusal, a need heard twice to nothing; the index is always right."""
    world = given(domain, OWING)
    for (about, body), number in steps:
        asked = when(f"ticket:{number}" if about == "ticket" else f"c{number}", body, 0, "command")
        try:
            decision = happen(domain, world, asked)
        except Refused:
            continue
        if about == "ticket":
            assert len(decision) == 1
            if not isinstance(body, c.RegisterTicket | c.CommentTicket | c.SplitTicket):
                with pytest.raises(Refused):
                    domain.decide(world, asked)
        else:
            assert domain.decide(world, asked) == []
        tickets = [it for it in world.aggregates.values() if isinstance(it, domain.Ticket)]
        still = {it.number for it in tickets if it.customer and it.state not in ("resolved", "closed")}
        assert world.index.open.get("acme", set()) == still
        assert world.index.next == len(tickets) + 1
