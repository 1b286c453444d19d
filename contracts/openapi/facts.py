"""Facts as the door takes them: headers in binary mode, CloudEvents in JSON in the others."""

from __future__ import annotations

from contracts import http, registry
from contracts.asyncapi import HEADERS, OF_FACTS
from contracts.openapi.parts import JSON, OF_BODIES, Json, gives, header, operation, ref, summary, traceparent

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
MOST_EVENTS = 1000
ATTRIBUTES = [name for name in OF_FACTS if name not in ("ce-datacontenttype", "ce-traceparent")]
"""The headers of the binary mode; the type of the data is the content type there."""
_ID = "^[A-Za-z0-9_@=:~-][A-Za-z0-9_@=+:~-]{0,95}$"
_CALL = "^(?!(term|clock|rejected)$)[A-Za-z0-9_@=~-][A-Za-z0-9_@=+~-]{0,95}$"


def fact_schemas() -> Json:
    """The schema of each fact as a CloudEvent, and of any."""
    facts = {f"fact.{name}": _fact(name, topic) for topic, kinds in registry.FACTS.items() for name in kinds}
    mapping = {name.removeprefix("fact."): f"#/components/schemas/{name}" for name in facts}
    any_fact = {
        "description": "A fact: what happened outside, as a CloudEvent in JSON.",
        "oneOf": [ref("schemas", name) for name in facts],
        "discriminator": {"propertyName": "type", "mapping": mapping},
    }
    return {"Fact": any_fact, **facts}


def attribute(name: str) -> Json:
    """An attribute as a header of the binary mode."""
    shape, text = HEADERS[name]
    return header(name, f"{text} In binary mode.", **shape)


def publishing() -> Json:
    """The operation that publishes facts."""
    kinds = [kind.__name__ for facts in registry.FACTS.values() for kind in facts.values()]
    content = {
        JSON: {"schema": {"anyOf": [ref("schemas", kind) for kind in kinds]}},
        STRUCTURED: {"schema": ref("schemas", "Fact")},
        BATCH: {"schema": {"type": "array", "items": ref("schemas", "Fact"), "maxItems": MOST_EVENTS}},
    }
    stored = "On disk, and will be decided on. A source and id that was there before leads to nothing."
    published = operation(
        "publish", "Publish facts: all of them are stored, or none.", "facts",
        gives(http.Accepted, stored, 202), *OF_BODIES,
    )  # fmt: skip
    text = (
        f"The data of one fact, with its attributes in ce- headers ({JSON}); one CloudEvent ({STRUCTURED});"
        f" or several ({BATCH})."
    )
    return published | {
        "description": text,
        "parameters": [*(ref("parameters", name) for name in ATTRIBUTES), traceparent()],
        "requestBody": {"required": True, "content": content},
    }


def _fact(name: str, topic: str) -> Json:
    kind, version = registry.recorded_types()[name], registry.version_of(name)
    attributes: Json = {
        it.removeprefix("ce-"): {"type": "string", **HEADERS[it][0], "description": HEADERS[it][1]}
        for it in OF_FACTS
    }
    known = [each for number in range(1, version + 1) for each in (str(number), number)]
    about = {"type": "string", "pattern": _CALL if topic == "call" else _ID}
    attributes |= {"type": {"const": name}, "subject": about, "dataversion": {"enum": known}}
    required = ["specversion", "id", "source", "type", *(["subject"] if topic != registry.CLOCK else [])]
    return {
        "description": summary(kind),
        "type": "object",
        "properties": attributes | {"data": ref("schemas", kind.__name__)},
        "required": [*required, "data"],
        "additionalProperties": {"type": ["string", "integer", "boolean"]},
    }
