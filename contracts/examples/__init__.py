"""An example of each message, `<title>.json` beside this file: on the pages, in the documents, and in the tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@cache
def examples() -> Mapping[str, Any]:
    """All by title: call.offered.v1, command.tickets.register, answer.sla.figures, problem.malformed."""
    files = sorted(HERE.glob("*.json"))
    return {file.name.removesuffix(".json"): json.loads(file.read_text(encoding="utf-8")) for file in files}


def example(title: str) -> Any:
    """That of one message; LookupError if there is none."""
    return examples()[title]


def problems() -> Mapping[str, Any]:
    """Those of problems by kind."""
    return {
        name.removeprefix("problem."): it for name, it in examples().items() if name.startswith("problem.")
    }
