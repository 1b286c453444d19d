"""What the HTTP door offers, by the OpenAPI document: resources, methods, bodies, headers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

OFFERED = "offered"


def offered(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A name of each thing that may be relied on, with how it stands."""
    for path, resource in document["paths"].items():
        for method in resource.keys() & {"get", "put", "post", "delete", "patch"}:
            operation, name = resource[method], f"{method.upper()} {path}"
            yield name, OFFERED
            body = operation.get("requestBody", {})
            for kind in body.get("content", ()):
                yield f"{name} taking {kind}", "required" if body.get("required") else "optional"
            for status, answer in operation["responses"].items():
                if status < "400":
                    yield f"{name} giving {' '.join((status, *answer.get('content', ())))}", OFFERED
            for it in operation.get("parameters", ()):
                header = it.get("name") if it.get("in") == "header" else _referred(it, document)
                if header:
                    yield f"{name} reading {header}", "required" if it.get("required") else "optional"


def _referred(parameter: dict[str, Any], document: dict[str, Any]) -> str:
    name = parameter.get("$ref", "").rpartition("/")[2]
    known = document["components"]["parameters"].get(name, {})
    return name if known.get("in") == "header" else ""
