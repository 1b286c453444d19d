"""Centres: list, open, show and remove them; the protocols by which they work."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

import protocols
from centralita import centres
from centralita.door.endpoint import Door, answer, expect_json, fitted, parsed
from centralita.door.problems import Wrong, malformed
from contracts import registry
from contracts.http import Centre, Centres, InForce, Opening, Published
from contracts.protocol import PLAIN, Protocol
from contracts.protocol.errors import said

__all__ = ["followed", "listed", "opened", "published", "removed", "shown"]


async def listed(door: Door, request: Request) -> Response:
    """`GET /v1`."""
    return answer(Centres(centres=tuple(await door.behind.names())))


async def opened(door: Door, request: Request) -> Response:
    """`PUT /v1/{centre}`: 201, or 200 where it was open; nothing is changed of one that is."""
    name = request.path_params["centre"]
    try:
        registry.centre_name(name)
    except ValueError as wrong:
        raise malformed("centre", str(wrong).partition(": ")[2]) from None
    async with door.room.body(request) as body:
        if body:
            expect_json(request)
        opening = fitted(Opening, parsed(body) if body else {})
    door.behind.reachable()
    limits: dict[str, Any] = {"max_waiting": opening.max_waiting, "max_bytes": opening.max_bytes}
    new = await centres.add(
        door.behind.connection, name, protocol_of(opening.protocol), clock=opening.clock,
        replicas=opening.replicas, **{key: value for key, value in limits.items() if value},
    )  # fmt: skip
    return answer(await _centre(door, name), 201 if new else 200)


async def shown(door: Door, request: Request) -> Response:
    """`GET /v1/{centre}`."""
    return answer(await _centre(door, await door.behind.centre(request.path_params["centre"])))


async def removed(door: Door, request: Request) -> Response:
    """`DELETE /v1/{centre}`: with all that it recorded, and only where that happened on a virtual clock."""
    name = await door.behind.centre(request.path_params["centre"])
    if (await _centre(door, name)).clock != "virtual":
        raise Wrong(
            409, "real-clock", "Refused by a rule",
            f"{name} goes by the real clock: it is removed with centralita centre remove, and not from here",
            expected="a centre on a virtual clock",
        )  # fmt: skip
    await centres.remove(door.behind.connection, name)
    return Response(status_code=204)


async def followed(door: Door, request: Request) -> Response:
    """`GET /v1/{centre}/protocol`: what differs from the usual, as it may be published again."""
    name = await door.behind.centre(request.path_params["centre"])
    *_, last = await centres.protocols_of(door.behind.connection, name)
    return answer(last.model_dump(mode="json", by_alias=True, exclude_defaults=True))


async def published(door: Door, request: Request) -> Response:
    """`PUT /v1/{centre}/protocol`: what begins from now on follows it; what runs keeps its own."""
    name = await door.behind.centre(request.path_params["centre"])
    async with door.room.body(request) as body:
        expect_json(request)
        told = parsed(body)
    if not isinstance(told, dict):
        raise malformed("body", "an object")
    protocol = protocol_of(told, "")
    try:
        position = await centres.publish(door.behind.connection, name, protocol)
    except ValueError as wrong:
        raise Wrong(409, "version-taken", "Refused by a rule", str(wrong), field="version") from None
    return answer(Published(name=protocol.name, version=protocol.version, position=position))


def protocol_of(told: str | dict[str, Any], field: str = "protocol") -> Protocol:
    """A protocol by its name, or the whole of it; Wrong names the key that is not as it should be."""
    if isinstance(told, dict):
        try:
            return Protocol.model_validate_json(json.dumps(told))
        except ValidationError as error:
            key, _, why = next(said(error, Protocol)).partition(": ")
            raise malformed(f"{field}.{key}".lstrip("."), why.removeprefix("expected ")) from None
    if told == PLAIN.name:
        return PLAIN
    if told not in protocols.names():
        known = ", ".join([PLAIN.name, *protocols.names()])
        raise malformed(field, f"a whole protocol, or one of: {known}", repr(told[:40]))
    return protocols.load(told)


async def _centre(door: Door, name: str) -> Centre:
    connection, log = door.behind.connection, door.behind.log(name)
    clock, room = await centres.clock_of(log, name), await centres.limits(connection, name)
    *_, protocol = await centres.protocols_of(connection, name)
    return Centre(
        centre=name, clock=clock or "real", protocol=InForce(name=protocol.name, version=protocol.version),
        position=await log.last_sequence(), facts=room.facts - room.kept, max_waiting=room.max_waiting,
    )  # fmt: skip
