"""The same call flow on the `eventsourcing` library alone: on PostgreSQL and in RAM.

All of it runs in one process, as the library's runners do, and the facts are method calls: nothing is
received over a network and nothing is written before the intake application records its events. Our own
side has to do both, so a ratio taken against this peer errs in the peer's favour."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from eventsourcing.system import (
    MultiThreadedRunner,
    NewSingleThreadedRunner,
    ProcessApplication,
    Runner,
    SingleThreadedRunner,
)
from eventsourcing.utils import get_topic

from bench import postgres
from bench.peer_flow import STORED, SYSTEM, Answered, Ended, Fact, Intake, Offered, Stated

Backend = Literal["postgres", "ram"]
EVENTS_PER_CALL = 9
# not NewMultiThreadedRunner: it drops prompts when its queue of 100 is full, and then may never catch up
RUNNERS: tuple[type[Runner[UUID]], ...] = (SingleThreadedRunner, NewSingleThreadedRunner, MultiThreadedRunner)
SETTINGS = {
    # each application has one writer, so a cached aggregate is never behind the store
    "AGGREGATE_CACHE_MAXSIZE": "10000",
    "AGGREGATE_CACHE_FASTFORWARD": "n",
    "DEEPCOPY_FROM_AGGREGATE_CACHE": "n",
}
STALLED_AFTER_S = 30.0
PAGE = 5000


class PeerFailed(RuntimeError):
    """The peer did not store what the flow requires, so its time means nothing."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one run reached; `seconds` from the first fact until the last event was stored."""

    calls_per_s: float
    events: int
    seconds: float
    durability: str
    runner: str
    group: int


def run(
    calls: int,
    backend: Backend,
    *,
    group: int = 1,
    runner: type[Runner[UUID]] | None = None,
    directory: Path | None = None,
) -> Result:
    """Take `calls` calls of four facts each through the system and check that nine events of each are stored.

    `group` facts are recorded in one transaction (1: each is durable before the next is given). Without a
    `runner` each of RUNNERS gets a short trial first, and the fastest runs. PostgreSQL's data lie below
    `directory`. Raises postgres.PostgresUnavailable, and PeerFailed when an event lacks or is too many."""
    with ExitStack() as stack:
        server = stack.enter_context(postgres.server(directory)) if backend == "postgres" else None

        def measure(count: int, kind: type[Runner[UUID]], name: str) -> float:
            storage = server.new_database(name) if server else {"PERSISTENCE_MODULE": "eventsourcing.popo"}
            with kind(SYSTEM, storage | SETTINGS) as running:
                return _measure(running, count, group)

        if runner is None:
            short = min(calls, max(50, calls // 5))
            trials = {kind: measure(short, kind, f"trial_{n}") for n, kind in enumerate(RUNNERS)}
            runner = min(RUNNERS, key=trials.__getitem__)
        seconds = measure(calls, runner, "measured")
        durability = server.durability() if server else "none: memory of one process"
    return Result(calls / seconds, calls * EVENTS_PER_CALL, seconds, durability, runner.__name__, group)


def facts(calls: int) -> Iterator[Fact]:
    """The four facts of each call, call after call; the same every time."""
    start = datetime(2024, 2, 1, 8, tzinfo=UTC)
    for n in range(calls):
        call, at = _call_id(n), start + timedelta(seconds=n)
        yield Offered(call, at, f"+346{n:08d}", "+34931234567", "after_sales")
        yield Answered(call, at + timedelta(seconds=5), f"agent-{n % 50}")
        yield Stated(call, at + timedelta(seconds=40), "the cold room gets too warm", "after_sales")
        yield Ended(call, at + timedelta(seconds=200), "caller", "resolved")


def _call_id(n: int) -> str:
    return f"20240201-{n:08d}"


def _measure(runner: Runner[UUID], calls: int, group: int) -> float:
    intake = runner.get(Intake)
    given = list(facts(calls))
    waiting = iter(given)
    began = time.perf_counter()
    while chunk := list(islice(waiting, group)):
        intake.accept(chunk)
    _await_settled(runner, calls)
    seconds = time.perf_counter() - began
    for application, (_, topics) in STORED.items():
        _check(runner.get(application), calls, [get_topic(topic) for topic in topics])
    return seconds


def _await_settled(runner: Runner[Any], calls: int) -> None:
    """Wait until the followers, which may be threads, have stored the last of their events."""
    missing = {application: calls * len(topics) for application, (_, topics) in STORED.items()}
    progress, deadline = 0, time.monotonic() + STALLED_AFTER_S
    while True:
        reached = {app: runner.get(app).recorder.max_notification_id() or 0 for app in missing}
        missing = {app: count for app, count in missing.items() if reached[app] < count}
        if not missing:
            return
        errored = getattr(runner, "has_errored", None)
        if errored and errored.is_set():
            raise PeerFailed("a follower of the peer failed")
        if sum(reached.values()) != progress:
            progress, deadline = sum(reached.values()), time.monotonic() + STALLED_AFTER_S
        if time.monotonic() > deadline:
            raise PeerFailed(f"the peer stands still, still missing: {[app.name for app in missing]}")
        time.sleep(0.005)


def _check(application: ProcessApplication[UUID], calls: int, topics: Sequence[str]) -> None:
    """Every call has exactly these events in this order, and nothing else is stored."""
    create_id, _ = STORED[type(application)]
    expected = {create_id(_call_id(n)): list(topics) for n in range(calls)}
    stored: dict[Any, list[str]] = {}
    for notification in chain.from_iterable(_pages(application)):
        stored.setdefault(notification.originator_id, []).append(notification.topic)
    if stored != expected:
        wrong = sum(stored.get(key) != value for key, value in expected.items())
        raise PeerFailed(f"{application.name}: {wrong} of {calls} calls have not the events they must have")


def _pages(application: ProcessApplication[UUID]) -> Iterator[Sequence[Any]]:
    position = 0
    while page := application.recorder.select_notifications(position, PAGE, inclusive_of_start=False):
        yield page
        position = page[-1].id
