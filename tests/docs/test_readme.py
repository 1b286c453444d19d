"""What the README tells people to type works as it says."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.replay import rows

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
SHELL = [text for kind, text in BLOCKS if kind == "sh"]
TYPED = ".venv/bin/centralita"


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment for the README's commands: a folder of their own, and everything up as the README says."""
    port = free_port()
    (tmp_path / ".venv/bin").mkdir(parents=True)
    command = tmp_path / TYPED
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m centralita.cli "$@"\n')
    command.chmod(0o755)
    (tmp_path / "calls.txt").write_text(rows.text_of(rows.served(), rows.hung(call_id="7002")))
    environment = {**os.environ, "CENTRALITA_NATS": f"nats://127.0.0.1:{port}", "PYTHONPATH": str(ROOT)}
    (up,) = [block for block in SHELL if f"{TYPED} up" in block]
    process = subprocess.Popen(
        [*shlex.split(up), "--port", str(port)], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield environment
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def test_every_command_of_the_readme_runs(shell: dict[str, str], tmp_path: Path) -> None:
    """Open a centre, publish, watch, ask, mend and replay, one after the other, each ending well."""
    typed = [block for block in SHELL if "make " not in block and f"{TYPED} up" not in block]
    assert len(typed) == 4
    answers = []
    for block in typed:
        done = subprocess.run(
            ["sh", "-euc", block],
            cwd=tmp_path,
            env=shell,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        answers.append(done.stdout)
    told = answers[2]
    for expected in ("call.offered", "call.answered", "prompt.issued", "ticket.registered"):
        assert expected in told


def test_the_harness_of_the_readme_passes(tmp_path: Path) -> None:
    """The ten lines that start everything inside a test are a test that passes."""
    (example,) = [text for kind, text in BLOCKS if kind == "python"]
    (tmp_path / "test_example.py").write_text(example)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_example.py"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_links_of_the_readme_lead_somewhere() -> None:
    """Every relative link names a file or folder that is there."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_two_commands_of_the_readme_are_in_the_makefile() -> None:
    """`make demo` and `make test` stand there; the first is run by the tests of the demo, the second runs this."""
    makefile = (ROOT / "Makefile").read_text()
    for block in SHELL:
        if block.startswith("make "):
            assert re.search(rf"^{block.split()[1]}:", makefile, re.MULTILINE)
