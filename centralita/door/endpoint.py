"""What all endpoints share: who is let in, whatever goes wrong is told, and what comes in as JSON."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import unquote

from pydantic import ValidationError
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from centralita.door.behind import Behind
from centralita.door.limits import Room
from centralita.door.problems import JSON, Wrong, malformed
from contracts import registry
from contracts.base import Data

D = TypeVar("D", bound=Data)
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffd-\uffff]")


@dataclass(frozen=True, slots=True)
class Door:
    """What endpoints work with; `token`: what /v1 asks for, if anything; `leaving`: set when the door closes."""

    behind: Behind
    room: Room
    token: str | None
    leaving: asyncio.Event


Endpoint = Callable[[Door, Request], Awaitable[Response]]


def admit(door: Door, request: Request) -> None:
    """Wrong where a token is asked for, and the request comes with none or another one."""
    if door.token is None:
        return
    kind, _, given = header(request, "authorization").partition(" ")
    if kind.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), door.token.encode()):
        raise Wrong(
            401, "unauthorised", "Not authorised", "the token is missing or is another one",
            field="authorization", expected="Bearer and the token", headers={"www-authenticate": "Bearer"},
        )  # fmt: skip


def answer(data: Data | dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON."""
    text = data.model_dump_json(exclude_none=True) if isinstance(data, Data) else json.dumps(data)
    return Response(text, status, headers, JSON)


def header(request: Request, name: str) -> str:
    """A header's text, "" where there is none; bytes that are no UTF-8 become U+FFFD."""
    return request.headers.get(name, "").encode("latin-1").decode("utf-8", "replace")


def plain(request: Request, name: str, *, quoted: bool = False) -> str:
    """A header's text where blanks and what is not ASCII may be percent-encoded; taken as it is where it is not.

    One that may be `quoted` is what stands between the quotes; quotes and blanks that are encoded belong to it.
    """
    text = header(request, name)
    if quoted and len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if _NO_TEXT.search(text):
        raise malformed(name, "UTF-8 without control characters")
    decoded = unquote(text)
    return text if _NO_TEXT.search(decoded) else decoded


def media(request: Request) -> str:
    """The content type, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def expect_json(request: Request) -> None:
    """Wrong where the body is said to be something else, or it is not said what it is."""
    if media(request) != JSON:
        raise unsupported(media(request), JSON)


def unsupported(found: str, expected: str) -> Wrong:
    """A body of a type that is not read."""
    detail = f"content-type: expected {expected}, found {found or 'none'}"
    return Wrong(415, "unsupported-type", "Unsupported type", detail, field="content-type", expected=expected)


def parsed(content: bytes) -> Any:
    """The JSON value that a body is."""
    try:
        return from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise malformed("body", f"JSON: {error}") from None


def fitted(model: type[D], data: Any) -> D:
    """The data as the model says, or the field that is not as it says."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        wrong = registry.unreadable(error)
        raise malformed(wrong.field, wrong.expected) from None


def query(request: Request, model: type[D], *, lists: tuple[str, ...] = ()) -> D:
    """The query parameters as the model says; those of `lists` may come several times."""
    return fitted(model, parameters(request, lists=lists))


def parameters(request: Request, *, lists: tuple[str, ...] = ()) -> dict[str, Any]:
    """The query parameters, each once but those of `lists`."""
    given = request.query_params
    for name in given:
        if name not in lists and len(given.getlist(name)) > 1:
            raise malformed(name, "one value", "several")
    return {name: given.getlist(name) if name in lists else given[name] for name in given}
