"""A centre's inbox: a stream in files, or in memory where something of what callers say may not be kept."""

from __future__ import annotations

from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from contracts import registry
from contracts.events import ProtocolPublished
from contracts.protocol import Protocol
from eventlog import errors
from eventlog.client import Connection
from eventlog.stream import Stream

MAX_MESSAGE = 512 * 1024
MAX_WAITING = 1_000_000
"""Facts that an inbox holds, unless a centre says otherwise: those not decided on, and the originals kept."""
_WAITING = "max_waiting"


def common(replicas: int = 1, max_bytes: int = -1) -> StreamConfig:
    """What both streams of a centre have in common."""
    return StreamConfig(
        storage=StorageType.FILE,
        num_replicas=replicas,
        max_bytes=max_bytes,
        max_msg_size=MAX_MESSAGE,
        discard=DiscardPolicy.NEW,
        allow_atomic=True,
        allow_direct=True,
    )


def waiting_of(log: StreamConfig) -> int:
    """How many facts a centre's inbox holds, by what the configuration of its log says."""
    return int((log.metadata or {}).get(_WAITING, MAX_WAITING))


def with_waiting(log: StreamConfig, max_waiting: int) -> StreamConfig:
    """The configuration of a centre's log, from which the inbox may have to be made anew."""
    return log.evolve(metadata={**(log.metadata or {}), _WAITING: str(max_waiting)})


def config(
    centre: str, discreet: bool, replicas: int = 1, max_bytes: int = -1, max_waiting: int = MAX_WAITING
) -> StreamConfig:
    """The inbox of a centre; of a discreet one it is never on disk."""
    topics = (*registry.TOPICS, registry.REJECTED)
    return common(replicas, max_bytes).evolve(
        name=registry.inbox_stream(centre),
        subjects=[registry.inbox_subject(centre, topic, ">") for topic in topics],
        storage=StorageType.MEMORY if discreet else StorageType.FILE,
        max_msgs=max_waiting,
    )


async def check(connection: Connection, centre: str, protocol: Protocol) -> None:
    """errors.Conflict if the centre cannot work by the protocol, because its inbox is on disk."""
    if not protocol.discreet:
        return
    name = registry.inbox_stream(centre)
    try:
        found = (await connection.jetstream(timeout=10).stream_info(name)).config.storage
    except Exception as error:
        raise errors.of(error) from error
    if found != StorageType.MEMORY:
        raise errors.Conflict(
            f"the protocol {protocol.name} keeps no record of some of what callers say, but the stream {name} is on"
            f" disk: expected storage memory, found {found}; open a centre with this protocol from the start"
        )


async def forgets(log: Stream, centre: str, last: int) -> bool:
    """Whether the centre was discreet at any time up to a position of its log: its inbox is in memory."""
    async for part in log.read([registry.log_subject(centre, registry.CENTRE, ">")], 0, last):
        for message in (raw.message() for raw in part):
            if message.name == registry.name_of_type(ProtocolPublished):
                published = registry.decode(message.name, message.version, message.data)
                assert isinstance(published, ProtocolPublished)
                if published.protocol.discreet:
                    return True
    return False


async def reopen(connection: Connection, centre: str) -> bool:
    """Make the inbox of a discreet centre anew, which went with the server's memory; False if it is no such centre.

    It begins behind the last position that was decided on. errors.LogError from the server.
    """
    js, log = connection.jetstream(timeout=10), Stream(connection, registry.log_stream(centre))
    last = await log.last_sequence()
    if not await forgets(log, centre, last):
        return False
    decided = 0
    readers = [registry.log_subject(centre, service, ">") for service in set(registry.TOPICS.values())]
    async for part in log.read(readers, 0, last):
        decided = max(decided, *(raw.message().inbox for raw in part))
    try:
        kept = (await js.stream_info(log.name)).config
        begun = config(centre, True, kept.num_replicas or 1, kept.max_bytes or -1, waiting_of(kept))
        await js.add_stream(begun.evolve(first_seq=decided + 1) if decided else begun)
    except Exception as error:
        raise errors.of(error) from error
    await connection.publish(registry.CENTRES_CHANGED, centre.encode())
    return True


async def forget_leftover(connection: Connection, centre: str) -> None:
    """Remove an inbox in memory whose log is gone: what is in it belonged to a centre that was removed."""
    js = connection.jetstream(timeout=10)
    try:
        await js.stream_info(registry.log_stream(centre))
    except NotFoundError:
        try:
            stream = await js.stream_info(registry.inbox_stream(centre))
            if stream.config.storage == StorageType.MEMORY:
                await js.delete_stream(registry.inbox_stream(centre))
        except NotFoundError:
            return


__all__ = [
    "MAX_MESSAGE",
    "MAX_WAITING",
    "check",
    "common",
    "config",
    "forget_leftover",
    "forgets",
    "reopen",
    "waiting_of",
    "with_waiting",
]
