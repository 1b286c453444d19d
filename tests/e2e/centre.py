"""A centre under test: what tests tell it, wait for, and read of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from centralita.client import Fact
from centralita.operating import Operator
from contracts import registry
from eventlog.codec import Message
from tests.unit.given import at

DESK = "technical-service"


class Told(NamedTuple):
    """An event without what differs from one run to the next: ids, positions, when it was stored."""

    name: str
    data: dict[str, Any]
    time: datetime | None
    place: tuple[int, int]


def fact(type: str, about: str, seconds: float, /, **data: Any) -> Fact:
    """A fact that occurred so many seconds after the start; its id follows from what it says."""
    data = {key.rstrip("_"): value for key, value in data.items()}
    return Fact(type, about, data, at(seconds), id=f"{type}-{about}-{seconds:.3f}")


def advanced(seconds: float) -> Fact:
    """The virtual clock stands at so many seconds after the start."""
    return Fact("clock.advanced", registry.CLOCK, {"to": at(seconds)}, at(seconds), id=f"clock-{seconds:.3f}")


def offered(call: str, seconds: float, /, **data: Any) -> Fact:
    """A call comes in."""
    return fact("call.offered", call, seconds, **data)


def signed_in(agent: str, seconds: float = 0) -> list[Fact]:
    """An agent of the technical service is at work and available."""
    return [
        fact("agent.signed_in", agent, seconds, name=agent.title(), desks=[DESK]),
        fact("agent.available", agent, seconds),
    ]


def stated(call: str, seconds: float, /, category: str = "complaint") -> Fact:
    """The caller says what is the matter; nothing in it says who is calling."""
    return fact("request.stated", call, seconds, text="hay una fuga de agua", category=category)


def aggregates_of(log: Iterable[Message]) -> dict[str, list[Told]]:
    """By service and aggregate, what was recorded of it: the same on every run of the same story."""
    found: dict[str, list[Told]] = defaultdict(list)
    for message in log:
        service, aggregate = message.subject.split(".", 3)[2:]
        if service != registry.CENTRE and aggregate != registry.TERM:
            told = Told(message.name, json.loads(message.data), message.time, message.place)
            found[f"{service} {aggregate}"].append(told)
    return dict(found)


def story_of(log: Iterable[Message]) -> dict[str, list[Told]]:
    """What must be the same whenever the same is told.

    By service and aggregate; with sla also by deadline, because those of a call that rest on events of
    different services may be set in either order. Where a rejected fact lies is left out.
    """
    found: dict[str, list[Told]] = defaultdict(list)
    for key, events in aggregates_of(log).items():
        for told in events:
            data = {name: value for name, value in told.data.items() if name not in ("position", "kept")}
            part = data.get("deadline", data.get("stage", "")) if key.startswith("sla") else ""
            found[f"{key} {part}"].append(told._replace(data=data))
    return dict(found)


@dataclass
class Centre:
    """A centre and a client that works with it."""

    client: Operator
    name: str

    async def tell(self, *facts: Fact | Iterable[Fact]) -> int:
        """Publish facts in this order and wait until all is settled; the log's last position."""
        flat = [each for part in facts for each in ([part] if isinstance(part, Fact) else part)]
        await self.client.publish(self.name, flat)
        return await self.client.settle(self.name)

    async def command(self, service: str, verb: str, id: str = "", **data: Any) -> dict[str, Any]:
        """Ask a service to do something."""
        return await self.client.command(self.name, service, verb, data, id=id)

    async def query(self, service: str, name: str, **data: Any) -> dict[str, Any]:
        """Ask a service something."""
        return await self.client.query(self.name, service, name, data)

    async def log(self) -> list[Message]:
        """Everything recorded, in order."""
        return [raw.message() async for part in self.client.recorded(self.name) for raw in part]

    async def aggregates(self) -> dict[str, list[Told]]:
        """By service and aggregate, what was recorded of it: the same on every run of the same story."""
        return aggregates_of(await self.log())

    async def story(self) -> dict[str, list[Told]]:
        """What must be the same whenever the same is told."""
        return story_of(await self.log())

    async def names(self, service: str, call: str) -> list[str]:
        """The names of what a service recorded of a call, in order."""
        return [told.name for told in (await self.aggregates()).get(f"{service} {call}", [])]

    async def events(self, service: str, call: str, name: str) -> list[dict[str, Any]]:
        """The data of each event of this name that a service recorded of a call."""
        story = (await self.aggregates()).get(f"{service} {call}", [])
        return [told.data for told in story if told.name == name]

    async def deadlines(self, call: str) -> dict[str, str]:
        """The deadlines of a call and how each stands."""
        found = (await self.query("sla", "deadlines", call=call))["deadlines"]
        return {each["deadline"]: each["state"] for each in found}
