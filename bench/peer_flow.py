"""The benchmark's call flow as a user of `eventsourcing` would write it: aggregates, policies, a system."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import ProcessingEvent
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, event
from eventsourcing.system import ProcessApplication, System
from eventsourcing.utils import get_topic

HANDLING_LIMIT = timedelta(minutes=8)


# facts


@dataclass(frozen=True, slots=True)
class Offered:
    call: str
    at: datetime
    caller: str
    dialled: str
    queue: str


@dataclass(frozen=True, slots=True)
class Answered:
    call: str
    at: datetime
    agent: str


@dataclass(frozen=True, slots=True)
class Stated:
    call: str
    at: datetime
    text: str
    category: str


@dataclass(frozen=True, slots=True)
class Ended:
    call: str
    at: datetime
    by: str
    disposition: str


Fact = Offered | Answered | Stated | Ended


# aggregates


class OfCall(Aggregate):
    """One of its kind for each call, found by the call's id."""

    @classmethod
    def create_id(cls, call: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"/{cls.__name__}/{call}")


class Call(OfCall):
    """A call's life and who is calling."""

    class Offered(Aggregate.Created):
        call: str
        at: datetime
        caller: str
        dialled: str
        queue: str

    class Classified(Aggregate.Event):
        call: str
        kind: str
        group: str
        confidence: float
        evidence: str

    class Answered(Aggregate.Event):
        call: str
        at: datetime
        agent: str

    class RequestStated(Aggregate.Event):
        call: str
        at: datetime
        text: str
        category: str

    class Ended(Aggregate.Event):
        call: str
        at: datetime
        by: str
        disposition: str

    @event(Offered)
    def __init__(self, call: str, at: datetime, caller: str, dialled: str, queue: str) -> None:
        self.call = call
        self.state = "offered"
        self.queue = queue
        self.kind = "unknown"

    @event(Classified)
    def classify(self, call: str, kind: str, group: str, confidence: float, evidence: str) -> None:
        self.kind = kind

    @event(Answered)
    def answer(self, call: str, at: datetime, agent: str) -> None:
        self.state = "answered"

    @event(RequestStated)
    def state_request(self, call: str, at: datetime, text: str, category: str) -> None:
        self.category = category

    @event(Ended)
    def end(self, call: str, at: datetime, by: str, disposition: str) -> None:
        self.state = "ended"


class Assignment(OfCall):
    """Who owns a call."""

    class Unassigned(Aggregate.Created):
        call: str
        desk: str
        priority: int

    @event(Unassigned)
    def __init__(self, call: str, desk: str, priority: int) -> None:
        self.call = call
        self.desk = desk


class Ticket(OfCall):
    """The case that a request must get."""

    class Owed(Aggregate.Created):
        call: str
        category: str
        text: str

    @event(Owed)
    def __init__(self, call: str, category: str, text: str) -> None:
        self.call = call
        self.state = "owed"


class Deadline(OfCall):
    """The limit on a call's handling time."""

    class Set(Aggregate.Created):
        call: str
        rule: str
        due: datetime

    class Met(Aggregate.Event):
        call: str
        at: datetime

    @event(Set)
    def __init__(self, call: str, rule: str, due: datetime) -> None:
        self.call = call
        self.due = due
        self.state = "running"

    @event(Met)
    def meet(self, call: str, at: datetime) -> None:
        self.state = "met"


# applications


class Intake(ProcessApplication[UUID]):
    name = "intake"

    def accept(self, facts: Iterable[Fact]) -> None:
        """Record what the facts say in one transaction."""
        calls: dict[UUID, Call] = {}
        for fact in facts:
            key = Call.create_id(fact.call)
            if isinstance(fact, Offered):
                call = Call(fact.call, fact.at, fact.caller, fact.dialled, fact.queue)
                call.classify(fact.call, "customer", "retail", 0.9, "number in the directory")
            else:
                call = calls.get(key) or self.repository.get(key)
                match fact:
                    case Answered():
                        call.answer(fact.call, fact.at, fact.agent)
                    case Stated():
                        call.state_request(fact.call, fact.at, fact.text, fact.category)
                    case Ended():
                        call.end(fact.call, fact.at, fact.by, fact.disposition)
            calls[key] = call
        self.save(*calls.values())


class Routing(ProcessApplication[UUID]):
    name = "routing"
    topics = (get_topic(Call.Classified),)

    @singledispatchmethod
    def policy(self, domain_event: Any, processing_event: ProcessingEvent[UUID]) -> None:
        """Keep every call unassigned until someone takes it."""

    @policy.register
    def on_classified(self, domain_event: Call.Classified, processing_event: ProcessingEvent[UUID]) -> None:
        processing_event.collect_events(Assignment(domain_event.call, domain_event.group, 1))


class Tickets(ProcessApplication[UUID]):
    name = "tickets"
    topics = (get_topic(Call.RequestStated),)

    @singledispatchmethod
    def policy(self, domain_event: Any, processing_event: ProcessingEvent[UUID]) -> None:
        """Owe a ticket for every request."""

    @policy.register
    def on_request(self, domain_event: Call.RequestStated, processing_event: ProcessingEvent[UUID]) -> None:
        processing_event.collect_events(Ticket(domain_event.call, domain_event.category, domain_event.text))


class Sla(ProcessApplication[UUID]):
    name = "sla"
    topics = (get_topic(Call.Answered), get_topic(Call.Ended))

    @singledispatchmethod
    def policy(self, domain_event: Any, processing_event: ProcessingEvent[UUID]) -> None:
        """Watch the handling time from answer to end."""

    @policy.register
    def on_answered(self, domain_event: Call.Answered, processing_event: ProcessingEvent[UUID]) -> None:
        deadline = Deadline(domain_event.call, "R22", domain_event.at + HANDLING_LIMIT)
        processing_event.collect_events(deadline)

    @policy.register
    def on_ended(self, domain_event: Call.Ended, processing_event: ProcessingEvent[UUID]) -> None:
        deadline: Deadline = self.repository.get(Deadline.create_id(domain_event.call))
        deadline.meet(domain_event.call, domain_event.at)
        processing_event.collect_events(deadline)


SYSTEM = System(pipes=[[Intake, Routing], [Intake, Tickets], [Intake, Sla]])

STORED: dict[type[ProcessApplication[UUID]], tuple[Callable[[str], UUID], tuple[type, ...]]] = {
    Intake: (Call.create_id, (Call.Offered, Call.Classified, Call.Answered, Call.RequestStated, Call.Ended)),
    Routing: (Assignment.create_id, (Assignment.Unassigned,)),
    Tickets: (Ticket.create_id, (Ticket.Owed,)),
    Sla: (Deadline.create_id, (Deadline.Set, Deadline.Met)),
}
"""For each application: where it keeps a call, and the events it must have stored there, in order."""
