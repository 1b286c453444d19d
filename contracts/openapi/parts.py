"""What operations are made of: references, answers, problems, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.base import Data, Problem
from contracts.examples import example

Json = dict[str, Any]
JSON = "application/json"
PROBLEMS: Mapping[int, str] = {
    400: "A part of the request is not as expected; `field` names it.",
    401: "A token is asked for.",
    404: "There is no such centre, or no such thing in it.",
    408: "The body did not come in time.",
    409: "A rule forbids it, as things stand.",
    413: "The request, or what was asked for, is too large.",
    415: "The body is of a type that is not read.",
    429: "More comes than is taken; again after Retry-After.",
    500: "A fault of ours.",
    503: "Not available just now; again after Retry-After.",
}
_ALWAYS = (401, 429, 500, 503)
OF_BODIES = (400, 404, 408, 413, 415)


def ref(kind: str, name: str) -> Json:
    """A reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def content(kind: type[Data], title: str = "") -> Json:
    """A body in JSON, with the example of this title."""
    shown = {"example": example(title)} if title else {}
    return {JSON: {"schema": ref("schemas", kind.__name__), **shown}}


def gives(kind: type[Data] | None, text: str = "", status: int = 200, title: str = "") -> Json:
    """An answer in JSON, with the example of this title; None: an object of its own shape."""
    shape = content(kind, title) if kind else {JSON: {"schema": {"type": "object"}}}
    return {str(status): {"description": text or summary(kind), "content": shape}}


def problem(status: int) -> Json:
    """The answer with this status."""
    shape = {"application/problem+json": {"schema": ref("schemas", Problem.__name__)}}
    answer: Json = {"description": PROBLEMS[status], "content": shape}
    if status in (429, 503):
        answer["headers"] = {"Retry-After": ref("headers", "Retry-After")}
    return answer


def operation(id: str, text: str, tag: str, answers: Json, *problems: int) -> Json:
    """One method of a resource."""
    told = {str(status): ref("responses", str(status)) for status in sorted({*problems, *_ALWAYS})}
    return {"operationId": id, "summary": text, "tags": [tag], "responses": answers | told}


def parameters(schema: Json) -> list[Json]:
    """The query parameters that are the fields of an object; what may be absent is not sent as null."""
    found = []
    for name, told in schema["properties"].items():
        shape = {key: value for key, value in told.items() if key not in ("title", "default", "anyOf")}
        for each in told.get("anyOf", ()):
            shape |= each if each != {"type": "null"} else {}
        if told.get("default") is not None:
            shape["default"] = told["default"]
        found.append(
            {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": shape}
        )
    return found


def header(name: str, text: str, **shape: Any) -> Json:
    """A header that may be sent."""
    return {"name": name, "in": "header", "description": text, "schema": {"type": "string", **shape}}


def traceparent() -> Json:
    """The header of the W3C trace context."""
    return header("traceparent", "W3C trace context; what is recorded carries it on.")


def summary(kind: type[Data] | None) -> str:
    """The first sentence about a type."""
    return ((kind and kind.__doc__) or "An object of its own shape.").partition("\n")[0]
