"""The resources of the door, and who serves each."""

from __future__ import annotations

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from centralita.door import asking, centres, events, log, state
from centralita.door.endpoint import Door, Endpoint, admit
from centralita.door.problems import response, told

__all__ = ["application"]

ROUTES: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/v1", centres.listed),
    ("GET", "/v1/openapi.json", state.described),
    ("GET", "/v1/{centre}", centres.shown),
    ("PUT", "/v1/{centre}", centres.opened),
    ("DELETE", "/v1/{centre}", centres.removed),
    ("GET", "/v1/{centre}/protocol", centres.followed),
    ("PUT", "/v1/{centre}/protocol", centres.published),
    ("POST", "/v1/{centre}/events", events.published),
    ("POST", "/v1/{centre}/commands/{service}/{verb}", asking.commanded),
    ("GET", "/v1/{centre}/queries/{service}/{name}", asking.asked),
    ("GET", "/v1/{centre}/log", log.followed),
    ("GET", "/v1/{centre}/settled", state.settled),
    ("GET", "/healthz", state.alive),
    ("GET", "/readyz", state.ready),
)
"""Method, path and endpoint; those below /v1 ask for the token."""


def application(door: Door) -> Starlette:
    """The ASGI application."""
    resources: dict[str, dict[str, Endpoint]] = {}
    for method, path, endpoint in ROUTES:
        resources.setdefault(path, {})[method] = endpoint
    resources["/v1/"] = resources["/v1"]  # as clients with a base URL ask for it
    routes = [Route(path, _Resource(door, path, methods)) for path, methods in resources.items()]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _nothing_there})
    app.router.redirect_slashes = False
    return app


class _Resource:
    """One path, with all its methods; whatever goes wrong is told."""

    def __init__(self, door: Door, path: str, methods: dict[str, Endpoint]) -> None:
        self._door, self._path = door, path
        self._methods = methods | ({"HEAD": methods["GET"]} if "GET" in methods else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(Request(scope, receive))
        except Exception as reason:  # noqa: BLE001  whatever it is, the caller is told
            problem = told(reason)
            if problem.status == 500:
                structlog.get_logger().warning("door.failed", path=self._path, reason=type(reason).__name__)
            answer = response(problem, dict(getattr(reason, "headers", None) or {}))
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if self._path.startswith("/v1"):
            admit(self._door, request)
        endpoint = self._methods.get(request.method)
        if endpoint is None:
            raise HTTPException(405, headers={"allow": ", ".join(self._methods)})
        with self._door.room.request():
            return await endpoint(self._door, request)


async def _nothing_there(request: Request, reason: Exception) -> Response:
    return response(told(reason))
