"""Changes that break nobody who keeps to the contract."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from tests.contracts.planting import (
    GONE,
    OPTIONAL,
    TEXT,
    Change,
    add,
    all_of,
    free,
    put,
    raised,
    schema,
    set_to,
)

HARMLESS: dict[str, Change] = {
    # words, order, spelling
    "a description": put("call.offered", "", description="A call came in."),
    "a field's description": put("call.offered", "from", True, description="Who calls."),
    "a title": put("deadline.set", "due", title="Due by"),
    "examples": put("call.offered", "queue", examples=["service"]),
    "a comment": put("problem", "", **{"$comment": "as in RFC 9457"}),
    "a field is deprecated": put("call.offered", "queue", deprecated=True),
    "a field of a command is deprecated": put("command tickets register", "tool", deprecated=True),
    "the order of fields": lambda c: _reversed(c, "call.offered"),
    "the order of fields of a command": lambda c: _reversed(c, "command tickets register"),
    "the order of an enumeration": put("call.offered", "language", enum=["en", "es", "pt"]),
    "the order of alternatives": put(
        "call.answered",
        "agent",
        True,
        anyOf=[
            {"type": "null"},
            {"type": "string", "pattern": "^[A-Za-z0-9_@=:~-][A-Za-z0-9_@=+:~-]{0,95}$"},
        ],
    ),
    "the order of what is required": lambda c: c["recorded"]["deadline.set"]["versions"]["1"][
        "required"
    ].reverse(),
    "a const for an enumeration of one": all_of(
        put("call.refused", "", description="x"), lambda c: _const(c, "attachment.requested", "what")
    ),
    "a definition is written in its place": lambda c: _inlined(c, "caller.classified", "evidence"),
    "a definition has another name": lambda c: _renamed(c, "caller.classified", "Evidence", "Proof"),
    "types in a list for alternatives": put(
        "deadline.set", "warn", True, anyOf=GONE, type=["null", "string"], format="date-time"
    ),
    "a bound of whole numbers in other words": put(
        "ticket.registered", "number", minimum=GONE, exclusiveMinimum=0
    ),
    "an upper bound in other words": put("ticket.registered", "priority", maximum=GONE, exclusiveMaximum=10),
    "a bound as a decimal": put("caller.classified", "confidence", maximum=1.0),
    "least length nought": put("protocol", "company", minLength=0),
    "an empty requirement": lambda c: c["recorded"]["call.offered"]["versions"]["1"].update(required=[]),
    "a null default is not written": put("call.answered", "agent", True, default=GONE),
    "anything, in other words": lambda c: c["answers"]["recorded"]["properties"]["data"].update(
        additionalProperties={}
    ),
    # more of everything
    "a new fact": set_to(
        "recorded",
        "call.parked",
        {"topic": "call", "of": "intake", "present": 1, "upcasts": [], "versions": {"1": {"type": "object"}}},
    ),
    "a new event": set_to(
        "recorded",
        "call.scored",
        {"of": "sla", "present": 1, "upcasts": [], "versions": {"1": {"type": "object"}}},
    ),
    "a new command": set_to("commands", "tickets archive", {"type": "object"}),
    "a new query": set_to("queries", "sla promises", {"type": "object"}),
    "a new topic": set_to("topics", "desk", "routing"),
    "a new subject": set_to("subjects", "beat", "beat.<centre>.<service>"),
    "a new kind of problem": set_to("problems", "gone", 410),
    "a new answer": set_to("answers", "sla promises", {"type": "object"}),
    "a new header of facts": add("headers of facts", "ce-trunk", {"type": "string"}),
    "a new header of commands": add("headers of commands and queries", "ce-why", {"type": "string"}),
    "a new header of the log": add("headers of the log", "ce-origin", {"type": "string"}),
    "a new header that is always on the log": add(
        "headers of the log", "ce-origin", {"type": "string"}, True
    ),
    "a header is always on the log": lambda c: c["headers"]["of the log"]["required"].append("ce-subject"),
    "a header of facts may be missing": free("headers of facts", "ce-specversion"),
    "a new resource": set_to("http", "GET /v1/{centre}/figures", "offered"),
    "a new header over HTTP": set_to("http", "POST /v1/{centre}/events reading ce-trunk", "optional"),
    "an answer of the door has a new field": add("answer http accepted", "accepted[].stored"),
    # commands, queries and protocols take more
    "a command has a new optional field": add("command tickets register", "urgency"),
    "a command has a new field with a default": add(
        "command tickets register", "urgency", {"type": "integer", "default": 3}
    ),
    "a command's field becomes optional": free("command tickets register", "need"),
    "a command's enumeration has one more": put(
        "command tickets register", "channel", enum=["phone", "email", "post", "web", "chat"]
    ),
    "a command's text may be longer": put("command tickets register", "need", maxLength=8000),
    "a command's text may be empty": put("command tickets register", "need", minLength=0),
    "a command takes any text for an enumeration": put(
        "command tickets register", "category", enum=GONE, minLength=1
    ),
    "a command takes any id": put("command tickets register", "by", pattern=GONE),
    "a command takes null": put(
        "command routing transfer",
        "to",
        anyOf=[TEXT, {"type": "null"}],
        type=GONE,
        minLength=GONE,
        maxLength=GONE,
    ),
    "a command takes any number": put("command tickets attach", "size", type="number"),
    "a command takes a number or a text": put("command tickets attach", "ticket", type=["integer", "string"]),
    "a command lets unknown fields in": put("command tickets register", "", additionalProperties=True),
    "a command's field becomes personal": put("command tickets register", "product", True, x_personal=True),
    "a command's map takes more": put("command routing change_shares", "shares.*", maximum=1000),
    "a command's map takes any name": put("command routing change_shares", "shares", propertyNames=GONE),
    "a query has a new filter": add("query tickets tickets", "product"),
    "a query's limit is higher": put("query tickets tickets", "limit", maximum=5000),
    "a query's state has one more": put(
        "query tickets tickets",
        "state",
        enum=["pending", "in_progress", "awaiting_feedback", "resolved", "closed", "reopened", "merged"],
    ),
    "a query takes any time": put("query tickets tickets", "since", format=GONE),
    "a protocol has a new part": add("protocol", "parking", {"type": "object", "default": {}}),
    "a protocol's part has a new field, and its default": all_of(
        add("protocol", "privacy.days", {"type": "integer", "default": 30}),
        put("protocol", "privacy", True, default={"non_customers": "kept", "days": 30}),
    ),
    "a protocol's bound is wider": put("protocol", "routing[].desk", maxLength=400),
    "a protocol's part is no longer needed": free("protocol", "name"),
    # answers and problems say more, or more exactly
    "an answer has a new field": add("answer recorded", "sequence", {"type": "integer"}),
    "an answer always has a new field": add("answer recorded", "sequence", {"type": "integer"}, True),
    "an answer always has what it might have": lambda c: c["answers"]["recorded"]["required"].append("time"),
    "what an answer lists has a new field": add(
        "answer tickets tickets", "tickets[].language", OPTIONAL, True
    ),
    "an answer's null comes no more": put("answer tickets tickets", "tickets[].desk", True, anyOf=[TEXT]),
    "an answer's text is one of few": put(
        "answer routing agents", "agents[].role", enum=["agent", "supervisor"]
    ),
    "an answer's field becomes personal": put(
        "answer tickets tickets", "tickets[].customer", x_personal=True
    ),
    "an answer's id is shorter": put("answer recorded", "id", maxLength=100),
    "a problem has a new member": add("problem", "instance", OPTIONAL),
    "a problem's member is always there": lambda c: c["problem"]["problem"]["required"].append("detail"),
    "a problem's status is one of few": put("problem", "status", enum=[400, 404, 409, 413, 429, 500, 503]),
    # new versions that old readers can read
    "a new version, the same": raised("call.offered"),
    "a new version with a new field": raised("call.offered", add("call.offered", "trunk")),
    "a new version with a new required field": raised(
        "deadline.set", add("deadline.set", "reason", TEXT, True)
    ),
    "a new version that requires more": raised(
        "call.answered", lambda c: c["recorded"]["call.answered"]["versions"]["2"].update(required=["agent"])
    ),
    "a new version with fewer values": raised(
        "call.transferred", put("call.transferred", "mode", enum=["blind"])
    ),
    "a new version without an optional field": raised(
        "call.answered", put("call.answered", "", properties={})
    ),
    "a new version with a field within a list": raised(
        "caller.classified", add("caller.classified", "evidence[].at")
    ),
    "a new version with a shorter text": raised(
        "agent.signed_in", put("agent.signed_in", "name", maxLength=100)
    ),
    "a new version in which more is personal": raised(
        "call.offered", put("call.offered", "to", True, x_personal=True)
    ),
    "a protocol recorded with a new part": raised(
        "protocol.published", add("protocol.published", "protocol.parking", {"type": "object"})
    ),
    "two new versions": all_of(
        raised("call.offered", add("call.offered", "trunk")),
        raised("call.offered", add("call.offered", "site")),
    ),
}
"""By what is changed: the change."""


def _reversed(contract: dict[str, Any], about: str) -> None:
    at = schema(contract, about)
    at["properties"] = dict(reversed(at["properties"].items()))


def _const(contract: dict[str, Any], about: str, name: str) -> None:
    at = schema(contract, about)["properties"][name]
    at["enum"] = [at.pop("const")]


def _inlined(contract: dict[str, Any], about: str, name: str) -> None:
    at = schema(contract, about)
    at["properties"][name]["items"] = deepcopy(next(iter(at.pop("$defs").values())))


def _renamed(contract: dict[str, Any], about: str, old: str, new: str) -> None:
    at = schema(contract, about)
    at["$defs"][new] = at["$defs"].pop(old)
    at["properties"]["evidence"]["items"] = {"$ref": f"#/$defs/{new}"}
