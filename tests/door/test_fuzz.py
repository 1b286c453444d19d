"""Requests made from the OpenAPI document: each is answered as the document says."""

from __future__ import annotations

import json
from pathlib import Path

from contracts import schemas
from tests.door.fuzz import fuzzed
from tests.e2e.stacks import OneProcess


async def test_what_is_documented_is_what_is_answered(stack: OneProcess, tmp_path: Path) -> None:
    """Of every operation right and wrong requests are answered with a documented status and body, never 500."""
    document = json.loads((schemas.HERE / "openapi.json").read_text(encoding="utf-8"))
    operations = sum(len(methods.keys() - {"parameters"}) for methods in document["paths"].values())
    options = ("--phases", "examples,fuzzing", "--max-examples", "2", "--generation-deterministic")
    code, said = await fuzzed(stack.door, tmp_path, *options)
    assert code == 0, said
    # the document itself is not asked for again
    assert f"Tested: {operations - 1}" in " ".join(said.split()), said
