"""Shares: work moves between desks by degrees, exactly, and what was given out stays."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from contracts import commands as c
from contracts import events as e
from contracts.base import Refused
from contracts.deciding import World
from contracts.protocol import Protocol, Row
from services.routing import domain, policy, queries
from tests.unit.given import at, given, happen, when

PROTOCOL = Protocol(
    name="test",
    routing=(Row(categories=("sales",), desk="sales"), Row(desk="back")),
    shares={"sales": {"sales": 70, "outsourced": 30}},
)
cuts = st.lists(st.integers(0, 100), min_size=1, max_size=5).map(lambda some: [0, *sorted(some), 100])


@settings(max_examples=60, deadline=None)
@drawn(cuts)
def test_over_any_hundred_assignments_each_desk_is_within_one_of_its_share(cuts: list[int]) -> None:
    """R54: whichever hundred in a row one looks at, and after every single one no desk is one ahead or behind."""
    shares = {f"desk-{n}": cuts[n + 1] - cuts[n] for n in range(len(cuts) - 1)}
    taken: dict[str, int] = {}
    order = []
    for count in range(1, 301):
        desk = policy.next_share(shares, taken)
        taken[desk] = taken.get(desk, 0) + 1
        order.append(desk)
        assert all(abs(taken.get(desk, 0) - count * share / 100) < 1 for desk, share in shares.items())
    for start in range(200):
        window = Counter(order[start : start + 100])
        assert all(abs(window[desk] - share) <= 1 for desk, share in shares.items())


def take(world: World[Any, Any], call: str, seconds: float = 0, category: Any = "sales") -> str:
    """The desk that gets a call."""
    need = e.NeedEstablished(category=category, protocol=1)
    decision = happen(domain, world, when(call, need, seconds))
    (unassigned,) = [event for _, event in decision if isinstance(event, e.CallUnassigned)]
    return unassigned.desk


def test_a_hundred_calls_are_shared_as_the_protocol_says() -> None:
    """R54: the event of each says whose share it is; other desks' work is not shared."""
    world = given(domain, PROTOCOL)
    assert Counter(take(world, f"c{n}") for n in range(100)) == {"sales": 70, "outsourced": 30}
    assert world.aggregates["c7"].shared_from == "sales"
    assert take(world, "other", category="invoice") == "back"
    assert world.aggregates["other"].shared_from is None


def test_new_shares_hold_from_a_moment_on() -> None:
    """R54: in force by the call's own time, on the very moment too; open work stays where it is."""
    world = given(domain, PROTOCOL)
    open_work = take(world, "c1", 1)
    change = c.ChangeShares(desk="sales", shares={"sales": 0, "outsourced": 100}, since=at(60), by="boss")
    decision = happen(domain, world, when("shares:sales", change, 2, "command"))
    assert [type(event) for _, event in decision] == [e.SharesChanged]
    assert {take(world, f"early-{n}", 59.999) for n in range(3)} == {"sales", "outsourced"}
    assert {take(world, f"late-{n}", 60) for n in range(3)} == {"outsourced"}
    assert world.aggregates["c1"].desk == open_work
    assert take(world, "heard-of-late", 59) in ("sales", "outsourced")
    known_again = e.NeedEstablished(category="sales", kind=None, protocol=1)
    assert happen(domain, world, when("c1", known_again, 61)) == []


def test_what_the_shares_are_can_be_asked() -> None:
    """R54: by plan, each desk's percent and what it has had."""
    world = given(domain, PROTOCOL)
    for n in range(10):
        take(world, f"c{n}")
    change = c.ChangeShares(desk="sales", shares={"outsourced": 100}, since=at(60), by="boss")
    happen(domain, world, when("shares:sales", change, 2, "command"))
    first, second = queries.shares(world, c.SharesQuery(desk="sales"))["shares"]
    assert (first["since"], first["shares"], first["taken"]) == (
        None,
        {"sales": 70, "outsourced": 30},
        {"sales": 7, "outsourced": 3},
    )
    assert (second["since"], second["taken"]) == (at(60).isoformat(), {})
    assert queries.shares(world, c.SharesQuery(desk="back")) == {"shares": []}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (c.ChangeShares(desk="sales", shares={"sales": 70, "out": 29}, by="boss"), "R54"),
        (c.ChangeShares(desk="sales", shares={"sales": 70, "out": 31}, by="boss"), "R54"),
        (c.ChangeShares(desk="sales", shares={"out": 100}, since=at(-1), by="boss"), "R54"),
        (c.ChangeShares(desk="elsewhere", shares={"out": 100}, by="boss"), "desk-unknown"),
    ],
)
def test_shares_that_cannot_be_are_refused(change: c.ChangeShares, rule: str) -> None:
    """R54: they add up to 100, hold from now or later, and are of a desk that the table leads to."""
    with pytest.raises(Refused) as refusal:
        domain.decide(given(domain, PROTOCOL), when("shares:sales", change, 0, "command"))
    assert refusal.value.rule == rule


def test_a_desk_of_any_name_has_an_aggregate() -> None:
    """A name that may not stand in a subject is told by a digest, and the same each time."""
    assert policy.named("shares", "sales") == "shares:sales"
    assert policy.named("shares", "ventas y más") == policy.named("shares", "ventas y más")
    assert policy.valid_id(policy.named("shares", "ventas y más"), "shares")
