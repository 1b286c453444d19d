"""What a run has left behind, read once: log, inbox, who wrote what, and what those outside were told."""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from contracts import registry
from eventlog.codec import Message, message_of
from eventlog.decider import Arrival
from eventlog.memory import TERM
from eventlog.pull import nanoseconds
from eventlog.stream import Raw
from services.seat import place_of
from tests.simulation.stored import Kept, block
from tests.simulation.world import CENTRE, SERVICES, World


class Seen:
    """One run, for those who judge it. Messages are by service, terms left out; `log` has all by position."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._read: dict[int, Any] = {}
        self.log = {seq: _message(kept) for seq, kept in world.log.history.items()}
        self.writers = {seq: kept.writer for seq, kept in world.log.history.items()}
        self.inbox = {seq: _raw(kept) for seq, kept in world.inbox.history.items()}
        self.by_id = {message.id: message for message in self.log.values()}
        self.own: dict[str, list[Message]] = defaultdict(list)
        self.terms: dict[str, list[Message]] = defaultdict(list)
        self.centre: list[Message] = []
        for message in self.log.values():
            service = message.subject.split(".")[2]
            if service == registry.CENTRE:
                self.centre.append(message)
            else:
                (self.terms if message.aggregate == TERM else self.own)[service].append(message)

    def events(self, *names: str) -> Iterator[tuple[Message, Any]]:
        """Events of these names with their data, in order."""
        for message in self.log.values():
            if message.name in names:
                yield message, self.data(message)

    def data(self, message: Message) -> Any:
        """The data of an event."""
        if message.seq not in self._read:
            self._read[message.seq] = registry.decode(message.name, message.version, message.data)
        return self._read[message.seq]

    def rejected_at(self, message: Message) -> int | None:
        """The position of the fact that an event rejects; None where it rejects none."""
        data = json.loads(message.data) if message.name == "fact.rejected" else {}
        return int(data["position"]) if data.get("kept") else None

    def deferral_of(self, message: Message) -> Message | None:
        """The event by which a fact waits, where another one says that it has waited in vain."""
        before = self.by_id.get(message.cause)
        return before if before and before.name == "fact.deferred" and not message.cause_source else None

    def position_of(self, message: Message) -> int:
        """Where in the inbox the fact is that an event is caused by, be it that it had to wait."""
        waited = self._deferred.get((message.cause_source, message.cause), [])
        return next((it for seq, it, until in reversed(waited) if seq < message.seq < until), message.inbox)

    @functools.cached_property
    def _deferred(self) -> dict[tuple[str, str], list[tuple[int, int, int]]]:
        in_vain = {data.position: message.seq for message, data in self.events("fact.rejected")}
        found: dict[tuple[str, str], list[tuple[int, int, int]]] = defaultdict(list)
        for message, data in self.events("fact.deferred"):
            until = in_vain.get(data.position, 1 << 60)
            found[message.cause_source, message.cause].append((message.seq, data.position, until))
        return found

    def arrival(self, message: Message) -> Arrival | None:
        """What a decision was made on, of which this is an event; None for a timer."""
        service = message.subject.split(".")[2]
        if self.deferral_of(message):
            return None  # it has waited in vain
        if self.rejected_at(message) or (message.cause_source and not message.actor):
            return place_of(CENTRE, SERVICES[service]).fact(self.inbox[message.inbox])
        if message.cause_source:
            return self.world.told.commands[message.cause]
        cause = self.log.get(message.log)
        if cause and cause.id == message.cause:
            return Arrival("event", cause.aggregate, cause)
        return None

    def fact_behind(self, message: Message) -> int | None:
        """The position of the fact that an event follows from in the end; None if it was no fact."""
        while not message.cause_source:
            before = self.by_id.get(message.cause)
            if before is None or before.seq >= message.seq:
                return None
            message = before
        return None if message.actor else self.position_of(message)

    def passed(self, moment: datetime) -> tuple[int, datetime]:
        """Where in the inbox, and when, the time of the centre had come to a moment."""
        if not self.world.plan.virtual:
            return 0, moment
        for seq, raw in self.inbox.items():
            if raw.headers.get("ce-type") == "clock.advanced":
                to = datetime.fromisoformat(json.loads(raw.data)["to"])
                if to >= moment:
                    return seq, raw.stored
        return 1 << 60, datetime.max.replace(tzinfo=moment.tzinfo)

    def clock_at(self, seq: int) -> datetime:
        """The latest time that anybody could know of when a position of the log was written."""
        if not self.world.plan.virtual:
            return self.world.log.history[seq].at
        times = [
            datetime.fromisoformat(json.loads(self.log[at].data)["to"]) for at in self._advanced if at < seq
        ]
        return max(times, default=datetime.min.replace(tzinfo=self.world.now().tzinfo))

    @functools.cached_property
    def _advanced(self) -> list[int]:
        return [seq for seq, message in self.log.items() if message.name == "clock.advanced"]


def _message(kept: Kept) -> Message:
    return message_of(kept.subject, kept.headers, kept.data, kept.seq, kept.at)


def _raw(kept: Kept) -> Raw:
    return Raw(kept.subject, block(kept.headers), kept.data, kept.seq, nanoseconds(kept.at), 0)
