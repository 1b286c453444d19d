"""The OpenAPI document: complete, and of the resources that the door has."""

from __future__ import annotations

import json
import re
from typing import Any

from centralita.door.app import ROUTES
from contracts import registry, schemas
from tests.contracts.test_schemas import references, resolved

DOCUMENT: dict[str, Any] = json.loads((schemas.HERE / "openapi.json").read_text(encoding="utf-8"))
OPERATIONS = {
    (method.upper(), path): told
    for path, methods in DOCUMENT["paths"].items()
    for method, told in methods.items()
    if method != "parameters"
}


def test_every_reference_leads_somewhere() -> None:
    """Operations, answers, parameters and schemas refer to each other within the document."""
    for reference in references(DOCUMENT):
        assert resolved(DOCUMENT, reference)
    for target in DOCUMENT["components"]["schemas"]["Fact"]["discriminator"]["mapping"].values():
        assert resolved(DOCUMENT, target)


def test_the_door_has_what_is_documented_and_nothing_else() -> None:
    """Each method of each path is served by a route below /v1, and each of these routes is documented."""
    served = {(method, path) for method, path, _ in ROUTES if path.startswith("/v1")}
    shape = re.compile(r"/(commands|queries)/\w+/\w+$")
    generic = {"commands": "/commands/{service}/{verb}", "queries": "/queries/{service}/{name}"}
    documented = {(method, shape.sub(lambda found: generic[found[1]], path)) for method, path in OPERATIONS}
    assert documented == served


def test_every_command_query_and_fact_is_there() -> None:
    """Each command and query is a resource of its own with its own schema, each fact one that may be published."""
    paths, facts = DOCUMENT["paths"], DOCUMENT["components"]["schemas"]["Fact"]["oneOf"]
    for service, verbs in registry.COMMANDS.items():
        for verb, kind in verbs.items():
            body = paths[f"/v1/{{centre}}/commands/{service}/{verb}"]["post"]["requestBody"]
            shape = body["content"]["application/json"]["schema"]
            assert shape["$ref"].endswith(f"/{kind.__name__}")
    for service, names in registry.QUERIES.items():
        for name, kind in names.items():
            asked = paths[f"/v1/{{centre}}/queries/{service}/{name}"]["get"]["parameters"]
            fields = {field.alias or key for key, field in kind.model_fields.items()}
            assert {it["name"] for it in asked} == fields
    assert len(facts) == sum(map(len, registry.FACTS.values()))


def test_every_operation_says_what_may_go_wrong() -> None:
    """Each has an id of its own, and its problems beside its answer."""
    ids = [told["operationId"] for told in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)
    for told in OPERATIONS.values():
        assert {"401", "429", "500", "503"} < set(told["responses"])
        assert any(status.startswith("2") for status in told["responses"])
