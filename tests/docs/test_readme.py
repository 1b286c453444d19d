"""What the README and the guides tell people to type works as it says."""

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
        [*shlex.split(up), "--port", str(port), "--door-port", "0"],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.DEVNULL,
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


@pytest.mark.timeout(300)
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


@pytest.mark.timeout(300)
def test_every_command_about_protocols_runs(shell: dict[str, str], tmp_path: Path) -> None:
    """A protocol of one's own is checked, compared, tried on the past, published and shown; diff says it differs."""
    guide = (ROOT / "docs/protocols.md").read_text()
    (block,) = re.findall(r"```sh\n(.*?)```", guide, re.DOTALL)
    shipped = (ROOT / "protocols/cold-industry.toml").read_text()
    ours = shipped.replace("\nname =", "\nversion = 2\nname =", 1).replace("answer_s = 8", "answer_s = 6", 1)
    (tmp_path / "ours.toml").write_text(ours)
    typed = ["centralita centre add acme --protocol cold-industry", *block.splitlines()]
    assert len(typed) == 7
    answers = {}
    for line in typed:
        words = shlex.split(line, comments=True)
        done = subprocess.run(
            [sys.executable, "-m", "centralita.cli", *words[1:]],
            cwd=tmp_path, env=shell, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
        assert done.returncode == (1 if "diff" in words else 0), f"{line}\n{done.stdout}\n{done.stderr}"
        answers[words[2]] = done.stdout
    assert "- limits.answer_s = 8.0\n+ limits.answer_s = 6.0" in answers["diff"]
    assert "limits.answer_s = 6.0" in answers["show"]


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda it: it.stem
)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    """Every relative link names a file or folder that is there."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_two_commands_of_the_readme_are_in_the_makefile() -> None:
    """`make demo` and `make test` stand there; the first is run by the tests of the demo, the second runs this."""
    makefile = (ROOT / "Makefile").read_text()
    for block in SHELL:
        if block.startswith("make "):
            assert re.search(rf"^{block.split()[1]}:", makefile, re.MULTILINE)
