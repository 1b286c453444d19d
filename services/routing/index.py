"""What is found without its id: kept from each aggregate's change alone."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any, Literal

from services.routing.aggregates import Agent, Aggregate, Assignment, Queue, bare

ANYWHERE = ""
"""Stands for all desks; no desk has this name."""
Table = Literal[
    "available",
    "at_work",
    "speakers",
    "on_call",
    "waiting",
    "offers",
    "owned",
    "queued",
    "escalated",
    "access",
]
Key = tuple[Any, ...]
Entry = tuple[Table, str, Key]
"""In which table, under what, and where in its order."""


@dataclass(slots=True)
class Index:
    """Ordered keys, the id last, by table and what they are found under.

    `available` agents by desk, and supervisors anywhere: lowest tier first, then longest idle. `at_work` agents by
    desk, and anywhere. `speakers` at work by desk and language. `on_call` agents by call. `waiting` calls that
    nobody is asked about, by each desk that may take them, and anywhere: most urgent first. `offers` by the
    agent asked (two only while a closed call is read back). `owned` calls by owner. `queued` queues by call.
    `escalated` calls by the supervisor called, and those without one anywhere. `access` to hand over, by desk.
    """

    tables: dict[tuple[Table, str], list[Key]] = field(default_factory=dict)

    def note(self, id: str, before: Aggregate | None, after: Aggregate | None) -> None:
        """Take out what the aggregate was, put in what it is."""
        old, new = _entries(id, before), _entries(id, after)
        if old == new:
            return
        for table, under, key in old:
            self._take_out((table, under), key)
        for table, under, key in new:
            self._put_in((table, under), key)

    def under(self, table: Table, under: str = ANYWHERE) -> list[Key]:
        """The keys in order; not to be changed, nor kept while the world goes on."""
        return self.tables.get((table, under), [])

    def ids(self, table: Table, under: str = ANYWHERE) -> list[str]:
        """The ids of the keys, in order."""
        return [key[-1] for key in self.under(table, under)]

    def asked_about(self, agent: str) -> str | None:
        """The call that the agent is asked about."""
        return next((key[-1] for key in self.under("offers", agent)), None)

    def called_to(self, supervisor: str) -> str | None:
        """The call that the supervisor is called to."""
        return next((key[-1] for key in self.under("escalated", supervisor)), None)

    def _put_in(self, place: tuple[Table, str], key: Key) -> None:
        ordered = self.tables.setdefault(place, [])
        at = bisect_left(ordered, key)
        if ordered[at : at + 1] != [key]:
            ordered.insert(at, key)

    def _take_out(self, place: tuple[Table, str], key: Key) -> None:
        ordered = self.tables.get(place, [])
        at = bisect_left(ordered, key)
        if ordered[at : at + 1] == [key]:
            del ordered[at]
            if not ordered:
                del self.tables[place]


def _entries(id: str, it: Aggregate | None) -> list[Entry]:
    match it:
        case Assignment():
            return _of_call(id, it)
        case Agent():
            return _of_agent(bare(id), it)
        case Queue():
            return [("queued", call, (id,)) for call, _ in it.waiting]
    return []


def _of_agent(id: str, agent: Agent) -> list[Entry]:
    found: list[Entry] = [("on_call", call, (id,)) for call in agent.calls]
    if not agent.at_work:
        return found
    for desk in dict.fromkeys((*agent.desks, ANYWHERE)):
        found.append(("at_work", desk, (id,)))
        found += [("speakers", f"{desk} {language}", (id,)) for language in agent.languages]
    if agent.state == "available" and not agent.calls:
        everywhere = (ANYWHERE,) if agent.role == "supervisor" else ()
        desks = dict.fromkeys((*agent.desks, *everywhere))
        found += [("available", desk, (agent.tier, agent.since, id)) for desk in desks]
    return found


def _of_call(id: str, call: Assignment) -> list[Entry]:
    found: list[Entry] = []
    if call.state == "unassigned":
        key = (call.priority, call.since, id)
        found += [("waiting", desk, key) for desk in (*call.desks, ANYWHERE)]
    if call.offered_to:
        found.append(("offers", call.offered_to, (id,)))
    if call.state == "assigned" and call.owner:
        found.append(("owned", call.owner, (id,)))
    if call.escalated:
        found.append(("escalated", call.summoned or ANYWHERE, (call.escalated, id)))
    if call.access:
        found.append(("access", call.access, (id,)))
    return found
