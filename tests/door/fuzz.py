"""Requests by the thousand, right and wrong, made from the OpenAPI document: `python -m tests.door.fuzz`."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

import httpx

from centralita.stack import running

CONFIG = Path(__file__).with_name("schemathesis.toml")


async def fuzzed(door: str, directory: Path, *options: str) -> tuple[int, str]:
    """Let schemathesis at a door, and see that all is settled afterwards; its exit code and what it said."""
    async with httpx.AsyncClient(base_url=door, trust_env=False, timeout=60) as http:
        opened = await http.put("fuzz", json={"protocol": "cold-industry", "clock": "virtual"})
        assert opened.status_code in (200, 201), opened.text
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")),
            *("--config-file", str(CONFIG), "run", f"{door}/openapi.json", "--no-color", *options),
            cwd=directory, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        settled = await http.get("fuzz/settled", params={"timeout": 30})
        assert settled.status_code == 200, settled.text
        assert (await http.delete("fuzz")).status_code == 204
    return process.returncode or 0, said.decode()


async def main(seconds: int) -> int:
    """Fuzz a door of one's own for so long."""
    with tempfile.TemporaryDirectory() as store:
        async with running(Path(store), door_port=0) as stack:
            assert stack.door
            code, said = await fuzzed(stack.door, Path(store), "--max-time", str(seconds))
    sys.stdout.write(said)
    return code


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=int, default=300)
    sys.exit(asyncio.run(main(arguments.parse_args().seconds)))
