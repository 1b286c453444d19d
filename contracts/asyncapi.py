"""The AsyncAPI 3.0 document: what is sent where, with which headers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from contracts import registry
from contracts.answers import ANSWERS
from contracts.base import Data, Problem
from contracts.commands import Recorded
from contracts.examples import examples
from contracts.problems import PROBLEMS

Json = dict[str, Any]

HEADERS: Mapping[str, tuple[Json, str]] = {
    "ce-specversion": ({"const": "1.0"}, "Version of CloudEvents."),
    "ce-id": ({"minLength": 1}, "Unique below its source; a repeat of source and id leads to nothing."),
    "ce-source": (
        {"minLength": 1, "format": "uri-reference"},
        "Who says so; on the log /<centre>/<service>.",
    ),
    "ce-type": ({"minLength": 1}, "The type's name."),
    "ce-datacontenttype": (
        {"const": "application/json"},
        "Of the body. A content-type header is read in its place.",
    ),
    "ce-subject": ({}, "What it is about, as in the last token of the NATS subject, which is what counts."),
    "ce-time": (
        {"format": "date-time"},
        "When it occurred, RFC 3339 with an offset, kept to the microsecond. If absent: when it was stored.",
    ),
    "ce-dataversion": ({"pattern": "^[0-9]+$"}, "Version of the type's schema; 1 if absent."),
    "ce-traceparent": ({}, "W3C trace context; events carry that of what led to them."),
    "ce-sequence": (
        {"pattern": "^[0-9]{10,}$"},
        "The event's number within its subject, from 1 on, without a gap.",
    ),
    "ce-cause": ({}, "The ce-id of the fact, event, command or timer that led to it."),
    "ce-causesource": ({}, "The ce-source of the cause, where that is a fact or a command."),
    "ce-place": ({"pattern": "^[0-9]+/[0-9]+$"}, "Place within its decision, such as 2/3; 1/1 if absent."),
    "ce-inbox": (
        {"pattern": "^[0-9]+$"},
        "Sequence in the inbox up to which its writer had read; 0 if absent.",
    ),
    "ce-log": ({"pattern": "^[0-9]+$"}, "Sequence in the log up to which its writer had read; 0 if absent."),
    "ce-protocol": ({"pattern": "^[0-9]+$"}, "Version of the protocol that was followed; 1 if absent."),
    "ce-chain": (
        {"pattern": "^[0-9a-f]{32}$"},
        "Hash of the message and of all that its writer recorded before: see Verify in operations.md.",
    ),
    "ce-actor": ({}, "Who gave the command that led to it, or sent the fact again."),
    "ce-resends": (
        {"pattern": "^[0-9]+$"},
        "The position in the inbox of a fact set aside or rejected, of which this is the same again.",
    ),
    "ce-why": ({}, "Why it is sent again."),
}
"""Every header: the schema of its value and what it means; values are percent-encoded as CloudEvents says."""

REQUIRED = ("ce-specversion", "ce-id", "ce-source", "ce-type")
OF_FACTS = (
    *(*REQUIRED, "ce-datacontenttype", "ce-subject", "ce-time", "ce-dataversion", "ce-traceparent"),
    *("ce-actor", "ce-resends", "ce-why"),
)
OF_REQUESTS = ("ce-id", "ce-source", "ce-time", "ce-actor", "ce-traceparent")

_PARAMETERS: Mapping[str, Json] = {
    "centre": {
        "description": "The centre's name: lower case letters, digits and '-', at most 32, a letter first."
    },
    "id": {
        "description": "What it is about: 1 to 96 of letters, digits and _ @ = + : ~ -, not beginning with +;"
        " for a call no ':' and none of term, clock, rejected. The log has customer:, agent: or ticket:"
        " before the ids of these."
    },
    "service": {
        "description": "Who recorded it, and alone may; centre holds the centre's own events.",
        "enum": [*registry.SERVICES, registry.CENTRE],
    },
}


def document(schemas: Json) -> Json:
    """The whole document; `schemas` are those of all types by class name."""
    facts = {topic: {name: _event(name, "fact") for name in kinds} for topic, kinds in registry.FACTS.items()}
    events = {name: _event(name, "event") for name in registry.recorded_types()}
    asked = [
        (prefix, service, verb, kind)
        for prefix, services in (("command", registry.COMMANDS), ("query", registry.QUERIES))
        for service, verbs in services.items()
        for verb, kind in verbs.items()
    ]
    messages = {f"fact.{name}": m for topic in facts.values() for name, m in topic.items()}
    messages |= {f"event.{name}": message for name, message in events.items()}
    for prefix, service, verb, kind in asked:
        key = f"{prefix}.{service}.{verb}"
        messages[key] = _request(key, verb, kind)
    answers = {
        f"answer.{service}.{name}": _reply(name, kind, "application/json", f"answer.{service}.{name}")
        for service, names in ANSWERS.items()
        for name, kind in names.items()
    }
    kinds = [f"problem.{kind.strip('<>')}" for kind in PROBLEMS]
    answers |= {
        "recorded": _reply("recorded", Recorded, "application/json", "recorded"),
        "problem": _reply("problem", Problem, "application/problem+json", *kinds),
    }
    messages |= answers
    channels, operations = _events(facts, events)
    for prefix, service, verb, _ in asked:
        key = f"{prefix}.{service}.{verb}"
        subject = registry.command_subject if prefix == "command" else registry.query_subject
        channels[key] = _channel(subject("{centre}", service, verb), [key], "centre")
        answer = "recorded" if prefix == "command" else f"answer.{service}.{verb}"
        operations[key] = _operation("receive", key, f"{service.capitalize()} answers") | {
            "reply": {
                "channel": _ref("channels", "reply"),
                "messages": [_ref("channels", "reply", "messages", name) for name in (answer, "problem")],
            }
        }
    channels["reply"] = _channel(None, answers)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Centralita",
            "version": "1.0.0",
            "description": "What is published to a call centre, recorded in it and asked of it:"
            " CloudEvents 1.0, NATS binding, in binary mode as shown; facts are taken in structured mode too."
            " Fields marked x-personal are personal data.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "schemas": {
                "FactHeaders": headers(OF_FACTS, REQUIRED),
                "EventHeaders": headers(HEADERS, (*REQUIRED, "ce-time", "ce-sequence")),
                "RequestHeaders": headers(OF_REQUESTS),
                **schemas,
            },
            "parameters": dict(_PARAMETERS),
            "messages": messages,
        },
    }


def _events(facts: Mapping[str, Json], events: Json) -> tuple[Json, Json]:
    channels: Json = {}
    operations: Json = {}
    for topic, names in facts.items():
        key = f"inbox.{topic}"
        subject = registry.inbox_subject("{centre}", topic, "{id}")
        channels[key] = _channel(subject, [f"fact.{name}" for name in names], "centre", "id")
        operations[key] = _operation(
            "receive", key, f"{registry.TOPICS[topic].capitalize()} records it on the log"
        )
    subject = registry.log_subject("{centre}", "{service}", "{id}")
    channels["log"] = _channel(subject, [f"event.{name}" for name in events], "centre", "service", "id") | {
        "description": "Facts as they were accepted, and what followed. log.<centre>.<service>.term holds"
        " who writes for a service (term.taken, term.released); readers pass over them."
    }
    operations["log"] = _operation("send", "log", "The services record; all follow the stream LOG_<centre>")
    return channels, operations


def _event(name: str, kind: str) -> Json:
    model = registry.recorded_types()[name]
    headers = _ref("components", "schemas", "FactHeaders" if kind == "fact" else "EventHeaders")
    version: Json = {"ce-type": {"const": name}}
    if registry.version_of(name) > 1:
        version["ce-dataversion"] = {"const": str(registry.version_of(name))}
    return {
        "name": name,
        "summary": _summary(model),
        "headers": {"type": "object", "allOf": [headers, {"type": "object", "properties": version}]},
        "payload": _ref("components", "schemas", model.__name__),
        "examples": _examples(f"{name}.v{registry.version_of(name)}"),
    }


def _examples(*titles: str) -> list[Json]:
    return [{"payload": examples()[title]} for title in titles if title in examples()]


def _request(title: str, verb: str, model: type[Data]) -> Json:
    return {
        "name": verb,
        "summary": _summary(model),
        "headers": _ref("components", "schemas", "RequestHeaders"),
        "payload": _ref("components", "schemas", model.__name__),
        "examples": _examples(title),
    }


def _reply(name: str, model: type[Data], content_type: str, *titles: str) -> Json:
    content = {"type": "string", "const": content_type}
    return {
        "name": name,
        "summary": _summary(model),
        "contentType": content_type,
        "headers": {"type": "object", "properties": {"content-type": content}, "required": ["content-type"]},
        "payload": _ref("components", "schemas", model.__name__),
        "examples": _examples(*titles),
    }


def _channel(address: str | None, messages: Iterable[str], *parameters: str) -> Json:
    channel: Json = {"address": address}
    channel["messages"] = {name: _ref("components", "messages", name) for name in messages}
    if parameters:
        channel["parameters"] = {name: _ref("components", "parameters", name) for name in parameters}
    return channel


def _operation(action: str, channel: str, summary: str) -> Json:
    return {"action": action, "channel": _ref("channels", channel), "summary": summary}


def headers(names: Iterable[str], required: Iterable[str] = ()) -> Json:
    """The schema of headers with these names, some of them always there."""
    properties = {n: {"type": "string", **HEADERS[n][0], "description": HEADERS[n][1]} for n in names}
    return {"type": "object", "properties": properties, "required": list(required)}


def _summary(model: type[Data]) -> str:
    return (model.__doc__ or "").partition("\n")[0]


def _ref(*path: str) -> Json:
    return {"$ref": "#/" + "/".join(path)}
