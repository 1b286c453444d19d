"""The case history: tickets and what happened to them, from the events alone."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

import pytest

from contracts import events as e
from contracts.base import Data, Refused
from contracts.commands import (
    HistoryQuery,
    ProblemQuery,
    ProfileQuery,
    ReviewsQuery,
    TicketQuery,
    TicketsQuery,
)
from contracts.registry import name_of
from eventlog.codec import Message
from services.tickets import answers, history, search
from tests.unit.given import at


def recorded(aggregate: str, event: Data, time: datetime | None, seq: int) -> Message:
    """Where and when an event stands in the log."""
    return Message(aggregate, name_of(event), b"", f"id-{seq}", "tickets", time=time, seq=seq)


def registered(number: int, customer: str | None = "acme", desk: str | None = None) -> tuple[str, Data]:
    """A ticket of this number."""
    event = e.TicketRegistered(
        number=number, category="complaint", need="no heat", customer=customer, call="c1", desk=desk, by="ana"
    )
    return f"ticket:{number}", event


STORY = [
    registered(1),
    registered(2, "other"),
    ("ticket:1", e.TicketCommented(text="called again", by="eva")),
    ("ticket:1", e.TicketAssigned(owner="eva", desk="tech", by="ana")),
    ("ticket:1", e.TicketAssigned(owner="leo", by="ana")),
    registered(3, desk="tech"),
    ("ticket:1", e.TicketStateChanged(state="in_progress", by="leo")),
    ("c2", e.TicketOwed(category="error")),
    ("c2", e.RepeatNoted(customer="acme", tickets=(1, 3))),
    ("ticket:1", e.TicketResolved(resolution="a new valve", by="leo")),
    ("ticket:1", e.TicketClosed(by="leo")),
    ("ticket:2", e.TicketResolved(resolution="asked", by="leo")),
    ("ticket:2", e.TicketReopened(reason="asked again", by="leo")),
]


def fed(story: list[tuple[str, Data]], times: int = 1) -> sqlite3.Connection:
    """A read model that has taken in these events, at positions 1, 2, …, as many seconds after START."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(history.SCHEMA)
    for _ in range(times):
        for seq, (aggregate, event) in enumerate(story, start=1):
            history.apply(db, recorded(aggregate, event, at(seq), seq), event)
    return db


def test_history_shows_all_states_newest_first() -> None:
    """A customer's tickets are all there, the closed too, and calls while some were open."""
    answer = search.history(fed(STORY), HistoryQuery(customer="acme"))
    assert [(it["ticket"], it["state"]) for it in answer["tickets"]] == [(3, "pending"), (1, "closed")]
    assert answer["tickets"][1] == {
        "ticket": 1,
        "state": "closed",
        "category": "complaint",
        "need": "no heat",
        "customer": "acme",
        "call": "c1",
        "message": None,
        "desk": "tech",
        "owner": "leo",
        "product": None,
        "tool": None,
        "place": None,
        "channel": "phone",
        "priority": 5,
        "split_from": None,
        "merged_into": None,
        "resolution": "a new valve",
        "problem": None,
        "workaround": None,
        "proposal": None,
        "registered": "2026-03-02T09:00:01Z",
        "changed": "2026-03-02T09:00:11Z",
    }
    assert answer["repeats"] == [{"call": "c2", "time": "2026-03-02T09:00:09Z", "tickets": [1, 3]}]
    assert json.loads(json.dumps(answer)) == answer


def test_history_is_limited() -> None:
    """With a limit the newest are given; who has no ticket has an empty history."""
    db = fed(STORY)
    assert [it["ticket"] for it in search.history(db, HistoryQuery(customer="acme", limit=1))["tickets"]] == [
        3
    ]
    nobody = {"customer": "nobody", "tickets": [], "repeats": []}
    assert search.history(db, HistoryQuery(customer="nobody")) == nobody


def test_a_ticket_tells_all_that_happened_to_it() -> None:
    """One ticket comes with its events in order, with position, time and data."""
    answer = search.ticket(fed(STORY), TicketQuery(ticket=1))
    assert answer["ticket"]["state"] == "closed"
    assert [(it["position"], it["type"]) for it in answer["events"]] == [
        (1, "ticket.registered"),
        (3, "ticket.commented"),
        (4, "ticket.assigned"),
        (5, "ticket.assigned"),
        (7, "ticket.state_changed"),
        (10, "ticket.resolved"),
        (11, "ticket.closed"),
    ]
    assert answer["events"][1]["data"] == {"text": "called again", "by": "eva"}
    nothing = {"ticket": None, "departments": [], "links": [], "attachments": [], "events": []}
    assert search.ticket(fed(STORY), TicketQuery(ticket=9)) == nothing


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (TicketsQuery(), [3, 2, 1]),
        (TicketsQuery(limit=2), [3, 2]),
        (TicketsQuery(state="reopened"), [2]),
        (TicketsQuery(desk="tech"), [3, 1]),
        (TicketsQuery(desk="tech", owner="leo"), [1]),
        (TicketsQuery(state="pending", owner="leo"), []),
        (TicketsQuery(number=2), [2]),
        (TicketsQuery(customer="other"), [2]),
        (TicketsQuery(before=3), [2, 1]),
        (TicketsQuery(since=at(2), until=at(6)), [2]),
        (TicketsQuery(since=at(2.001), until=at(6.001)), [3]),
        (TicketsQuery(text="valve"), [1]),
        (TicketsQuery(text="HEAT called"), [1]),
        (TicketsQuery(text="calefaccion"), []),
        (TicketsQuery(text="no hea"), [3, 2, 1]),
        (TicketsQuery(text='heat" OR valve*'), []),
        (TicketsQuery(text="¿?"), []),
        (TicketsQuery(text="heat", customer="acme", desk="tech", before=3), [1]),
    ],
)
def test_tickets_are_found_by_all_that_is_asked(query: TicketsQuery, numbers: list[int]) -> None:
    """Each condition narrows, newest first."""
    assert [it["ticket"] for it in search.tickets(fed(STORY), query)["tickets"]] == numbers


def test_pages_follow_one_another() -> None:
    """Each page says where the next begins, and the last says that there is none."""
    db, query, pages = fed([registered(number) for number in range(1, 6)]), TicketsQuery(limit=2), []
    while True:
        answer = search.tickets(db, query)
        pages.append([it["ticket"] for it in answer["tickets"]])
        if answer["before"] is None:
            break
        query = TicketsQuery(limit=2, before=answer["before"])
    assert pages == [[5, 4], [3, 2], [1]]


def test_words_are_found_without_accents() -> None:
    """Whoever types without accents finds what was said with them, and the reverse."""
    said = [registered(1), ("ticket:1", e.TicketCommented(text="revisión de calefacción", by="eva"))]
    for text in ("calefaccion", "Calefacción revisi"):
        assert search.tickets(fed(said), TicketsQuery(text=text))["tickets"]


def test_what_belongs_to_a_ticket_comes_with_it() -> None:
    """Departments, links from either side, files, and where it was merged."""
    digest = "a" * 64
    file = {"name": "a.png", "type": "image/png", "size": 3, "digest": digest, "object": "1/a"}
    db = fed(
        [
            registered(1),
            registered(2),
            ("ticket:1", e.DepartmentInvolved(department="legal", by="ana")),
            ("ticket:1", e.TicketLinked(to=2, by="ana")),
            ("ticket:1", e.AttachmentAdded.model_validate({**file, "by": "ana"})),
            ("ticket:1", e.TicketPrioritised(rule="R39", priority=1)),
            ("ticket:2", e.ComplaintReplyFormalised(text="regret", channel="post", reference="R", by="ana")),
            ("ticket:1", e.TicketMerged(into=2, by="ana")),
        ]
    )
    first, second = (search.ticket(db, TicketQuery(ticket=number)) for number in (1, 2))
    assert (first["departments"], first["links"], second["links"]) == (["legal"], [2], [1])
    assert first["attachments"] == [{**file, "time": "2026-03-02T09:00:05Z"}]
    assert (first["ticket"]["state"], first["ticket"]["merged_into"]) == ("closed", 2)
    assert first["ticket"]["priority"] == 1
    assert [it["ticket"] for it in search.tickets(db, TicketsQuery(desk="legal"))["tickets"]] == [1]
    assert [it["ticket"] for it in search.tickets(db, TicketsQuery(text="regret"))["tickets"]] == [2]


def need(call: str, customer: str | None = None) -> tuple[str, Data]:
    """The need of a call is known."""
    return call, e.NeedNoted(category="complaint", customer=customer, protocol=1)


def test_a_profile_has_open_cases_and_recent_contacts() -> None:
    """R27: refused before the request; then the customer's open tickets, other calls and repeats, newest first."""
    db = fed(
        [need("c0", "acme"), *STORY, need("c2", "acme"), need("c3"), need("c4", "acme"), need("c0", "acme")]
    )
    with pytest.raises(Refused) as refusal:
        answers.profile(db, ProfileQuery(call="c9"))
    assert (refusal.value.rule, refusal.value.field) == ("R27", "call")
    profile = answers.profile(db, ProfileQuery(call="c4"))
    assert (profile["customer"], profile["category"]) == ("acme", "complaint")
    assert [it["ticket"] for it in profile["tickets"]] == [3]
    assert [it["call"] for it in profile["contacts"]] == ["c2", "c0"]
    assert [it["tickets"] for it in profile["repeats"]] == [[1, 3]]
    nobody = answers.profile(db, ProfileQuery(call="c3"))
    assert (nobody["customer"], nobody["tickets"], nobody["contacts"], nobody["repeats"]) == (
        None,
        [],
        [],
        [],
    )


def test_a_problem_reaches_its_incidents() -> None:
    """R76: the workaround also one that is linked later; the proposal those that it names; a closed one neither."""
    db = fed(
        [
            *(registered(number) for number in (1, 2, 3)),
            ("problem:1", e.ProblemOpened(number=1, title="slow portal", by="ana")),
            *(("problem:1", e.IncidentLinked(ticket=number, by="ana")) for number in (1, 2)),
            ("ticket:2", e.TicketResolved(resolution="waited", by="ana")),
            ("ticket:2", e.TicketClosed(by="ana")),
            ("problem:1", e.WorkaroundPublished(text="log in again", incidents=(1,), by="ana")),
            ("problem:1", e.IncidentLinked(ticket=3, by="ana")),
            ("problem:1", e.ProblemResolved(resolution="a larger disk", incidents=(1, 3), by="ana")),
        ]
    )
    answer = answers.problem(db, ProblemQuery(problem=1))
    assert answer["problem"] == {
        "problem": 1,
        "title": "slow portal",
        "state": "resolved",
        "workaround": "log in again",
        "resolution": "a larger disk",
        "opened": "2026-03-02T09:00:04Z",
        "changed": "2026-03-02T09:00:11Z",
    }
    told = [(it["ticket"], it["state"], it["workaround"], it["proposal"]) for it in answer["incidents"]]
    assert told == [
        (1, "pending", "log in again", "a larger disk"),
        (2, "closed", None, None),
        (3, "pending", "log in again", "a larger disk"),
    ]
    assert answers.problem(db, ProblemQuery(problem=2)) == {"problem": None, "incidents": []}


def reviewed(call: str, agent: str, score: float, **items: tuple[str, ...]) -> tuple[str, Data]:
    """A review of a call."""
    kinds = {"passed": (), "failed": (), "unanswered": (), "exempt": ()} | items
    return call, e.QualityReviewed.model_validate(
        {"by": "eva", "agent": agent, "score": score, "protocol": 1, **kinds}
    )


def test_reviews_are_summed_up() -> None:
    """R23: the mean and each item's share, of an agent or of all; a later review of a call replaces the earlier."""
    db = fed(
        [
            reviewed("c1", "ana", 0.0, failed=("formal",)),
            reviewed("c1", "ana", 1.0, passed=("formal", "empathy")),
            reviewed("c2", "ana", 0.5, passed=("empathy",), unanswered=("formal",)),
            reviewed("c3", "leo", 0.0, failed=("empathy",), exempt=("formal",)),
        ]
    )
    ana = answers.reviews(db, ReviewsQuery(agent="ana"))
    assert (ana["score"], ana["items"]) == (0.75, {"empathy": 1.0, "formal": 0.5})
    assert [it["call"] for it in ana["reviews"]] == ["c2", "c1"]
    everyone = answers.reviews(db, ReviewsQuery())
    assert (everyone["score"], everyone["items"]["formal"]) == (0.5, 0.5)
    assert answers.reviews(db, ReviewsQuery(agent="eva"))["score"] is None


def test_the_same_events_again_change_nothing() -> None:
    """Rebuilt over what is there, the tables are the same as built from nothing."""
    once, twice = fed(STORY), fed(STORY, times=2)
    for table in ("ticket", "entry", "repeat", "department", "link", "contact"):
        rows = f"select * from {table}"
        assert twice.execute(rows).fetchall() == once.execute(rows).fetchall()


def test_an_event_without_a_time_is_an_error() -> None:
    """What has no time cannot be placed in a history."""
    aggregate, event = registered(1)
    with pytest.raises(ValueError, match="no time"):
        history.apply(fed([]), recorded(aggregate, event, None, 1), event)
