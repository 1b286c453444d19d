"""Facts of calls that come late, early or twice: what comes out is what would have come out in order."""

from __future__ import annotations

import random

import pytest

from tests.eventlog.disorder import (
    PROTOCOLS,
    differences,
    outcome,
    play,
    shuffled,
    story,
    swaps,
)
from tests.eventlog.everything import MIXED
from tests.eventlog.test_everything import WatchedLine, consistent, folded, said

STAND = ("request.stated before request.stated", "request.stated before call.answered")
"""Offers made meanwhile for another matter, or before it was known who answered, stand."""


@pytest.mark.parametrize("seed", range(4))
def test_stories_in_disorder(seed: int) -> None:
    """Facts that are up to five seconds late lead to the same outcome as in order."""
    chance = random.Random(seed)
    protocol, told = chance.choice(PROTOCOLS), story(chance)
    straight = outcome(play(protocol, told))
    assert differences(straight, outcome(play(protocol, shuffled(chance, told)))) == []


@pytest.mark.parametrize("seed", [10])
def test_neighbours_in_disorder(seed: int) -> None:
    """Two facts of one call told in the wrong order lead to the same outcome as in the right one."""
    chance = random.Random(seed)
    protocol, told = chance.choice(PROTOCOLS), story(chance)
    straight = outcome(play(protocol, told))
    found = {pair: differences(straight, outcome(play(protocol, other))) for pair, other in swaps(told)}
    assert {pair for pair, differs in found.items() if differs} <= set(STAND)


@pytest.mark.parametrize("seed", [1])
def test_disorder_cut_anywhere(seed: int) -> None:
    """What waits, what came late and what followed is recovered wherever the log is cut."""
    chance = random.Random(seed)
    told = shuffled(chance, story(chance), 0.7)
    line = play(MIXED, told, WatchedLine(MIXED))
    assert {m.name for m in line.log} >= {"fact.deferred", "call.corrected"}
    assert line.problems == []  # type: ignore[attr-defined]
    folded(line)
    consistent(line)
    cuts = {seq: chance.random() < 0.5 for seq in chance.sample(range(3, len(line.log)), 40)}
    other = play(MIXED, told, WatchedLine(MIXED, cuts, 1))
    assert said(other) == said(line)
