"""What must come out the same: decided again, cut anywhere, and without any trouble."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any

from contracts import registry
from eventlog.memory import TERM
from tests.eventlog.everything import live
from tests.eventlog.lines import Line
from tests.simulation.again import Again, Differs
from tests.simulation.seen import Seen
from tests.simulation.world import SERVICES

Wrong = Iterator[str]
LAST = "last-"
"""How the id of what is told when all has been told begins."""


def decided_again(seen: Seen) -> Wrong:
    """The same inputs in the same order give the same log, also when it is cut anywhere; memory is its fold."""
    rng = Random(seen.world.seed)
    for service in SERVICES:
        number = len(seen.own[service]) + len(seen.terms[service])
        try:
            core = Again(seen, service).run()
            Again(seen, service, rng.randrange(number + 1)).run()
        except Differs as differs:
            yield str(differs)
            continue
        for it in seen.world.living(service):
            if not it.runner.active:
                continue
            for id, aggregate in it.runner.core.world.aggregates.items():
                if core.world.aggregates.get(id) != aggregate:
                    yield f"{it.name} has another {id} in memory than the log says"
            for id in core.world.aggregates:
                if id not in it.runner.core.world.aggregates and not core.decider.over(core.world, id):
                    yield f"{it.name} has forgotten {id}, which is not over"


def as_if_nothing_had_happened(seen: Seen) -> Wrong:
    """A story told step by step is recorded of each aggregate as on a log in memory where nothing goes wrong.

    Only then: what is told all at once meets in the order in which services and publishers happen to be fast.
    Rejections are left out, since a fact that is published again is rejected again.
    """
    world = seen.world
    if not world.plan.calm or world.failures:
        return
    line = live(Line(world.protocol, {}, 10_000), world.steps, pause=True)
    wanted, found = _by_aggregate(line.log), _by_aggregate(seen.log.values(), before=LAST)
    for subject in sorted(set(wanted) | set(found)):
        one, two = wanted.get(subject, []), found.get(subject, [])[: len(wanted.get(subject, []))]
        if one != two:
            first = next(
                (pair for pair in zip(one, two, strict=False) if pair[0] != pair[1]), (len(one), len(two))
            )
            yield f"{subject}: without trouble {first[0]}, with it {first[1]}"


def _by_aggregate(log: Any, before: str = "") -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for it in log:
        if before and it.cause.startswith(before):
            break
        if (
            it.aggregate != TERM
            and it.name not in ("fact.rejected", "fact.deferred")
            and f".{registry.CENTRE}." not in it.subject
        ):
            found[it.subject].append((it.name, it.version, it.data, it.time, it.cause, it.id))
    return found
