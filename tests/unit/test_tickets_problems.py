"""Tickets: incidents with a common cause, and quality reviews."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import commands as c
from contracts import events as e
from contracts.base import Data
from contracts.deciding import Decision, World
from contracts.protocol import Protocol, ScoreItem
from services.tickets import domain
from tests.unit.given import given, happen, when
from tests.unit.test_tickets import OWING, STATES, registered
from tests.unit.test_tickets_matters import noted, refused, told

OPENED = ("problem:1", e.ProblemOpened(number=1, title="slow portal", by="ana"))


def link(ticket: int, problem: int = 1) -> c.LinkIncident:
    """This ticket is an incident of the problem."""
    return c.LinkIncident(problem=problem, ticket=ticket, by="ana")


WORKAROUND = c.PublishWorkaround(problem=1, text="log in again", by="ana")
RESOLVE = c.ResolveProblem(problem=1, resolution="a larger disk", by="ana")


def command(world: World[Any, Any], body: Data) -> Decision:
    """What is recorded of a command."""
    return happen(domain, world, when(domain.subject_of(body), body, 5, "command"))


def troubled() -> World[Any, Any]:
    """Four tickets, of which the third is resolved and the fourth closed, and a problem."""
    later = [("ticket:3", STATES["resolved"][0]), *(("ticket:4", event) for event in STATES["closed"])]
    return given(domain, OWING, [*(registered(number) for number in (1, 2, 3, 4)), *later, OPENED])


def test_problems_are_numbered() -> None:
    """Each under the next number, also when earlier ones have left memory."""
    world = given(domain)
    opened = c.OpenProblem(title="slow portal", by="ana")
    assert command(world, opened) == [OPENED]
    world.aggregates.clear()
    assert command(world, opened)[0][0] == "problem:2"


def test_incidents_belong_to_one_problem() -> None:
    """R76: a ticket is linked once, and neither an unknown nor a closed one."""
    world = troubled()
    assert command(world, link(1)) == [("problem:1", e.IncidentLinked(ticket=1, by="ana"))]
    assert refused(world, link(1), "problem:1") == ("incident-linked", "ticket")
    assert refused(world, link(5), "problem:1") == ("ticket-unknown", "ticket")
    assert refused(world, link(4), "problem:1") == ("ticket-over", "ticket")
    assert refused(world, link(2, 9), "problem:9") == ("problem-unknown", "problem")
    del world.aggregates["ticket:4"]
    assert refused(world, link(4), "problem:1") == ("ticket-over", "ticket")


def test_a_workaround_reaches_all_incidents_that_are_not_closed() -> None:
    """R76: a resolved one too, for its client may be told."""
    world = troubled()
    for number in (1, 2, 3):
        command(world, link(number))
    assert command(world, WORKAROUND) == [
        ("problem:1", e.WorkaroundPublished(text="log in again", incidents=(1, 2, 3), by="ana"))
    ]
    command(world, c.CloseTicket(ticket=3, by="ana"))
    ((_, again),) = command(world, WORKAROUND)
    assert isinstance(again, e.WorkaroundPublished)
    assert again.incidents == (1, 2)


def test_a_resolution_is_proposed_to_open_incidents_only() -> None:
    """R76: what is resolved or closed stays as it is, and the problem is over."""
    world = troubled()
    for number in (1, 2, 3):
        command(world, link(number))
    before = {number: world.aggregates[f"ticket:{number}"] for number in (1, 2, 3)}
    assert command(world, RESOLVE) == [
        ("problem:1", e.ProblemResolved(resolution="a larger disk", incidents=(1, 2), by="ana"))
    ]
    assert {number: world.aggregates[f"ticket:{number}"] for number in (1, 2, 3)} == before
    assert domain.closed(world.aggregates["problem:1"])
    for body in (RESOLVE, WORKAROUND, link(2)):
        assert refused(world, body, "problem:1") == ("problem-resolved", "problem")


def item(rule: str, weight: float = 1.0, *exempt_after: str) -> ScoreItem:
    """A question of the scorecard."""
    return ScoreItem(rule=rule, asks={"es": "¿…?"}, weight=weight, exempt_after=exempt_after)


SCORED = Protocol(
    name="scored",
    scorecard={"empathy": item("R15", 2), "formal": item("R30", 1, "R50"), "precise": item("R23", 1, "R50")},
)


def review(**items: bool) -> c.ReviewCall:
    """A filled scorecard of the call c1."""
    return c.ReviewCall(call="c1", items=items, by="eva")


def test_a_review_weighs_what_was_passed() -> None:
    """R23: an item that is not answered is not passed."""
    world = given(domain, SCORED, [("c1", noted(agent="ana"))])
    ((about, reviewed),) = command(world, review(empathy=True, formal=False))
    assert about == "c1"
    assert reviewed == e.QualityReviewed(
        by="eva",
        passed=("empathy",),
        failed=("formal",),
        unanswered=("precise",),
        exempt=(),
        score=0.5,
        agent="ana",
        protocol=1,
    )
    ((_, better),) = command(world, review(empathy=True, formal=True, precise=True))
    assert isinstance(better, e.QualityReviewed)
    assert better.score == 1.0


@pytest.mark.parametrize(("rule", "exempt"), [("R50", ("formal", "precise")), ("R49", ()), ("R37", ())])
def test_a_silent_release_is_exempt(rule: str, exempt: tuple[str, ...]) -> None:
    """R50: with the statement the items are not asked, whatever was answered; other releases are scored."""
    world = given(domain, SCORED)
    assert told(world, e.CallReleased(rule=rule, by="ana")) == [("c1", e.ReleaseNoted(rule=rule, by="ana"))]
    assert told(world, e.CallReleased(rule=rule, by="ana")) == []
    ((_, reviewed),) = command(world, review(empathy=True, formal=False))
    assert isinstance(reviewed, e.QualityReviewed)
    assert reviewed.exempt == exempt
    assert reviewed.score == (1.0 if exempt else 0.5)


def test_who_is_asked_nothing_fails_nothing() -> None:
    """A call that is exempt from every item has the full score."""
    world = given(domain, Protocol(name="mild", scorecard={"formal": item("R30", 1, "R50")}))
    told(world, e.CallReleased(rule="R50"))
    ((_, reviewed),) = command(world, review())
    assert isinstance(reviewed, e.QualityReviewed)
    assert (reviewed.score, reviewed.unanswered) == (1.0, ())


def test_only_what_the_scorecard_asks_is_answered() -> None:
    """An item that the protocol does not have is refused, and so is any review where it has none."""
    assert refused(given(domain, SCORED), review(charm=True)) == ("item-unknown", "items")
    assert refused(given(domain), review()) == ("no-scorecard", "call")
