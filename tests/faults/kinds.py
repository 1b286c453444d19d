"""The kinds of fault: each begins under load, lasts a while, and leaves everything running again."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from centralita.server import NatsServer
from contracts import registry
from contracts.registry import SERVICES
from tests.faults.full import disk_full, store_full
from tests.faults.link import Link
from tests.faults.rig import Ground, may_mount
from tests.faults.scene import Scene


async def service_killed(scene: Scene) -> None:
    """SIGKILL of an active instance; the standby takes over."""
    service = scene.service()
    instance = await scene.active(service)
    since = time.monotonic()
    instance.send(signal.SIGKILL)
    await instance.ended()
    await scene.wait(0, 1.5)
    instance.start()
    await scene.taken_over("kill", service, since)


async def standby_killed(scene: Scene) -> None:
    """SIGKILL of an instance that stands by: nobody notices."""
    instances = scene.rig.of(scene.service())
    states = [await instance.state(scene.centre) for instance in instances]
    instance = instances[states.index("standby")]
    instance.send(signal.SIGKILL)
    await instance.ended()
    instance.start()


async def both_killed(scene: Scene) -> None:
    """SIGKILL of both instances of a service: nobody is left to take over until one is started again."""
    service = scene.service()
    for instance in scene.rig.of(service):
        instance.send(signal.SIGKILL)
    for instance in scene.rig.of(service):
        await instance.ended()
    await scene.wait(0, 1)
    since = time.monotonic()
    for instance in scene.rig.of(service):
        instance.start()
    await scene.taken_over("start after both were killed", service, since)


async def all_killed(scene: Scene) -> None:
    """SIGKILL of every active instance at once, as when a machine fails."""
    instances = [await scene.active(service) for service in SERVICES]
    since = time.monotonic()
    for instance in instances:
        instance.send(signal.SIGKILL)
    for instance in instances:
        await instance.ended()
    await scene.wait(0, 1)
    for instance in instances:
        instance.start()
    for service in SERVICES:
        await scene.taken_over("kill", service, since)


async def service_stopped(scene: Scene) -> None:
    """SIGTERM of an active instance: it gives its term back and ends with 0."""
    service = scene.service()
    instance = await scene.active(service)
    since = time.monotonic()
    instance.send(signal.SIGTERM)
    await scene.taken_over("clean stop", service, since)
    if code := await instance.ended():
        raise AssertionError(f"{instance.name} ended with {code} after SIGTERM")
    instance.start()


async def service_paused(scene: Scene) -> None:
    """SIGSTOP of an active instance, mostly until it is replaced, then SIGCONT: it writes nothing more."""
    service = scene.service()
    instance = await scene.active(service)
    since, seconds = time.monotonic(), scene.chance.triangular(1, 6, 2.6)
    instance.send(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    if seconds > 3:
        with suppress(TimeoutError):
            await scene.taken_over("pause", service, since, within=5)
    instance.send(signal.SIGCONT)


async def server_killed(scene: Scene) -> None:
    """SIGKILL of the server, which is started again on its store."""
    (server,) = scene.rig.servers
    server.kill()
    await scene.wait(0, 1)
    await server.restart()


async def server_restarted(scene: Scene) -> None:
    """SIGTERM of the server, and a start."""
    await scene.rig.servers[0].restart()


async def server_paused(scene: Scene) -> None:
    """SIGSTOP of the server for seconds: connections stay open and nothing answers."""
    (server,) = scene.rig.servers
    server.suspend()
    await scene.wait(0.5, 6)
    server.resume()


def _link(scene: Scene) -> Link:
    """That of the backends, or of any instance."""
    return scene.rig.links[scene.chance.choice(["backends", "backends", *scene.rig.instances])]


async def connections_cut(scene: Scene) -> None:
    """Every connection of some links is cut, several times."""
    for _ in range(scene.chance.randint(1, 5)):
        _link(scene).cut()
        await scene.wait(0.01, 0.3)


async def connections_delayed(scene: Scene) -> None:
    """What passes over some links takes 50 to 500 ms longer each way."""
    links = [_link(scene) for _ in range(3)]
    for link in links:
        link.delay = scene.chance.uniform(0.05, 0.5)
    await scene.wait(1, 3)
    for link in links:
        link.delay = 0.0


async def connections_held(scene: Scene) -> None:
    """Nothing passes over the links of a service's active instance; then all that was held arrives late."""
    link = scene.rig.links[(await scene.active(scene.service())).name]
    link.hold()
    await scene.wait(0.3, 5)
    link.release()


async def answers_lost(scene: Scene) -> None:
    """What is published arrives and its acknowledgements do not; then the connections are cut."""
    links = [scene.rig.links["backends"], scene.rig.links[(await scene.active(scene.service())).name]]
    link = scene.chance.choice(links)
    link.deaf = True
    await scene.wait(0.1, 2.5)
    link.deaf = False
    link.cut()


async def _leader(scene: Scene) -> NatsServer:
    """The node that leads the log of the centre."""
    connection, name = scene.rig.control.connection, registry.log_stream(scene.centre)
    async with asyncio.timeout(20):
        while True:
            with suppress(Exception):  # as long as the cluster has no leader itself
                reply = await connection.request(f"$JS.API.STREAM.INFO.{name}", b"", timeout=1)
                if led := json.loads(reply.data).get("cluster", {}).get("leader"):
                    return scene.rig.servers[int(led[1:]) - 1]
            await asyncio.sleep(0.05)


async def _follower(scene: Scene) -> NatsServer:
    leader = await _leader(scene)
    return scene.chance.choice([server for server in scene.rig.servers if server is not leader])


async def leader_killed(scene: Scene) -> None:
    """SIGKILL of the node that leads the log; it is started again."""
    server = await _leader(scene)
    server.kill()
    await scene.wait(0.5, 4)
    await server.restart()


async def node_stopped(scene: Scene) -> None:
    """SIGTERM of any node; it is started again."""
    server = scene.chance.choice(scene.rig.servers)
    await server.stop()
    await scene.wait(0, 2)
    await server.restart()


async def follower_paused(scene: Scene) -> None:
    """SIGSTOP of a node that does not lead the log."""
    server = await _follower(scene)
    server.suspend()
    await scene.wait(1, 6)
    server.resume()


async def leader_paused(scene: Scene) -> None:
    """SIGSTOP of the node that leads the log: another comes to lead, and the sleeper wakes as a leader of nothing."""
    server = await _leader(scene)
    server.suspend()
    await scene.wait(1, 8)
    server.resume()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: what it does, on what ground, and its share of the cycles."""

    happen: Callable[[Scene], Awaitable[None]]
    ground: Ground = "disk"
    share: int = 4

    @property
    def name(self) -> str:
        """What it is called, in words."""
        return self.happen.__name__.replace("_", " ")


_EVERY = (
    Kind(service_killed, share=8),
    Kind(standby_killed, share=1),
    Kind(both_killed),
    Kind(all_killed),
    Kind(service_stopped),
    Kind(service_paused, share=8),
    Kind(server_killed, share=6),
    Kind(server_restarted, share=2),
    Kind(server_paused),
    Kind(connections_cut, share=8),
    Kind(connections_delayed),
    Kind(connections_held, share=6),
    Kind(answers_lost, share=6),
    Kind(store_full, "small", share=2),
    Kind(disk_full, "small", share=3),
    Kind(leader_killed, "cluster", share=3),
    Kind(node_stopped, "cluster", share=1),
    Kind(follower_paused, "cluster", share=1),
    Kind(leader_paused, "cluster", share=2),
)
KINDS = {kind.name: kind for kind in _EVERY if kind.happen is not disk_full or may_mount()}
