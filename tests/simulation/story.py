"""What is told and asked of a centre in one run: calls that take a sensible course, and anything at all between."""

from __future__ import annotations

import types
from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from contracts.base import Data
from contracts.names import COMMANDS, FACTS
from contracts.protocol import Protocol
from eventlog.codec import timestamp
from tests.eventlog.everything import ABOUT, AGENTS, CALLS, DESKS, PHONES, POOLS, PROTOCOLS, TEXTS, Step, fits

CATEGORIES = ("sales", "information", "after_sales", "invoice", "complaint", "administrative", "error")
ROLES = {"sol": "supervisor", "rita": "reception"}


def story(rng: Random, calls: int, wild: float) -> tuple[Protocol, list[Step]]:
    """A protocol, and steps: agents come to work, so many calls take their course, and a share is anything at all."""
    protocol = rng.choice(PROTOCOLS)
    courses = [list(_course(rng, call)) for call in CALLS[:calls]]
    steps = [*_beginning(rng)]
    while any(courses):
        course = rng.choice([each for each in courses if each])
        steps.append(course.pop(0))
        if rng.random() < wild:
            steps.append(_anything(rng))
        if rng.random() < 0.03:
            steps.append(Step(0, "publish", data=protocol))
        if rng.random() < 0.2:
            steps.append(Step(rng.choice((1.0, 8.0, 20.0, 61.0)), "clock"))
    return protocol, steps


def _beginning(rng: Random) -> Iterator[Step]:
    for agent in rng.sample(AGENTS, 3):
        data = {"name": agent, "desks": DESKS, "role": ROLES.get(agent, "agent")}
        yield Step(0, "fact", "agent.signed_in", agent, data)
        yield Step(0, "fact", "agent.available", agent, {})
    if rng.random() < 0.5:
        customer = {"name": "K", "kind": "individual", "phones": [PHONES[0]]}
        yield Step(0, "fact", "customer.registered", "k1", customer)


def _course(rng: Random, call: str) -> Iterator[Step]:
    """A call from beginning to end, and what comes after it."""

    def fact(name: str, after: float = 1.0, /, **data: Any) -> Step:
        return Step(after * rng.choice((0.0, 0.5, 1.0, 2.0)), "fact", name, call, data)

    agent = rng.choice(AGENTS)
    yield fact("call.offered", **{"from": rng.choice(PHONES[:2]), "to": PHONES[2], "queue": "main"})
    if rng.random() < 0.4:
        yield fact("call.queued")
        yield fact("call.dequeued")
    if rng.random() < 0.15:
        yield fact("call.abandoned", 5.0)
        yield fact("call.answered", agent=agent)  # which cannot be
        return
    yield fact("call.answered", 4.0, agent=agent)
    yield fact("call.greeted", agent=agent)
    if rng.random() < 0.5:
        yield fact("caller.identified", standing=rng.choice(("customer", "new")), customer="k1", name="K")
    for _ in range(rng.choice((1, 1, 2))):
        yield fact("request.stated", text=rng.choice(TEXTS[:3]), category=rng.choice(CATEGORIES))
    for _ in range(rng.choice((0, 1, 2))):
        yield fact("call.held", reason="un momento")
        if rng.random() < 0.2:
            yield fact("call.held")  # which it is already
        if rng.random() < 0.5:
            yield fact("hold.refreshed", 10.0)
        yield fact("call.resumed", 15.0)
    if rng.random() < 0.4:
        data = {"need": "x", "category": "complaint", "by": agent, "call": call}
        yield Step(1, "command", "tickets.register", data=data)
    yield fact("call.ended", 9.0, by="caller")
    yield fact(
        rng.choice(("call.held", "call.greeted", "call.ended", "note.taken")), points=["x"]
    )  # too late
    if rng.random() < 0.7:
        outcome = rng.choice(("accepted", "accepted", "declined", "instructed"))
        yield fact("assignment.attempted", 5.0, by=rng.choice(AGENTS), outcome=outcome)
        yield fact(
            "contact.made", 10.0, owner=agent, channel="phone", outcome=rng.choice(("reached", "no_answer"))
        )


def _anything(rng: Random) -> Step:
    after = rng.choice((0.0, 0.0, 0.5, 1.0, 8.0, -5.0))
    drawn = rng.random()
    if drawn < 0.5:
        topic = rng.choices(("call", "agent", "customer", "message"), (6, 3, 1, 1))[0]
        name = rng.choice(list(FACTS[topic]))
        return Step(after, "fact", name, rng.choice(ABOUT[topic]), filled(rng, FACTS[topic][name]))
    if drawn < 0.75:
        service, verbs = rng.choice([(it, verbs) for it, verbs in COMMANDS.items() if verbs])
        verb = rng.choice(list(verbs))
        for _ in range(20):
            data = filled(rng, verbs[verb])
            if fits(verbs[verb], data):
                return Step(after, "command", f"{service}.{verb}", data=data)
    if drawn < 0.95:
        return Step(after, "repeat", data=rng.randrange(1000))
    return Step(after, "raw", rng.choice(("call.c1", "agent.ana", "call.a b")), data=rng.choice(("{", "{}")))


def filled(rng: Random, kind: type[Data]) -> dict[str, Any]:
    """JSON for a model, that may not fit it."""
    drawn = {
        field.alias or name: value(rng, name, field.annotation) for name, field in kind.model_fields.items()
    }
    return {
        name: timestamp(it) if isinstance(it, datetime) else it
        for name, it in drawn.items()
        if it is not None
    }


def value(rng: Random, name: str, shape: Any) -> Any:
    """Some value of a field of this name and type."""
    if get_origin(shape) is Literal:
        return rng.choice(get_args(shape))
    if name in POOLS:
        return rng.choice(POOLS[name])
    if get_origin(shape) is Annotated:
        return value(rng, name, get_args(shape)[0])
    if get_origin(shape) in (Union, types.UnionType):
        kinds = [each for each in get_args(shape) if each is not type(None)]
        none = type(None) in get_args(shape) and rng.random() < 0.5
        return None if none else value(rng, name, rng.choice(kinds))
    if shape is bool:
        return rng.random() < 0.5
    if shape is int:
        return rng.choice((1, 2))
    if get_origin(shape) is tuple:
        return [value(rng, name, get_args(shape)[0]) for _ in range(rng.randrange(3))]
    return rng.choice(("one", "two"))
