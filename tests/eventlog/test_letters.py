"""Faults planted in decisions, wherever services die: the log comes out the same, and all can be made good."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from centralita.stack import ALL
from contracts import commands as c
from contracts import registry
from contracts.base import Data
from contracts.deciding import Decision, World
from contracts.letters import Letter
from eventlog.codec import Message, headers_of
from eventlog.core import Core
from eventlog.decider import Arrival
from eventlog.faults import Patience
from services.decider import Decider
from tests.eventlog.lines import CENTRE, Asked, Line, Post
from tests.eventlog.test_recovery import CUTS, HISTORIES, PLENTY, SCENE, Step, lived, said
from tests.unit.given import START


class Faulty(Decider):
    """Cannot handle every fifth fact, event and timer, for as long as nobody sends it again."""

    every = 5

    def decide(self, world: object, arrival: Arrival) -> Decision:
        """The decision, or a fault."""
        message = arrival.message
        again = arrival.again or message.resends
        unlucky = crc32(f"{self.name} {message.id}".encode()) % self.every == 0
        if arrival.kind != "command" and unlucky and not again:
            raise KeyError(message.id)
        return super().decide(world, arrival)  # type: ignore[arg-type]


class FaultyLine(Line):
    """A line of such services."""

    def _core(self, name: str) -> Core:  # type: ignore[type-arg]
        return Core(Faulty(ALL[name], CENTRE), registry.source(CENTRE, name), self._closed_kept)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)
@given(HISTORIES, CUTS, st.sampled_from((0, 1, PLENTY)))
def test_cut_anywhere_with_faults(history: list[Step], cuts: dict[int, bool], closed_kept: int) -> None:
    """Whoever dies before, in or after setting aside, sending again or discarding, the log comes out the same."""
    line, other = lived(history, kind=FaultyLine), lived(history, cuts, closed_kept, kind=FaultyLine)
    assert said(other) == said(line)
    made_good(line)
    made_good(other)
    assert said(other) == said(line)


def test_every_fact_has_one_outcome_in_the_end() -> None:
    """A busy quarter of an hour full of faults: once all is sent again each fact has led to its events, once.

    Only agents, whose facts wait for nobody, may have been told no meanwhile, because nobody had signed them in.
    """
    line = lived(SCENE, kind=FaultyLine)
    aside = [m for m in line.log if m.name == "deadletter.set_aside"]
    assert len(aside) > 10
    assert any(json.loads(m.data)["attempts"] == 0 for m in aside)
    made_good(line)
    usual = of_facts(lived(SCENE))
    assert of_facts(line) <= usual
    missing = {id for _, id in usual - of_facts(line)}
    assert {SCENE[int(id[1:])].name for id in missing} <= {"agent.available"}


def of_facts(line: Line) -> Counter[tuple[str, str]]:
    """Which facts led to events, and how often."""
    told = {raw.headers.get("ce-id") for raw in line.inbox}
    causes = ((it.cause_source, it.cause) for it in line.log if it.cause_source and it.place[0] == 1)
    return Counter(it for it in causes if it[1] in told)


def made_good(line: Line) -> None:
    """Send everything that waits again, in order, until nothing does."""
    for number in range(2000):
        waiting = [(post, it) for post in line.posts for it in firsts(post)]
        if not waiting:
            return
        post, letter = waiting[0]
        if letter.kind == "fact":
            tell_again(line, letter)
        else:
            verb, body = asked(letter)
            data = body.model_dump_json().encode()
            line.ask(
                post.name, Asked(letter.aggregate, Message("", verb, data, f"r{number}", "/test", time=START))
            )
        line.settle()
    raise AssertionError("it does not come to an end")


def firsts(post: Post) -> list[Letter]:
    """The letters of a service that are first in their line, the same in the same order wherever it died."""
    lines = post.core.world.letters.waiting.values()
    return sorted(next((it for it in letters if it.holds), letters[0]) for letters in lines)


def asked(letter: Letter) -> tuple[str, Data]:
    """The command for a letter that is no fact: an event is sent again, a timer, which would only fail, discarded."""
    who = {"about": letter.aggregate, "position": letter.position, "by": "eva", "why": "mended"}
    if letter.kind == "event":
        return "resend", c.ResendLetter(kind="event", **who)  # type: ignore[arg-type]
    return "discard", c.DiscardLetter(kind="timer", **who)  # type: ignore[arg-type]


def tell_again(line: Line, letter: Letter) -> None:
    """Publish a fact that was set aside once more."""
    raw = line.inbox[letter.position - 1]
    again = raw.message()._replace(resends=letter.position, actor="eva", why="mended")
    line.tell(raw.subject, headers_of(again), raw.data)


def test_patience() -> None:
    """A fault is waited for once, and all of them together for no longer than is good for the others."""
    now = [0.0]
    patience = Patience((0.02, 0.08, 0.3), most=0.8, window=10, now=lambda: now[0])
    assert patience.waits("a") == (0.02, 0.08, 0.3)
    assert patience.waits("a") == (0.0,)
    assert patience.waits("b") == (0.02, 0.08, 0.3)
    assert patience.waits("c") == (0.0,)
    now[0] = 11
    assert patience.waits("a") == (0.02, 0.08, 0.3)


EARLY = [
    Step(2, "fact", "call.answered", "c1", {"agent": "ana"}),
    Step(1, "fact", "call.abandoned", "c1", {}),
    Step(-3, "fact", "call.offered", "c1", {"from": "+34600111222"}),
    Step(20, "clock"),
]


class Unanswered(Faulty):
    """Cannot handle an answer once the call is there; before that it comes early."""

    def decide(self, world: World[Any, Any], arrival: Arrival) -> Decision:
        """The decision, or a fault."""
        decision = Decider.decide(self, world, arrival)
        if arrival.message.name == "call.answered" and arrival.kind == "fact":
            raise KeyError("answered")
        return decision


class UnansweredLine(Line):
    """A line of such services."""

    def _core(self, name: str) -> Core[Any]:
        return Core(Unanswered(ALL[name], CENTRE), registry.source(CENTRE, name), self._closed_kept)


@pytest.mark.parametrize("kind", [Line, UnansweredLine])
def test_a_fact_that_came_early_is_decided_once_whatever_comes_of_it(kind: type[Line]) -> None:
    """It is accepted, refused or set aside when its turn comes, and waits no more; so it is wherever a service dies."""
    line = lived(EARLY, kind=kind)
    names = [it.name for it in line.log if it.aggregate == "c1" and it.subject.split(".")[2] == "intake"]
    assert names[:3] == ["fact.deferred", "fact.deferred", "call.offered"]
    if kind is Line:
        assert "call.answered" in names
        assert names[-1] == "fact.rejected"
    else:
        assert names[-2:] == ["deadletter.set_aside", "deadletter.set_aside"]
    for position in range(3, len(line.log) + 1):
        assert said(lived(EARLY, {position: False}, kind=kind)) == said(line), f"cut after {position}"
