"""Commands and queries, put to the service that is to answer them; its answer is passed on as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from nats.aio.msg import Msg
from starlette.requests import Request
from starlette.responses import Response

from centralita.door.endpoint import Door, expect_json, header, parameters, parsed, plain
from centralita.door.problems import JSON, PROBLEM, Wrong, malformed, response
from contracts import registry
from contracts.base import Problem
from eventlog.codec import Message, around, headers_of
from services.limits import Limits

__all__ = ["asked", "commanded"]
SOURCE = "/http"
"""Who gives a command, in the sense of CloudEvents, unless a ce-source says so."""


async def commanded(door: Door, request: Request) -> Response:
    """`POST /v1/{centre}/commands/{service}/{verb}`; the same Idempotency-Key again is done once."""
    centre, service, verb = _known(request, "command", "verb", registry.COMMANDS)
    id = plain(request, "idempotency-key", quoted=True) or uuid4().hex
    source = plain(request, "ce-source") or SOURCE
    message = Message(
        "", verb, b"", id, source, actor=plain(request, "x-actor"), trace=around(request.headers)
    )
    headers = headers_of(message)
    if time := header(request, "ce-time"):
        headers["ce-time"] = time
    async with door.room.body(request, Limits().request) as body:
        expect_json(request)
        if not isinstance(parsed(body), dict):
            raise malformed("body", "an object")
        reply = await door.behind.ask(centre, registry.command_subject(centre, service, verb), body, headers)
    return _passed_on(reply)


async def asked(door: Door, request: Request) -> Response:
    """`GET /v1/{centre}/queries/{service}/{name}?field=…`."""
    centre, service, name = _known(request, "query", "name", registry.QUERIES)
    content = json.dumps(parameters(request)).encode()
    headers = {"ce-traceparent": trace} if (trace := around(request.headers)) else {}
    return _passed_on(
        await door.behind.ask(centre, registry.query_subject(centre, service, name), content, headers)
    )


def _known(
    request: Request, what: str, verb: str, known: Mapping[str, Mapping[str, Any]]
) -> tuple[str, str, str]:
    centre, service, name = (request.path_params[part] for part in ("centre", "service", verb))
    if name not in known.get(service, {}):
        every = ", ".join(sorted(f"{service}/{name}" for service, names in known.items() for name in names))
        raise Wrong(
            404, f"unknown-{what}", f"Unknown {what}", f"{service[:40]} knows no {what} {name[:40]}",
            expected=f"one of: {every}",
        )  # fmt: skip
    return centre, service, name


def _passed_on(reply: Msg) -> Response:
    if (reply.headers or {}).get("content-type", "").startswith(PROBLEM):
        return response(Problem.model_validate_json(reply.data))
    return Response(reply.data, 200, media_type=JSON)
