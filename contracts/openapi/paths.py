"""The resources of the door and what can be done with each."""

from __future__ import annotations

from contracts import http, registry
from contracts.answers import ANSWERS
from contracts.base import Data
from contracts.commands import Recorded
from contracts.openapi.facts import publishing
from contracts.openapi.parts import (
    OF_BODIES,
    Json,
    content,
    gives,
    header,
    operation,
    parameters,
    ref,
    summary,
    traceparent,
)
from contracts.protocol import Protocol


def paths(schemas: Json) -> Json:
    """All resources by path."""
    of_centre = {"parameters": [ref("parameters", "centre")]}
    found: Json = {
        "/v1": {
            "get": operation("listCentres", "The centres that are open.", "centres", gives(http.Centres))
        },
        "/v1/openapi.json": {"get": operation("openapi", "This document.", "centres", gives(None))},
        "/v1/{centre}": of_centre | _centre(),
        "/v1/{centre}/protocol": of_centre | _protocol(),
        "/v1/{centre}/events": of_centre | {"post": publishing()},
        "/v1/{centre}/log": of_centre | {"get": _log(schemas)},
        "/v1/{centre}/settled": of_centre | {"get": _settled(schemas)},
    }
    for service, verbs in registry.COMMANDS.items():
        for verb, kind in verbs.items():
            path = f"/v1/{{centre}}/commands/{service}/{verb}"
            found[path] = of_centre | {"post": _command(service, verb, kind)}
    for service, names in registry.QUERIES.items():
        for name, kind in names.items():
            path = f"/v1/{{centre}}/queries/{service}/{name}"
            told = gives(ANSWERS[service][name], title=f"answer.{service}.{name}")
            asked = operation(f"{service}.{name}", summary(kind), service, told, 400, 404, 409, 413)
            found[path] = of_centre | {"get": asked | {"parameters": parameters(schemas[kind.__name__])}}
    return found


def _centre() -> Json:
    opened = gives(http.Centre, "It was open; nothing is changed.") | gives(
        http.Centre, "It is open now.", 201
    )
    gone = {"204": {"description": "It is gone."}}
    return {
        "get": operation("showCentre", "How a centre stands.", "centres", gives(http.Centre), 404),
        "put": operation("openCentre", "Open a centre.", "centres", opened, 409, *OF_BODIES)
        | {"requestBody": {"content": content(http.Opening)}},
        "delete": operation(
            "removeCentre", "Remove a centre on a virtual clock, with all that it recorded.", "centres", gone,
            *(404, 409),
        ),
    }  # fmt: skip


def _protocol() -> Json:
    return {
        "get": operation(
            "showProtocol", "The protocol by which a centre works.", "centres", gives(Protocol), 404
        ),
        "put": operation(
            "publishProtocol", "Publish a protocol: what begins from now on follows it.", "centres",
            gives(http.Published), 409, *OF_BODIES,
        )
        | {"requestBody": {"required": True, "content": content(Protocol)}},
    }  # fmt: skip


def _log(schemas: Json) -> Json:
    text = "Each event has its position as `id`, its type as `event` and the CloudEvent in JSON as `data`."
    inside = {"type": "string", "contentMediaType": "application/cloudevents+json"}
    position = {"type": "string", "pattern": "^[0-9]+$"}
    event = {
        "type": "object",
        "properties": {"id": position, "event": {"type": "string"}, "data": inside},
        "required": ["id", "event", "data"],
    }
    told = {"description": text, "content": {"text/event-stream": {"schema": event}}}
    last = header("Last-Event-ID", "Go on after this position.", pattern="^[0-9]{0,18}$")
    followed = operation(
        "followLog", "What was recorded and, without `until`, what will be.", "log", {"200": told}, 400, 404
    )
    return followed | {"parameters": [*parameters(schemas[http.LogQuery.__name__]), last]}


def _settled(schemas: Json) -> Json:
    text = "Wait until every fact is decided on, nothing is due and all services have read the whole log."
    waited = operation("settled", text, "log", gives(http.Settled), 400, 404)
    return waited | {"parameters": parameters(schemas[http.SettledQuery.__name__])}


def _command(service: str, verb: str, kind: type[Data]) -> Json:
    given = operation(
        f"{service}.{verb}",
        summary(kind),
        service,
        gives(Recorded, "What was recorded.", title="recorded"),
        409,
        *OF_BODIES,
    )
    text = r"^[^\u0000-\u001f\u007f-\u009f]*$"
    key = "The command's id: under the same it is done once, and answered alike."
    headers = [
        header("Idempotency-Key", key, pattern=text),
        header("X-Actor", "Who gives the command.", pattern=text),
        traceparent(),
    ]
    return given | {
        "parameters": headers,
        "requestBody": {"required": True, "content": content(kind, f"command.{service}.{verb}")},
    }
