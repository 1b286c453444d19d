"""Stories of calls told in order and out of it: `python -m tests.eventlog.disorder 200` counts what differs."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from contracts import registry
from contracts.protocol import Protocol
from eventlog.codec import Message, headers_of, timestamp
from tests.eventlog.everything import COLD, DESKS, FRONT, GAS, MIXED, PHONES, VENDOR
from tests.eventlog.lines import CENTRE, Line
from tests.unit.given import START

PROTOCOLS = (COLD, GAS, FRONT, VENDOR, MIXED)
LATEST = 4.9
"""Seconds by which a fact may come late."""


class Told(NamedTuple):
    """A fact, when it occurred and when it arrives: seconds from the beginning."""

    at: float
    name: str
    about: str
    data: dict[str, Any]
    arrives: float


def story(chance: random.Random) -> list[Told]:
    """Some calls from beginning to end as backends tell them, everything in order and in time."""
    told: list[Told] = []

    def tell(at: float, what: str, about: str, **data: Any) -> None:
        data = {key.removesuffix("_"): value for key, value in data.items() if value is not None}
        told.append(Told(round(at, 3), what, about, data, round(at, 3)))

    def gap() -> float:
        return chance.choice((0.2, 0.7, 1.5, 3.0, 3.0, 9.0, 30.0))

    for agent, role in (("ana", "agent"), ("bruno", "agent"), ("sol", "supervisor")):
        tell(0, "agent.signed_in", agent, name=agent, desks=DESKS, role=role)
        tell(1.0, "agent.available", agent)
    tell(2.0, "customer.registered", "k1", name="K", kind="individual", phones=[PHONES[0]])
    for number in range(1, chance.randint(2, 3)):
        now, call = 10.0 + chance.random() * 5, f"c{number}"
        tell(now, "call.offered", call, from_=chance.choice(PHONES), to=PHONES[3])
        if chance.random() < 0.4:
            tell(now := now + gap(), "call.queued", call)
            if chance.random() < 0.8:
                tell(now := now + gap(), "call.dequeued", call)
        if chance.random() < 0.15:
            tell(now + gap(), "call.abandoned", call)
            continue
        agent = chance.choice(("ana", "bruno"))
        tell(now := now + gap(), "call.answered", call, agent=agent)
        for _ in range(chance.randint(1, 6)):
            now = _talk(chance, tell, gap, call, agent, now)
        by = chance.choice(("caller", "agent"))
        tell(now := now + gap(), "call.ended", call, by=by, disposition="done", agent=agent)
        if chance.random() < 0.3:
            tell(now + gap(), "contact.made", call, owner=agent, channel="phone", outcome="reached")
    if chance.random() < 0.3:
        tell(12, "message.received", "m1", channel="email", category="complaint", subject="s", text="t")
        tell(12 + gap(), "message.answered", "m1")
    return sorted(told, key=lambda it: it.at)


def _talk(chance: random.Random, tell: Any, gap: Any, call: str, agent: str, now: float) -> float:
    now += gap()
    match chance.randint(0, 9):
        case 0 | 1:
            tell(now, "call.held", call, reason=chance.choice(("a check", None)))
            if chance.random() < 0.4:
                tell(now := now + gap(), "hold.refreshed", call)
            tell(now := now + gap(), "call.resumed", call)
        case 2 | 3:
            category = chance.choice(("complaint", "error", "invoice", "question"))
            tell(now, "request.stated", call, text="se ha roto la cámara", category=category)
        case 4:
            standing = chance.choice(("customer", "new"))
            tell(
                now,
                "caller.identified",
                call,
                standing=standing,
                name="K",
                customer="k1" if standing == "customer" else None,
            )
        case 5:
            tell(now, "call.greeted", call, agent=agent)
        case 6:
            tell(
                now,
                "conduct.reported",
                call,
                conduct=chance.choice(("offence", "silent", "threat")),
                by=agent,
            )
        case 7:
            tell(now, "caller.responded", call)
        case 8:
            tell(now, "complexity.assessed", call, complexity=chance.choice(("high", "low")))
        case 9:
            to = chance.choice(("ana", "bruno"))
            tell(now, "call.transferred", call, to=to, agent=to, mode="blind")
    return now


def shuffled(chance: random.Random, told: Sequence[Told], share: float = 0.4) -> list[Told]:
    """The same story, some of it arriving late by less than five seconds, in the order in which it arrives."""
    late = [
        it._replace(arrives=round(it.at + chance.random() * LATEST, 3)) if chance.random() < share else it
        for it in told
    ]
    return sorted(late, key=lambda it: it.arrives)


def swaps(told: Sequence[Told]) -> Iterator[tuple[str, list[Told]]]:
    """Each pair of neighbours of one thing within the five seconds told in the wrong order; which pair it is."""
    for first, early in enumerate(told):
        for later in told[first + 1 :]:
            if later.about != early.about:
                continue
            if later.at - early.at < LATEST:
                whole = [it for it in told if it is not early]
                place = whole.index(later) + 1
                whole.insert(place, early._replace(arrives=later.arrives))
                yield f"{later.name} before {early.name}", whole
            break


class Quick(Line):
    """A line that keeps no checkpoints, and forgets who said what of the time once all have heard it."""

    @property  # type: ignore[override]
    def turn(self) -> int:
        """Never that of a checkpoint."""
        return 1

    @turn.setter
    def turn(self, turn: int) -> None: ...

    def settle(self) -> None:
        """Go on until nobody has anything to do."""
        while self.round(50):
            pass
        for post in self.posts:
            del post.said[:-1]


def play(protocol: Protocol, told: Sequence[Told], line: Line | None = None) -> Line:
    """Tell it in this order, the clock going on as the facts arrive, and long enough behind the last."""
    line = line or Quick(protocol, {}, 10_000)
    now = 0.0

    def until(to: float) -> None:
        nonlocal now
        while now < to:
            now = min(now + 2.0 if to - now < 60 else now + 15.0, to)
            moment = START + timedelta(seconds=now)
            data = json.dumps({"to": timestamp(moment)}).encode()
            fact = Message(registry.CLOCK, "clock.advanced", data, f"clock-{now}", "/test", time=moment)
            line.tell(registry.inbox_subject(CENTRE, "clock", registry.CLOCK), headers_of(fact), fact.data)
            line.settle()

    for number, it in enumerate(told):
        until(it.arrives)
        topic = registry.topic_of(it.name) or ""
        name = f"{it.name}-{it.about}-{it.at}"
        time = START + timedelta(seconds=it.at)
        fact = Message(it.about, it.name, json.dumps(it.data).encode(), name, "/test", time=time)
        line.tell(registry.inbox_subject(CENTRE, topic, it.about), headers_of(fact), fact.data)
        if number % 2:
            line.settle()
    line.settle()
    until(500.0)
    return line


def outcome(line: Line) -> dict[str, Any]:
    """What is true in the end: states, people, holds, violations, tickets, verdicts and figures, whatever the order."""
    worlds = {post.name: post.core.world for post in line.posts}
    found: dict[str, Any] = {}
    holds: dict[str, list[Any]] = defaultdict(list)
    violations: dict[str, Counter[str]] = defaultdict(Counter)
    deferrals = {m.id: m.cause for m in line.log if m.name == "fact.deferred"}
    for message in line.log:
        data = json.loads(message.data)
        match message.name:
            case "call.held" | "call.resumed" | "hold.refreshed":
                holds[message.aggregate].append((message.time, message.name))
            case "call.answered":
                found[f"answered {message.aggregate}"] = (message.time, data.get("agent"))
            case "rule.violated":
                violations[message.aggregate][f"{data['rule']} {data['detail']}"] += 1
            case "violation.withdrawn":
                violations[message.aggregate][f"{data['rule']} {data['detail']}"] -= 1
            case "contact.missing":
                found[f"missing {message.aggregate}"] = tuple(data["missing"])
            case "ticket.owed" | "ticket.registered" | "callback.promised":
                found[f"{message.name} {message.aggregate}"] = data.get("category") or data.get("reason")
            case "fact.rejected":
                found[f"rejected {deferrals.get(message.cause, message.cause)}"] = data["rule"]
    found |= {f"holds {id}": sorted(them) for id, them in holds.items()}
    found |= {f"violations {id}": +them for id, them in violations.items() if +them}
    for id, it in worlds["intake"].aggregates.items():
        if type(it).__name__ == "Call":
            for name in ("state", "waiting", "agent", "says", "identified", "customer", "name", "held"):
                found[f"{name} {id}"] = getattr(it, name)
            found[f"category {id}"] = it.category
            kept = it.classified
            found[f"classified {id}"] = (kept.standing, kept.kind, kept.customer) if kept else None
            found[f"need {id}"] = (
                (it.need.category, it.need.kind, it.need.customer, it.need.agent) if it.need else None
            )
            ladder = it.ladder._asdict()
            if it.ladder.responded:  # who has said something is not silent
                ladder["steps"] = {kind: step for kind, step in it.ladder.steps.items() if kind != "silent"}
            found |= {
                f"ladder {name} {id}": ladder[name]
                for name in ("steps", "warned", "released", "greetings", "responded")
            }
        elif type(it).__name__ == "Letter":
            found[f"letter {id}"] = it.answered
    for id, it in worlds["sla"].aggregates.items():
        if type(it).__name__ == "Figure":
            found[f"figure {id}"] = it.days
        else:
            met = [(d.name, d.state) for d in it.deadlines if d.state != "cancelled"]
            found[f"verdicts {id}"] = sorted(met)
    for id, it in worlds["routing"].aggregates.items():
        match type(it).__name__:
            case "Assignment":
                found[f"assignment {id}"] = (it.state, it.desk, it.priority)
            case "Agent":
                found[f"agent {id}"] = (it.state, sorted(it.calls))
            case "Queue":
                found[f"queue {id}"] = repr(it)
    for id, it in worlds["tickets"].aggregates.items():
        found[f"tickets {id}"] = repr(it)
    return {key: value for key, value in found.items() if value not in (None, [], (), False)}


def differences(one: dict[str, Any], two: dict[str, Any]) -> list[str]:
    """What came out otherwise."""
    return [
        f"{key}: {one.get(key)} / {two.get(key)}"
        for key in sorted(one.keys() | two.keys())
        if one.get(key) != two.get(key)
    ]


def main(number: int, first: int = 0) -> None:
    """Count what differs, pair by pair and for whole stories."""
    pairs: dict[str, Counter[str]] = defaultdict(Counter)
    shown: dict[str, list[str]] = {}
    whole: Counter[str] = Counter()
    for seed in range(first, first + number):
        chance = random.Random(seed)
        protocol, told = chance.choice(PROTOCOLS), story(chance)
        straight = outcome(play(protocol, told))
        for pair, other in swaps(told):
            line = play(protocol, other)
            found = differences(straight, outcome(line))
            pairs[pair]["differ" if found else "same"] += 1
            pairs[pair]["corrected"] += any(
                m.name in ("deadline.corrected", "violation.withdrawn") for m in line.log
            )
            if found:
                shown.setdefault(pair, [f"seed {seed} {protocol.name}", *found])
        found = differences(straight, outcome(play(protocol, shuffled(chance, told))))
        whole["differ" if found else "same"] += 1
        if found:
            shown.setdefault(f"seed {seed} {protocol.name} shuffled", found)
    lines = [
        f"{counts['differ']:5} of {counts['differ'] + counts['same']:5} differ, {counts['corrected']} corrected: {pair}"
        for pair, counts in sorted(pairs.items(), key=lambda it: -it[1]["differ"])
    ]
    lines.append(f"pairs: {sum((+it for it in pairs.values()), Counter())}, stories: {dict(whole)}")
    lines += ["\n    ".join((pair, *found[:7])) for pair, found in shown.items()]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
