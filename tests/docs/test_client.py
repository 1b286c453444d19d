"""What docs/client.md shows is done as it says, against a running Centralita, over both ways."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import protocols
from centralita import Client, centres
from centralita.operating import Operator
from tests.e2e.stacks import Stack

GUIDE = (Path(__file__).parents[2] / "docs/client.md").read_text()
SHOWN = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("way", ["http", "nats"])
async def test_the_guide_is_run(
    way: str, stacks: Callable[[str], Stack], capsys: pytest.CaptureFixture[str]
) -> None:
    """One block after the other does what the text around it says."""
    stack, name = stacks("one process"), f"guide-{way}"
    url = stack.url if way == "nats" else stack.door
    async with Operator(stack.url) as operator:
        await centres.add(operator.connection, name, protocols.load("cold-industry"), clock="virtual")
        first, *rest = (
            text.replace("http://127.0.0.1:8422", url).replace('"acme"', f'"{name}"') for text in SHOWN
        )
        known: dict[str, Any] = {}
        exec(first, known)
        async with known["client"] as client:
            assert isinstance(client, Client)
            for text in rest:
                code = compile(text, "docs/client.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
                if inspect.isawaitable(pending := eval(code, known)):
                    await pending
                if "NINE =" in text:
                    await client.advance(name, known["NINE"])
        await centres.remove(operator.connection, name)
    said = capsys.readouterr().out
    for line in (
        r"\[1\]\.data\.from ",
        "ticket.registered ",
        "no cooling",
        "deadline.set c-1",
        "1199",
        "call.offered",
    ):
        assert re.search(line, said), line
