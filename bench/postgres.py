"""A private PostgreSQL for the benchmarks: made, used and removed by one `with`."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGQUIT
from typing import Any

USER = "bench"
READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 20.0


class PostgresUnavailable(RuntimeError):
    """There is no PostgreSQL to measure against; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server, reached through a socket in `socket_dir` as a superuser without a password."""

    socket_dir: Path
    pid: int

    def query(self, statement: str) -> str:
        """The first column of the first row of a statement, run on its own; '' without rows."""
        import psycopg

        with psycopg.connect(
            host=str(self.socket_dir), user=USER, dbname="postgres", autocommit=True, connect_timeout=5
        ) as connection:
            cursor = connection.execute(statement.encode())
            row = cursor.fetchone() if cursor.description else None
            return str(row[0]) if row else ""

    def new_database(self, name: str) -> dict[str, str]:
        """Create a database and give the settings under which `eventsourcing` stores in it.

        The name is of small letters, digits and underscores; ValueError otherwise."""
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise ValueError(f"not a plain database name: {name!r}")
        self.query(f"CREATE DATABASE {name}")
        return {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": name,
            "POSTGRES_HOST": str(self.socket_dir),
            "POSTGRES_PORT": "5432",
            "POSTGRES_USER": USER,
            "POSTGRES_PASSWORD": "",
        }

    def durability(self) -> str:
        """Version and the settings that decide what a commit means, as the server itself reports them."""
        settings = (f"{name}={self.query(f'SHOW {name}')}" for name in ("fsync", "synchronous_commit"))
        return f"PostgreSQL {self.query('SHOW server_version').split()[0]}, {', '.join(settings)}"


def binaries() -> Path:
    """The directory that holds `initdb` and `postgres`: the newest of Debian's, else the one on PATH.

    Raises PostgresUnavailable when there is none, or no `psycopg` to talk to it."""
    try:
        import psycopg  # noqa: F401
        import psycopg_pool  # noqa: F401
    except ImportError as error:
        raise PostgresUnavailable(f"install psycopg[binary,pool]: {error}") from error
    debian = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    on_path = shutil.which("initdb")
    candidates = sorted(debian, key=lambda path: int(path.parent.name), reverse=True)
    candidates += [Path(on_path).parent] if on_path else []
    for candidate in candidates:
        if (candidate / "initdb").exists() and (candidate / "postgres").exists():
            return candidate
    raise PostgresUnavailable("no PostgreSQL server found: install the package postgresql (Debian, Ubuntu)")


@contextmanager
def server(directory: Path | None = None) -> Iterator[Postgres]:
    """A fresh PostgreSQL with its default durability (fsync on), stopped and removed at the end.

    Listens on a unix socket only, in a directory nobody else may enter. The data lie below `directory`, by
    default the system's temporary one: name one on the disk that the other side of a comparison writes to.
    PostgreSQL refuses to run as root; then the user `postgres`, or else `nobody`, runs it.
    Raises PostgresUnavailable when it is not installed or does not come up."""
    found = binaries()
    demoted = _demotion()
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-pg-", dir=directory)))
        # apart from the data: a socket's path may have no more than 107 bytes
        socket_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-pg-s-")))
        if demoted:
            for path in (data, socket_dir):
                os.chown(path, demoted["user"], demoted["group"])
        made = subprocess.run(
            [found / "initdb", "-D", data / "db", "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale"],
            cwd="/", capture_output=True, text=True, **demoted,
        )  # fmt: skip
        if made.returncode:
            raise PostgresUnavailable(f"initdb failed below {data.parent}: {made.stderr.strip()[-500:]}")
        log = stack.enter_context((data / "log").open("wb"))
        process = subprocess.Popen(
            [found / "postgres", "-D", data / "db", "-k", socket_dir, "-p", "5432", "-h", ""],
            cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **demoted,
        )  # fmt: skip
        try:
            running = Postgres(socket_dir, process.pid)
            _await_ready(running, process, data / "log")
            yield running
        finally:
            _stop(process)


def _demotion() -> dict[str, Any]:
    """What makes `subprocess` run as an unprivileged user: nothing unless we are root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise PostgresUnavailable("PostgreSQL does not run as root, and there is no user postgres or nobody")


def _await_ready(running: Postgres, process: subprocess.Popen[bytes], log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            running.query("SELECT 1")
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-500:]
                raise PostgresUnavailable(f"PostgreSQL did not come up: {tail or error}") from error
        time.sleep(0.02)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Fast shutdown, and an immediate one if that takes too long; both take the server's children along."""
    for signal in (SIGINT, SIGQUIT):
        if process.poll() is None:
            process.send_signal(signal)
        try:
            process.wait(STOPPED_WITHIN_S)
            return
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    process.wait()
