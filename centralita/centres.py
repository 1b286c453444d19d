"""Centres: opening one makes its two streams and its first two events; removing one removes both streams."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Literal

from nats.aio.client import Client
from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from contracts import registry
from contracts.events import CentreOpened, ProtocolPublished
from contracts.protocol import Protocol
from eventlog import errors
from eventlog.codec import Message
from eventlog.stream import Stream, streams

MAX_MESSAGE = 512 * 1024
OPENING = 2
"""How many events the opening of a centre leaves."""


async def add(
    connection: Client,
    name: str,
    protocol: Protocol,
    *,
    clock: Literal["real", "virtual"] = "real",
    replicas: int = 1,
    max_bytes: int = -1,
) -> bool:
    """Open a centre; False if it is open already. An interrupted opening is completed, a half removed centre refused.

    `max_bytes` limits each of the two streams. ValueError for a bad name, errors.LogError from the server.
    """
    registry.centre_name(name)
    js = connection.jetstream(timeout=10)
    centre = registry.log_subject(name, registry.CENTRE, name)
    if await exists(connection, name):
        return False
    common = StreamConfig(
        storage=StorageType.FILE,
        num_replicas=replicas,
        max_bytes=max_bytes,
        max_msg_size=MAX_MESSAGE,
        discard=DiscardPolicy.NEW,
        allow_atomic=True,
        allow_direct=True,
    )
    kept = common.evolve(
        name=registry.log_stream(name), subjects=[f"log.{name}.>"], deny_delete=True, deny_purge=True
    )
    read = common.evolve(
        name=registry.inbox_stream(name),
        subjects=[
            registry.inbox_subject(name, topic, ">") for topic in (*registry.TOPICS, registry.REJECTED)
        ],
    )
    try:
        await js.add_stream(kept)
        log = Stream(connection, registry.log_stream(name))
        if await log.last(centre) is None:
            published = ProtocolPublished(name=protocol.name, version=protocol.version, protocol=protocol)
            now, source = datetime.now(UTC), registry.source(name, registry.CENTRE)
            messages = []
            for sequence, event in enumerate((CentreOpened(clock=clock), published), start=1):
                kind, version, data = registry.encode(event)
                id = f"{name}-{sequence}"
                messages.append(
                    (
                        centre,
                        Message(name, kind, data, id, source, version, sequence, now, place=(sequence, 2)),
                    )
                )
            await log.append(messages, expected={centre: 0}, atomic=True)
        if await log.last_sequence() > OPENING:
            # its services stand at positions of the inbox that is gone, and would pass over a new one's facts
            raise errors.Conflict(f"{name} has a log but no inbox: remove it first, or restore both streams")
        await js.add_stream(read)
    except Exception as error:
        raise errors.of(error) from error
    await connection.publish(registry.CENTRES_CHANGED, name.encode())
    await connection.flush()
    return True


async def exists(connection: Client, name: str) -> bool:
    """Whether the centre is open: both its streams are there."""
    return name in await names(connection)


async def names(connection: Client) -> list[str]:
    """The centres that are open, by name."""
    return sorted(registry.centres(await streams(connection)))


async def remove(connection: Client, name: str) -> bool:
    """Remove a centre with everything it ever recorded; False if there is none."""
    registry.centre_name(name)
    found = False
    js = connection.jetstream(timeout=10)
    for stream in (registry.inbox_stream(name), registry.log_stream(name)):
        try:
            found = await js.delete_stream(stream) or found
        except NotFoundError:
            continue
        except Exception as error:
            raise errors.of(error) from error
    await connection.publish(registry.CENTRES_CHANGED, name.encode())
    await asyncio.wait_for(connection.flush(), 5)
    return found
