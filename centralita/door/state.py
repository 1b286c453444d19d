"""How it stands: whether all is settled, whether the door lives and can be used, and what it offers."""

from __future__ import annotations

import asyncio
import functools
from importlib import resources

import nats.errors
from starlette.requests import Request
from starlette.responses import Response

import contracts
from centralita.door.endpoint import Door, answer, query
from centralita.door.problems import JSON, Wrong
from contracts.http import Settled, SettledQuery
from contracts.registry import SERVICES
from eventlog import errors

__all__ = ["alive", "described", "ready", "settled"]


async def settled(door: Door, request: Request) -> Response:
    """`GET /v1/{centre}/settled?timeout=5`: the position, once nothing is left to do; else what is waited for."""
    timeout = query(request, SettledQuery).timeout
    centre = await door.behind.centre(request.path_params["centre"])
    try:
        return answer(Settled(position=await door.behind.client.settle(centre, timeout)))
    except errors.Unavailable as waiting:
        raise Wrong(
            503, "not-settled", "Not settled", str(waiting), expected="nothing left to do", retry_after=1
        ) from None


async def described(door: Door, request: Request) -> Response:
    """`GET /v1/openapi.json`."""
    return Response(_document(), media_type=JSON)


async def alive(door: Door, request: Request) -> Response:
    """`GET /healthz`."""
    return answer({"status": "alive"})


async def ready(door: Door, request: Request) -> Response:
    """`GET /readyz`: 200 where NATS takes facts; `services` are those of which an instance is there."""
    try:
        await door.behind.names()
    except errors.LogError:
        return answer({"ready": False, "services": []}, 503)
    there = await asyncio.gather(*(_there(door, service) for service in SERVICES))
    found = [service for service, is_there in zip(SERVICES, there, strict=True) if is_there]
    return answer({"ready": True, "services": found})


@functools.cache
def _document() -> bytes:
    return resources.files(contracts).joinpath("openapi.json").read_bytes()


async def _there(door: Door, service: str) -> bool:
    try:
        await door.behind.connection.request(f"$SRV.PING.centralita-{service}", b"", timeout=1)
    except (nats.errors.Error, TimeoutError):
        return False
    return True
