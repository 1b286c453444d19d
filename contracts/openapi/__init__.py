"""The OpenAPI 3.1 document of the HTTP door: the same facts, commands and queries, as resources."""

from __future__ import annotations

from contracts import http, registry
from contracts.base import Data
from contracts.openapi.facts import ATTRIBUTES, attribute, fact_schemas
from contracts.openapi.parts import PROBLEMS, Json, problem
from contracts.openapi.paths import paths

__all__ = ["MODELS", "document"]

MODELS: tuple[type[Data], ...] = (
    http.Centres, http.Opening, http.Centre, http.Published, http.Accepted, http.LogQuery, http.SettledQuery,
    http.Settled,
)  # fmt: skip
"""What the door alone speaks of."""


def document(schemas: Json) -> Json:
    """The whole document; `schemas` are those of all types, MODELS among them, by class name."""
    token = "Asked for where CENTRALITA_DOOR_TOKEN is set."
    centre = {
        "name": "centre",
        "in": "path",
        "required": True,
        "description": "The centre's name: lower case letters, digits and '-', at most 32, a letter first.",
        "schema": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,31}$"},
    }
    retry_after = {
        "description": "Seconds after which another try is worth it.",
        "schema": {"type": "integer", "minimum": 1},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Centralita",
            "version": "1.0.0",
            "description": "A call centre over HTTP: facts as CloudEvents 1.0, commands, queries, and the log as"
            " server-sent events. Whatever goes wrong is application/problem+json (RFC 9457)."
            " Fields marked x-personal are personal data.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "http://127.0.0.1:8422"}],
        "security": [{}, {"token": []}],
        "tags": [{"name": name} for name in ("centres", "facts", "log", *registry.SERVICES)],
        "paths": paths(schemas),
        "components": {
            "schemas": fact_schemas() | schemas,
            "parameters": {"centre": centre, **{name: attribute(name) for name in ATTRIBUTES}},
            "headers": {"Retry-After": retry_after},
            "responses": {str(status): problem(status) for status in PROBLEMS},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": token}},
        },
    }
