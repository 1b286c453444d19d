"""The embedded server, as it is: the real nats-server, started, killed, suspended and refused."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import nats
import pytest
from nats.errors import Error as NatsError
from nats.js.errors import APIError

from centralita.cluster import start_cluster
from centralita.server import NatsServer


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
        except OSError:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_is_ready_within_two_seconds_and_leaves_no_process(tmp_path: Path) -> None:
    """A server answers with JetStream within 2 s, and after its block nothing of it runs."""
    asked = time.monotonic()
    async with NatsServer.start(tmp_path / "a store, ñ") as server:
        client = await nats.connect(server.url)
        await client.jetstream().account_info()
        assert time.monotonic() - asked < 2
        assert alive(server.pid)
        assert server.store_dir == tmp_path / "a store, ñ"
        assert "Server is ready" in server.log_file.read_text()
        await client.close()
    assert not alive(server.pid)
    await server.stop()


async def test_every_ack_is_on_disk_and_limits_are_passed_on(tmp_path: Path) -> None:
    """The server syncs always, tells its payload limit, and refuses an append to a full store."""
    async with NatsServer.start(tmp_path, max_payload=4096, max_file_store=64 << 10) as server:
        assert '"sync_interval": "always"' in (tmp_path / "server.conf").read_text()
        client = await nats.connect(server.url)
        assert client.max_payload == 4096
        js = client.jetstream()
        await js.add_stream(name="LOG", subjects=["log"])
        full = [js.publish("log", b"x" * 4000) for _ in range(32)]
        answers = await asyncio.gather(*full, return_exceptions=True)
        assert not isinstance(answers[0], Exception)
        assert isinstance(answers[-1], APIError)
        assert "resource" in str(answers[-1].description)
        await client.close()


async def test_messages_and_port_survive_kill_and_restart(tmp_path: Path) -> None:
    """What was acknowledged before SIGKILL is there after a restart, at the same address."""
    async with NatsServer.start(tmp_path) as server:
        url, pid = server.url, server.pid
        client = await nats.connect(url, allow_reconnect=False)
        js = client.jetstream()
        await js.add_stream(name="LOG", subjects=["log"])
        for number in range(20):
            await js.publish("log", str(number).encode())
        server.kill()
        await server.restart()
        assert (server.url, alive(pid)) == (url, False)
        await client.close()
        client = await nats.connect(url)
        js = client.jetstream()
        assert (await js.stream_info("LOG")).state.messages == 20
        assert (await js.get_msg("LOG", 20)).data == b"19"
        await client.close()


async def test_a_running_server_restarts_and_a_stopped_one_starts_again(tmp_path: Path) -> None:
    """Restart works on a server that runs and on one that was stopped, always on its port."""
    async with NatsServer.start(tmp_path) as server:
        url, first = server.url, server.pid
        await server.restart()
        await server.stop()
        await server.restart()
        assert server.url == url
        assert server.pid != first
        assert not alive(first)
        client = await nats.connect(url)
        await client.close()


async def test_a_suspended_server_answers_when_resumed_and_stops_in_time(tmp_path: Path) -> None:
    """Nothing answers between suspend and resume; a suspended server still stops at once."""
    async with NatsServer.start(tmp_path) as server:
        client = await nats.connect(server.url)
        for _ in range(2):
            server.suspend()
            with pytest.raises(NatsError):
                await client.jetstream(timeout=0.2).account_info()
            server.resume()
            await client.jetstream().account_info()
        await client.close()
        server.suspend()
        before = time.monotonic()
        await server.stop()
        assert time.monotonic() - before < 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
async def test_it_does_not_outlive_its_parent(tmp_path: Path) -> None:
    """When the process that started a server is killed, the server ends and its store is free."""
    program = (
        "import asyncio, os, pathlib, signal, sys; from centralita.server import NatsServer\n"
        "async def main():\n"
        "    server = await NatsServer.start(pathlib.Path(sys.argv[1]))\n"
        "    print(server.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())"
    )
    root = Path(__file__).parents[2]
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, tmp_path, cwd=root, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await parent.communicate()
    assert parent.returncode == -signal.SIGKILL
    for _ in range(400):
        if not alive(int(said)):
            break
        await asyncio.sleep(0.005)
    assert not alive(int(said))
    async with NatsServer.start(tmp_path):
        pass


async def test_a_cluster_forms_and_survives_the_loss_of_one_node(tmp_path: Path) -> None:
    """Three nodes hold an R3 stream; with one killed it takes appends, and the node catches up."""
    servers = await start_cluster(tmp_path)
    try:
        client = await nats.connect([server.url for server in servers])
        js = client.jetstream()
        info = await js.add_stream(name="LOG", subjects=["log"], num_replicas=3)
        assert info.cluster
        assert info.cluster.replicas
        assert len(info.cluster.replicas) == 2
        await js.publish("log", b"before")
        lost = next(s for s in servers if s.store_dir.name == info.cluster.replicas[0].name)
        lost.kill()
        async with asyncio.timeout(15):
            while True:
                try:
                    await js.publish("log", b"after", timeout=0.5, headers={"Nats-Msg-Id": "after"})
                    break
                except NatsError:
                    await asyncio.sleep(0.02)
        await lost.restart()
        await client.close()
        client = await nats.connect(lost.url)
        async with asyncio.timeout(15):
            while True:
                try:
                    info = await client.jetstream(timeout=0.5).stream_info("LOG")
                    peers = (info.cluster and info.cluster.replicas) or []
                    if info.state.messages == 2 and all(peer.current and not peer.offline for peer in peers):
                        break
                except NatsError:
                    pass
                await asyncio.sleep(0.02)
        await client.close()
    finally:
        await asyncio.gather(*(server.stop() for server in servers))
    assert not any(alive(server.pid) for server in servers)
