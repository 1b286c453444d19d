"""The one place where subjects and type names are spelled."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pydantic import TypeAdapter, ValidationError

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Data

SERVICES = ("intake", "routing", "tickets", "sla")
CENTRE = "centre"
TERM = "term"
CLOCK = "clock"
REJECTED = "rejected"
CENTRES_CHANGED = "centres.changed"
TOPICS: Mapping[str, str] = {"call": "intake", "customer": "intake", "clock": "intake", "agent": "routing"}
"""Each topic of the inbox and the one service that reads it."""

FACTS: Mapping[str, Mapping[str, type[Data]]] = {
    "call": {
        "call.offered": f.CallOffered,
        "call.queued": f.CallQueued,
        "call.dequeued": f.CallDequeued,
        "call.answered": f.CallAnswered,
        "call.abandoned": f.CallAbandoned,
        "call.transferred": f.CallTransferred,
        "call.ended": f.CallEnded,
        "caller.identified": f.CallerIdentified,
        "caller.asked_for": f.CallerAskedFor,
        "kind.confirmed": f.KindConfirmed,
        "contact.given": f.ContactGiven,
        "request.stated": f.RequestStated,
        "complexity.assessed": f.ComplexityAssessed,
        "assignment.attempted": f.AssignmentAttempted,
        "contact.made": f.ContactMade,
        "record.refused": f.RecordRefused,
        "record.ignored": f.RecordIgnored,
    },
    "agent": {
        "agent.signed_in": f.AgentSignedIn,
        "agent.available": f.AgentAvailable,
        "agent.busy": f.AgentBusy,
        "agent.unavailable": f.AgentUnavailable,
        "agent.signed_out": f.AgentSignedOut,
    },
    "customer": {
        "customer.registered": f.CustomerRegistered,
        "customer.removed": f.CustomerRemoved,
    },
    "clock": {"clock.advanced": f.ClockAdvanced},
}

EVENTS: Mapping[str, type[Data]] = {
    "centre.opened": e.CentreOpened,
    "protocol.published": e.ProtocolPublished,
    "fact.rejected": e.FactRejected,
    "rule.violated": e.RuleViolated,
    "caller.classified": e.CallerClassified,
    "prompt.issued": e.PromptIssued,
    "contact.missing": e.ContactMissing,
    "need.established": e.NeedEstablished,
    "call.unassigned": e.CallUnassigned,
    "offer.made": e.OfferMade,
    "offer.declined": e.OfferDeclined,
    "call.assigned": e.CallAssigned,
    "call.contacted": e.CallContacted,
    "call.closed": e.CallClosed,
    "transfer.screened": e.TransferScreened,
    "ticket.owed": e.TicketOwed,
    "repeat.noted": e.RepeatNoted,
    "ticket.registered": e.TicketRegistered,
    "ticket.commented": e.TicketCommented,
    "ticket.assigned": e.TicketAssigned,
    "ticket.state_changed": e.TicketStateChanged,
    "ticket.resolved": e.TicketResolved,
    "ticket.closed": e.TicketClosed,
    "ticket.reopened": e.TicketReopened,
    "deadline.set": e.DeadlineSet,
    "deadline.met": e.DeadlineMet,
    "deadline.breached": e.DeadlineBreached,
    "deadline.cancelled": e.DeadlineCancelled,
    "deadline.warned": e.DeadlineWarned,
    "deadline.corrected": e.DeadlineCorrected,
    "stage.ended": e.StageEnded,
}

COMMANDS: Mapping[str, Mapping[str, type[Data]]] = {
    "intake": {},
    "routing": {"assign": c.AssignCall, "instruct": c.InstructCall, "close": c.CloseCall},
    "tickets": {
        "register": c.RegisterTicket,
        "comment": c.CommentTicket,
        "assign": c.AssignTicket,
        "change_state": c.ChangeTicketState,
        "resolve": c.ResolveTicket,
        "close": c.CloseTicket,
        "reopen": c.ReopenTicket,
    },
    "sla": {},
}

QUERIES: Mapping[str, Mapping[str, type[c.Query]]] = {
    "intake": {"status": c.StatusQuery, "directory": c.DirectoryQuery},
    "routing": {"status": c.StatusQuery, "assignments": c.AssignmentsQuery, "agents": c.AgentsQuery},
    "tickets": {
        "status": c.StatusQuery,
        "history": c.HistoryQuery,
        "ticket": c.TicketQuery,
        "tickets": c.TicketsQuery,
    },
    "sla": {"status": c.StatusQuery, "figures": c.FiguresQuery, "deadlines": c.DeadlinesQuery},
}

UPCASTS: Mapping[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""From (name, version) to the data of the next version. A type's version is one above its last entry."""

_BY_NAME: dict[str, type[Data]] = {**{n: k for topic in FACTS.values() for n, k in topic.items()}, **EVENTS}
_NAMES: dict[type[Data], str] = {kind: name for name, kind in _BY_NAME.items()}
_VERSIONS = {n: 1 + max((v for m, v in UPCASTS if m == n), default=0) for n in _BY_NAME}
# strict: what is read is what the published schema says, no "yes" for true and no "3" for 3
_DECODERS = {
    name: partial(TypeAdapter(kind).validator.validate_json, strict=True, by_alias=True, by_name=False)
    for name, kind in _BY_NAME.items()
}
_ENCODERS = {kind: TypeAdapter(kind).serializer.to_json for kind in _NAMES}


class Unreadable(ValueError):
    """Data that does not fit its type; `unknown` when it is the type or version that is not ours."""

    def __init__(self, field: str, expected: str, found: str = "", *, unknown: bool = False) -> None:
        super().__init__(f"{field}: expected {expected}" + (f", found {found}" if found else ""))
        self.field, self.expected, self.found, self.unknown = field, expected, found, unknown


def name_of(event: Data) -> str:
    """The type name of a fact or event."""
    return _NAMES[type(event)]


def name_of_type(kind: type[Data]) -> str:
    """The type name of a class of facts or events."""
    return _NAMES[kind]


def recorded_types() -> Mapping[str, type[Data]]:
    """All facts and events by name: what can be found on a log."""
    return _BY_NAME


def version_of(name: str) -> int:
    """The present schema version of a fact or event."""
    return _VERSIONS[name]


def source(centre: str, service: str) -> str:
    """The CloudEvents source of what a service of a centre records."""
    return f"/{centre}/{service}"


def encode(event: Data) -> tuple[str, int, bytes]:
    """Name, schema version and JSON of a fact or event; fields that have no value are left out."""
    name = _NAMES[type(event)]
    return name, _VERSIONS[name], _ENCODERS[type(event)](event, by_alias=True, exclude_none=True)


def decode(name: str, version: int, data: bytes) -> Data:
    """The fact or event of a name and schema version, lifted to the present one; else Unreadable."""
    decoder = _DECODERS.get(name)
    if decoder is None:
        raise Unreadable("ce-type", "one of the registry's type names", name, unknown=True)
    present = _VERSIONS[name]
    if not 1 <= version <= present:
        raise Unreadable("ce-dataversion", f"1 to {present} for {name}", str(version), unknown=True)
    try:
        return decoder(data if version == present else _lifted(name, version, data))  # type: ignore[no-any-return]
    except ValidationError as error:
        raise unreadable(error) from None


def _lifted(name: str, version: int, data: bytes) -> str:
    fields = TypeAdapter(dict[str, Any]).validate_json(data)
    try:
        for step in range(version, _VERSIONS[name]):
            fields = UPCASTS[name, step](fields)
    except (LookupError, TypeError, ValueError, AttributeError):
        raise Unreadable("data", f"{name} as of version {version}") from None
    return json.dumps(fields)


def unreadable(error: ValidationError) -> Unreadable:
    """The first complaint of pydantic, in our words; personal values are not repeated."""
    first = error.errors(include_url=False, include_input=False)[0]
    return Unreadable(".".join(str(part) for part in first["loc"]) or "data", first["msg"])


def topic_of(name: str) -> str | None:
    """The topic on which a fact of this type travels; None if it is no fact."""
    return next((topic for topic, facts in FACTS.items() if name in facts), None)


_CENTRE = re.compile(r"[a-z][a-z0-9-]{0,31}")
_ID = re.compile(r"[A-Za-z0-9_@=:~-][A-Za-z0-9_@=+:~-]{0,95}")


def centre_name(text: str) -> str:
    """A centre's name as given; ValueError if it is none."""
    if not _CENTRE.fullmatch(text):
        rule = "lower case letters, digits and '-', at most 32, a letter first"
        raise ValueError(f"{text!r} is no centre name: {rule}")
    return text


def valid_id(text: str, topic: str = "call") -> bool:
    """Whether an id may stand in a subject of this topic: no dot, blank, reserved word or number as +34…."""
    if not _ID.fullmatch(text):
        return False
    return topic != "call" or (text not in (TERM, CLOCK, REJECTED) and ":" not in text)


def aggregate_of(topic: str, id: str) -> str:
    """The aggregate that a fact of this topic is about: a call by its id, others with the topic before."""
    if topic == "call":
        return id
    return CLOCK if topic == "clock" else f"{topic}:{id}"


def inbox_stream(centre: str) -> str:
    """The stream that holds a centre's inbox."""
    return f"INBOX_{centre}"


def log_stream(centre: str) -> str:
    """The stream that holds a centre's log."""
    return f"LOG_{centre}"


def centres(streams: set[str]) -> set[str]:
    """The centres that are open, by the names of all streams: those with both a log and an inbox."""
    prefix = log_stream("")
    logs = {stream.removeprefix(prefix) for stream in streams if stream.startswith(prefix)}
    return {centre for centre in logs if inbox_stream(centre) in streams}


def inbox_subject(centre: str, topic: str, id: str) -> str:
    """Where a fact is published; `*` or `>` as the id gives a filter."""
    return f"inbox.{centre}.{topic}.{id}"


def log_subject(centre: str, service: str, id: str) -> str:
    """Where a service records events of an aggregate; `*` or `>` give a filter."""
    return f"log.{centre}.{service}.{id}"


def command_subject(centre: str, service: str, verb: str) -> str:
    """Where a command is sent."""
    return f"command.{centre}.{service}.{verb}"


def query_subject(centre: str, service: str, name: str) -> str:
    """Where a query is sent."""
    return f"query.{centre}.{service}.{name}"


def beat_subject(centre: str, service: str) -> str:
    """Where the active instance of a service says that it lives, how far it has read and what time it is."""
    return f"beat.{centre}.{service}"
