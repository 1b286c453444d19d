"""Each service's log decided again: from nothing, or from where it is cut, on the inputs in the order it took them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eventlog.codec import Message
from eventlog.core import Core
from eventlog.decider import Arrival
from eventlog.errors import Corrupt
from eventlog.memory import TERM
from services.decider import Decider
from services.seat import place_of
from tests.simulation.seen import Seen
from tests.simulation.world import CENTRE, SERVICES

PLENTY = 1 << 30


class Differs(Exception):
    """The log is not what is decided again."""


class Again:
    """One service, deciding again; `cut` is how many of its messages it begins with (terms count)."""

    def __init__(self, seen: Seen, service: str, cut: int = 0) -> None:
        self.seen, self.service = seen, service
        self._place = place_of(CENTRE, SERVICES[service])
        self._references = list(seen.centre)
        decider = Decider(SERVICES[service], CENTRE)
        self.core: Core[Any] = Core(decider, self._place.source, PLENTY, PLENTY, decider.sealing)
        whole = sorted([*seen.own[service], *seen.terms[service]], key=lambda message: message.seq)
        for message in whole[:cut]:
            self._refer(message.log)
            self.core.fold(message)
        self._refer(self.core.log)
        self._left = [message for message in whole[cut:] if message.aggregate != TERM]

    def run(self) -> Core[Any]:
        """Decide on everything; Differs where the log has something else."""
        core = self.core
        try:
            if core.cut:
                arrival = core.waiting.cause_of(core.cut) or self.seen.arrival(core.cut)
                assert arrival
                self._take(core.complete(arrival), arrival)
            elif rest := core.resume():
                self._take(rest, Arrival("event", "", rest[0]))
            while self._left:
                self._decision(self._left[0])
            last = max(self.seen.log)
            self._read(max(self.seen.inbox, default=0), last)
        except Corrupt as corrupt:
            raise Differs(f"{self.service}: {corrupt}") from corrupt
        return core

    def _decision(self, first: Message) -> None:
        core, arrival = self.core, self.seen.arrival(first)
        if arrival is None:
            self._read(first.inbox, first.log)
            due = core.due()
            if due is None or due[1].message.id != first.cause:
                raise Differs(
                    f"{self.service}: {first.name} at {first.seq} by timer {first.cause}, due is {due}"
                )
            arrival = due[1]
        elif arrival.kind == "fact":
            self._read(first.inbox - 1, first.log)
        elif arrival.kind == "event":
            self._read(first.inbox, first.log - 1)
        else:
            self._read(first.inbox, first.log)
        self._take(core.handle(arrival), arrival)

    def _read(self, inbox: int, log: int) -> None:
        """What was read and led to nothing leads to nothing."""
        for arrival in self._inputs(inbox, log):
            if decided := self.core.handle(arrival):
                raise Differs(
                    f"{self.service}: {arrival.kind} {arrival.message.name} at {arrival.message.seq} should lead to"
                    f" {[it.name for it in decided]}, the log has nothing of it"
                )
        self.core.log = max(self.core.log, log)

    def _inputs(self, inbox: int, log: int) -> Iterator[Arrival]:
        core, seen = self.core, self.seen
        for seq in range(core.log + 1, log + 1):
            message = seen.log[seq]
            self._refer(seq)
            mine = message.subject.startswith(f"{self._place.own}.")
            if not mine and message.name in core.decider.heeds:
                yield Arrival("event", message.aggregate, message)
        for seq in range(core.inbox + 1, inbox + 1):
            raw = seen.inbox[seq]
            if raw.subject.split(".")[2] in SERVICES[self.service].topics:
                yield self._place.fact(raw)
        core.inbox = max(core.inbox, inbox)

    def _refer(self, until: int) -> None:
        while self._references and self._references[0].seq <= until:
            self.core.refer(self._references.pop(0))

    def _take(self, decided: list[Message], arrival: Arrival) -> None:
        if not decided:
            raise Differs(
                f"{self.service}: {arrival.kind} {arrival.message.name} {arrival.message.id} leads to nothing,"
                f" the log has {self._left[0].name} at {self._left[0].seq}"
            )
        for message in decided:
            if not self._left or _told(message) != _told(self._left[0]):
                found = _told(self._left[0]) if self._left else "nothing"
                raise Differs(f"{self.service}: the log has {found}, decided again it is {_told(message)}")
            self._left.pop(0)


def _told(message: Message) -> tuple[Any, ...]:
    return (
        message.aggregate, message.name, message.id, message.sequence, message.place, message.cause, message.inbox,
        message.log, message.protocol, message.time, message.data,
    )  # fmt: skip
