"""All facts, commands and events of the contract together: what must hold whatever happens."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from centralita.stack import ALL
from contracts import registry
from contracts.base import Refused
from contracts.deciding import WINDOW, Decision, World
from contracts.protocol import Protocol
from eventlog.codec import Malformed, Message, headers_of
from eventlog.core import Core
from eventlog.decider import Arrival
from services.decider import Decider
from tests.eventlog.everything import HISTORIES, INSURER, Step, beginning, live
from tests.eventlog.lines import CENTRE, Line

PLENTY = 10_000
CUTS = st.dictionaries(st.integers(1, 250), st.booleans(), min_size=8, max_size=80)
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)


class Watched(Decider):
    """A decider that notes every decision that is not as decisions must be."""

    def __init__(self, service: Any, problems: list[str]) -> None:
        super().__init__(service, CENTRE)
        self.problems = problems

    def decide(self, world: World[Any, Any], arrival: Arrival) -> Decision:
        """The decision, made twice and looked at."""
        what = f"{self.name} on {arrival.kind} {arrival.message.name} of {arrival.aggregate}"
        before = _seen(world)
        try:
            decision = super().decide(world, arrival)
            again = decision if self.sealing.discreet else super().decide(world, arrival)
        except Exception as reason:
            fine = (Refused, ValidationError) if arrival.kind == "command" else (Refused, Malformed)
            if arrival.kind in ("event", "timer") or not isinstance(reason, fine):
                self.problems.append(f"{what}: {reason!r}")
            raise
        finally:
            if _seen(world) != before:
                self.problems.append(f"{what}: the world has changed")
        if again != decision:
            self.problems.append(f"{what}: {decision}, then {again}")
        if arrival.kind in ("command", "timer") and len(decision) != 1:
            self.problems.append(f"{what}: {len(decision)} events {decision}")
            raise RuntimeError(what)
        for _, event in decision:
            if registry.decode(*registry.encode(event)) != event:
                self.problems.append(f"{what}: {event} is not what is read back")
        return decision


def _seen(world: World[Any, Any]) -> tuple[Any, ...]:
    found = {(name, key): repr(it) for name, key, it in _entries(_found_by(world))}
    return dict(world.aggregates), found  # aggregates are immutable


def _entries(found: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name, it in found.items():
        entries = it.items() if isinstance(it, dict) else [("", it)]
        yield from ((name, key, sorted(at) if isinstance(at, set) else at) for key, at in entries)


def _found_by(world: World[Any, Any]) -> dict[str, Any]:
    """What things are found by, but for timers: entries that no longer hold may fall out at any time."""
    index = world.index
    return {name: getattr(index, name) for name in index.__slots__ if name not in ("timers", "found")}


class WatchedLine(Line):
    """A line whose services are watched; `order` is in which order they take turns, `pace` how much they read."""

    def __init__(
        self,
        protocol: Protocol,
        cuts: Mapping[int, bool] = MappingProxyType({}),
        closed_kept: int = PLENTY,
        order: Sequence[int] = (0, 1, 2, 3),
        pace: int = 7,
    ) -> None:
        self.problems: list[str] = []
        super().__init__(protocol, cuts, closed_kept)
        self.posts = [self.posts[number] for number in order]
        self.pace = pace

    def _core(self, name: str) -> Core[Any]:
        decider = Watched(ALL[name], self.problems)
        return Core(decider, registry.source(CENTRE, name), self._closed_kept, secrecy=decider.sealing)

    def settle(self) -> None:
        """Go on until nobody has anything to do."""
        for _ in range(10_000):
            if not self.round(self.pace):
                return
        raise AssertionError("it does not come to rest")


def said(line: Line) -> list[Any]:
    """What must come out the same: subjects, headers (ids, causes, places, positions) and data."""
    return [(message.subject, headers_of(message), message.data) for message in line.log]


def by_aggregate(line: Line) -> dict[str, list[Any]]:
    """What must come out the same of each aggregate, in whatever order the services take turns."""
    found = defaultdict(list)
    for it in line.log:
        found[it.subject].append((it.name, it.version, it.data, it.time, it.cause, it.cause_source, it.id))
    return found


@pytest.mark.timeout(600)
@settings(max_examples=70, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(HISTORIES, CUTS, st.sampled_from((0, 1, 3)))
def test_whatever_happens(story: tuple[Protocol, list[Step]], cuts: dict[int, bool], kept: int) -> None:
    """Decisions are pure and raise nothing, every promise ends once, and cuts and eviction change nothing."""
    protocol, history = story
    history = [*beginning(protocol), *history]
    line = live(WatchedLine(protocol), history)
    assert line.problems == []
    consistent(line)
    folded(line)
    other = live(WatchedLine(protocol, cuts, kept), history)
    assert other.problems == []
    assert said(other) == said(line)


@pytest.mark.timeout(600)
@settings(max_examples=14, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(HISTORIES, st.permutations(range(4)), st.integers(1, 9))
def test_whoever_is_faster(story: tuple[Protocol, list[Step]], order: list[int], pace: int) -> None:
    """What is recorded of each aggregate does not hang on which service is faster, where each step is waited for."""
    protocol, history = story
    history = [*beginning(protocol), *history]
    one = by_aggregate(live(WatchedLine(protocol), history, pause=True))
    two = by_aggregate(live(WatchedLine(protocol, order=order, pace=pace), history, pause=True))
    assert two == one


@pytest.mark.timeout(600)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(HISTORIES, CUTS)
def test_a_centre_that_forgets(story: tuple[Protocol, list[Step]], cuts: dict[int, bool]) -> None:
    """Where strangers are forgotten nothing raises either, uncut, and every promise ends once."""
    history = [*beginning(INSURER), *story[1]]
    line = live(WatchedLine(INSURER), history)
    assert line.problems == []
    consistent(line)


def folded(line: Line) -> None:
    """The state of each service is the fold of what it has recorded."""
    for post in line.posts:
        core = line._core(post.name)
        place = line.places[post.name]
        for message in line.log:
            if message.subject.startswith(place.reference.rstrip(">")):
                core.refer(message)
            elif message.subject.startswith(f"{place.own}."):
                core.fold(message)
        assert core.world.aggregates == post.core.world.aggregates
        assert _found_by(core.world) == _found_by(post.core.world)


def consistent(line: Line) -> None:
    """What must hold of any log."""
    assert [m for m in line.log if m.name == "deadletter.set_aside"] == []
    _deadlines(line.log)
    _calls(line.log)


def _deadlines(log: Sequence[Message]) -> None:
    """Each ends once; never broken before it is due, never met after it."""
    state: dict[tuple[str, str], str] = {}
    sets: dict[tuple[str, str], Any] = {}
    for message in log:
        if not message.name.startswith("deadline."):
            continue
        event: Any = registry.decode(message.name, message.version, message.data)
        key, kind = (message.aggregate, event.deadline), message.name.removeprefix("deadline.")
        now = state.get(key)
        match kind:
            case "set":
                assert now is None, f"{key} is set twice"
                state[key], sets[key] = "running", event
            case "met" | "cancelled":
                assert now in ("running", "paused"), f"{key}: {kind} when {now}"
                state[key] = kind
                if kind == "met" and now == "running":
                    assert event.at <= sets[key].due, f"{key}: met late"
            case "breached":
                assert now == "running", f"{key}: {kind} when {now}"
                assert message.time, key
                assert message.time >= event.due, f"{key}: broken before it was due"
                state[key] = kind
            case "warned":
                assert now == "running", f"{key}: {kind} when {now}"
                if sets[key].warning:
                    state[key] = kind
            case "corrected":
                assert now not in ("running", "paused", event.verdict), f"{key}: {kind} when {now}"
                state[key] = event.verdict
            case "paused":
                assert now == "running", f"{key}: {kind} when {now}"
                state[key] = kind
            case "resumed":
                assert now == "paused", f"{key}: {kind} when {now}"
                state[key], sets[key] = "running", sets[key].model_copy(update={"due": event.due})
            case "escalated":
                assert now == "breached", f"{key}: {kind} when {now}"


def by_occurrence(log: Sequence[Message]) -> list[Message]:
    """The log with what intake heard of a call at most five seconds late in its place."""
    newest: dict[str, Any] = {}
    placed = []
    for message in log:
        at = message.time
        if (
            at
            and message.source.endswith("/intake")
            and message.name not in ("fact.rejected", "fact.deferred")
        ):
            latest = newest.get(message.aggregate, at)
            newest[message.aggregate] = max(at, latest)
            at = at if at >= latest - WINDOW else latest
            placed.append((at, len(placed), message))
    return [message for _, _, message in sorted(placed)] + [
        message for message in log if not message.source.endswith("/intake")
    ]


def _calls(log: Sequence[Message]) -> None:
    """A call is offered once, ends in one way, is held and resumed in turn, and has one owner at most."""
    ways: Counter[tuple[str, str]] = Counter()
    held: dict[str, bool] = {}
    owners: dict[str, Any] = {}
    seen: dict[str, set[str]] = defaultdict(set)
    for message in by_occurrence(log):
        id, name = message.aggregate, message.name
        if name in ("call.offered", "call.abandoned", "call.refused", "call.ended"):
            ways[id, name] += 1
        if name in ("call.offered", "call.abandoned", "call.answered", "call.refused", "call.ended"):
            seen[id].add(name)
        match name:
            case "call.held":
                held[id] = True
            case "hold.refreshed" | "call.resumed":
                assert held.get(id), f"{id}: {name}, not on hold"
                held[id] = name == "hold.refreshed"
            case "call.assigned":
                owners[id] = registry.decode(name, message.version, message.data)
            case "call.contacted":
                assert id in owners, f"{id}: reached by no owner"
    assert all(number == 1 for number in ways.values()), ways
    for id, names in seen.items():
        assert not {"call.answered", "call.abandoned"} <= names, f"{id}: answered and abandoned"
        assert not ("call.refused" in names and names & {"call.answered", "call.abandoned"}), f"{id}: refused"
