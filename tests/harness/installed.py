"""The built wheel, installed where nothing else of ours is, and a folder in which somebody tests against it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[2]
THEIRS = ("services", "contracts", "eventlog", "protocols", "tests")
"""Packages that a project of somebody else may have, named as ours are."""
OTHERS = ("anyio", "asyncio", "cacheprovider", "hypothesispytest", "schemathesis", "timeout")


def installed(where: Path) -> Path:
    """The interpreter of a fresh environment that has our code from the wheel alone, and what we stand on from here."""
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(where), cwd=ROOT)
    (wheel,) = where.glob("*.whl")
    _run(sys.executable, "-m", "venv", "--without-pip", str(where / "venv"), cwd=where)
    python = where / "venv/bin/python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "--python", str(python))
    _run(*pip, "install", "--no-index", "--no-deps", str(wheel), cwd=where)
    (ours,) = (where / "venv/lib").glob("python*/site-packages")
    (ours / "needed.pth").write_text(sysconfig.get_path("purelib"))
    (where / "venv/bin/nats-server").symlink_to(Path(sys.executable).parent / "nats-server")
    return python


def project(where: Path) -> Path:
    """A folder with packages of their own that bear the names of ours."""
    for name in THEIRS:
        (where / name).mkdir(parents=True)
        (where / name / "__init__.py").write_text(f"WHOSE = 'theirs: {name}'\n")
    return where


def run_in(where: Path, python: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """pytest in that folder, as somebody types it there, without the plugins that only we have."""
    blocked = [word for name in OTHERS for word in ("-p", f"no:{name}")]
    return subprocess.run(
        [python, "-m", "pytest", *blocked, *options],
        cwd=where, env=environment(), capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip


def environment() -> dict[str, str]:
    """This environment without what leads to the source code."""
    return {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONPATH" and not name.startswith(("CENTRALITA_", "PYTEST_", "COV_"))
    }


def _run(*words: str, cwd: Path) -> None:
    done = subprocess.run(words, cwd=cwd, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
