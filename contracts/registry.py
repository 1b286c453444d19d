"""The one place where subjects and type names are spelled."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pydantic import TypeAdapter, ValidationError

from contracts.base import Data
from contracts.names import COMMANDS as COMMANDS
from contracts.names import EVENTS as EVENTS
from contracts.names import FACTS as FACTS
from contracts.names import QUERIES as QUERIES
from contracts.protocol import RECORDED

SERVICES = ("intake", "routing", "tickets", "sla")
CENTRE = "centre"
TERM = "term"
CLOCK = "clock"
REJECTED = "rejected"
CENTRES_CHANGED = "centres.changed"
TOPICS: Mapping[str, str] = {
    "call": "intake",
    "customer": "intake",
    "message": "intake",
    "clock": "intake",
    "agent": "routing",
}
"""Each topic of the inbox and the one service that reads it."""

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
_DECODERS["protocol.published"].keywords["context"] = RECORDED
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


BESIDE = ("assignment", "matter")
"""What is kept beside a call under an aggregate of its own: `assignment:<call>`, `matter:<call>`."""


def beside(kind: str, call: str) -> str:
    """What of this kind is kept beside a call."""
    return f"{kind}:{call}"


def call_of(aggregate: str) -> str:
    """The call that an aggregate is, or is kept beside; others as they are."""
    kind, _, call = aggregate.partition(":")
    return call if kind in BESIDE else aggregate


UNORDERED = ("agent", "customer", CLOCK)
"""Topics whose facts stand alone: one that cannot be handled holds up no later one about the same agent or customer."""


def keeps_order(aggregate: str) -> bool:
    """Whether what is about an aggregate waits behind what of it could not be handled: calls, messages and cases."""
    return aggregate.partition(":")[0] not in UNORDERED


def addressed(aggregate: str) -> tuple[str, str] | None:
    """The topic and id under which a fact about an aggregate is published; None where none could be."""
    topic, colon, id = aggregate.partition(":")
    if not colon:
        topic, id = (CLOCK, CLOCK) if aggregate == CLOCK else ("call", aggregate)
    return (topic, id) if topic in TOPICS and valid_id(id, topic) else None


def inbox_stream(centre: str) -> str:
    """The stream that holds a centre's inbox."""
    return f"INBOX_{centre}"


def log_stream(centre: str) -> str:
    """The stream that holds a centre's log."""
    return f"LOG_{centre}"


def attachments_bucket(centre: str) -> str:
    """The object store in which the files of a centre's tickets lie."""
    return f"attachments-{centre}"


def outlets_bucket(centre: str) -> str:
    """The key-value bucket in which what reaches outside of a centre keeps its state."""
    return f"outlets-{centre}"


def centres(streams: set[str]) -> set[str]:
    """The centres that are open, by the names of all streams: those with both a log and an inbox."""
    return {centre for centre in logs(streams) if inbox_stream(centre) in streams}


def logs(streams: set[str]) -> set[str]:
    """The centres that have a log, be it without an inbox, by the names of all streams."""
    prefix = log_stream("")
    return {stream.removeprefix(prefix) for stream in streams if stream.startswith(prefix)}


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
