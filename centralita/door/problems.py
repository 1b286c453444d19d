"""What is answered where something goes wrong: application/problem+json, mapped here and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from centralita.client import Refusal
from contracts.base import Problem
from eventlog import errors
from services.problems import problem_of

JSON, PROBLEM = "application/json", "application/problem+json"


class Wrong(Exception):
    """A request that cannot be served; the problem says why."""

    def __init__(
        self, status: int, rule: str, title: str, detail: str, *, field: str = "", expected: str = "",
        retry_after: float | None = None, headers: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(detail)
        self.problem = _problem(status, rule, title, detail, retry_after, field, expected)
        self.headers = headers


def malformed(field: str, expected: str, found: str = "") -> Wrong:
    """A part of the request that is not what was expected there."""
    detail = f"{field}: expected {expected}" + (f", found {found}" if found else "")
    return Wrong(400, "malformed", "Malformed", detail, field=field, expected=expected)


def told(reason: Exception) -> Problem:
    """The one place where what went wrong becomes what the caller is told."""
    match reason:
        case Wrong():
            return reason.problem
        case Refusal():
            return Problem.model_validate(reason.problem.members())
        case HTTPException(status_code=404):
            return _problem(404, "unknown-resource", "Not found", "there is nothing under this path")
        case HTTPException(status_code=405):
            return _problem(
                405, "unknown-method", "Method not allowed", "the resource does not know the method"
            )
        case ClientDisconnect():
            return _problem(400, "malformed", "Malformed", "the request ended before its body did")
        case errors.NoStream():
            return _problem(404, "unknown-centre", "Unknown centre", f"{reason}; PUT /v1/<centre> opens one")
        case errors.Full(limit="messages" | "bytes"):
            return _problem(
                429, "inbox-full", "Beyond a limit", f"the centre takes no more facts: {reason}", 1
            )
        case errors.Full():
            return _problem(503, "unavailable", "Not available", str(reason), 5)
        case errors.TooLarge():
            return _problem(413, "request-too-large", "Beyond a limit", str(reason))
        case errors.Denied():
            return _problem(503, "unavailable", "Not available", str(reason), 30)
    problem = problem_of(reason)
    if problem.status == 503 and not problem.retry_after:
        problem = problem.model_copy(update={"retry_after": 1.0})
    return problem


def response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as it is sent, with the seconds after which another try is worth it; with 429 and 503 always."""
    more = dict(headers or {})
    if problem.retry_after or problem.status in (429, 503):
        more["retry-after"] = str(max(1, math.ceil(problem.retry_after or 0)))
    return Response(problem.model_dump_json(exclude_none=True), problem.status, more, PROBLEM)


def _problem(
    status: int, rule: str, title: str, detail: str, retry_after: float | None = None, field: str = "",
    expected: str = "",
) -> Problem:  # fmt: skip
    return Problem(
        type=f"/problems/{rule}", title=title, status=status, detail=detail, rule=rule,
        field=field or None, expected=expected or None, retry_after=retry_after,
    )  # fmt: skip
