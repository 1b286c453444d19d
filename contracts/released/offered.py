"""What the HTTP door offers, by the OpenAPI document: resources, methods, bodies, headers, problems, the token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

OFFERED = "offered"


def offered(document: Json) -> Iterator[tuple[str, str]]:
    """A name of each thing that may be relied on, with how it stands."""
    for path, resource in document["paths"].items():
        for method in sorted(resource.keys() - {"parameters"}):
            operation, name = resource[method], f"{method.upper()} {path}"
            yield name, OFFERED
            body = operation.get("requestBody", {})
            for kind in body.get("content", ()):
                yield f"{name} taking {kind}", _needed(body)
            for status, answer in operation["responses"].items():
                if status < "400":
                    yield f"{name} giving {' '.join((status, *answer.get('content', ())))}", OFFERED
            for it in operation.get("parameters", ()):
                parameter = _resolved(it, document)
                if parameter["in"] == "header":
                    yield f"{name} reading {parameter['name']}", _needed(parameter)
    for status, answer in document["components"]["responses"].items():
        for told in (*answer["content"], *answer.get("headers", ())):
            yield f"problem {status} giving {told}", OFFERED
    for name, scheme in document["components"]["securitySchemes"].items():
        yield f"{name} as", " ".join((scheme["type"], scheme["scheme"]))
        yield f"{name} is", "optional" if {} in document["security"] else "required"


def _needed(part: Json) -> str:
    return "required" if part.get("required") else "optional"


def _resolved(part: Json, document: Json) -> Json:
    name = part.get("$ref", "").rpartition("/")[2]
    found: Json = document["components"]["parameters"][name] if name else part
    return found
