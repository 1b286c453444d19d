"""Centres: opening one makes its two streams and its first two events; removing one removes both streams."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from nats.js import JetStreamContext
from nats.js.api import StorageType
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from centralita import holidays
from contracts import registry
from contracts.events import CentreOpened, ProtocolPublished
from contracts.protocol import Protocol
from eventlog import errors
from eventlog.chain import linked
from eventlog.client import Connection
from eventlog.codec import Message
from eventlog.stream import Stream, streams
from services import inbox
from services.inbox import MAX_MESSAGE as MAX_MESSAGE

OPENING = 2
"""How many events the opening of a centre leaves."""
_SPREAD = 10.0
"""Seconds in which the server that we are connected to must have heard of a new stream."""


async def add(
    connection: Connection,
    name: str,
    protocol: Protocol,
    *,
    clock: Literal["real", "virtual"] = "real",
    replicas: int = 1,
    max_bytes: int = -1,
    max_waiting: int = inbox.MAX_WAITING,
) -> bool:
    """Open a centre; False if it is open already. An interrupted opening is completed, a half removed centre refused.

    `max_bytes` limits each of the two streams, `max_waiting` is how many facts the inbox holds. ValueError for a
    bad name, errors.LogError from the server.
    """
    registry.centre_name(name)
    js = connection.jetstream(timeout=10)
    centre = registry.log_subject(name, registry.CENTRE, name)
    if await exists(connection, name):
        return False
    kept = inbox.common(replicas, max_bytes).evolve(
        name=registry.log_stream(name), subjects=[f"log.{name}.>"], deny_delete=True, deny_purge=True
    )
    kept = inbox.with_waiting(kept, max_waiting)
    read = inbox.config(name, protocol.discreet, replicas, max_bytes, max_waiting)
    try:
        await inbox.forget_leftover(connection, name)
        await js.add_stream(kept)
        await heard_of(js, centre)
        log = Stream(connection, registry.log_stream(name))
        if await log.last(centre) is None:
            protocol = holidays.filled(protocol)
            published = ProtocolPublished(name=protocol.name, version=protocol.version, protocol=protocol)
            now, source = datetime.now(UTC), registry.source(name, registry.CENTRE)
            messages: list[Message] = []
            for sequence, event in enumerate((CentreOpened(clock=clock), published), start=1):
                kind, version, data = registry.encode(event)
                id = f"{name}-{sequence}"
                previous = messages[-1].chain if messages else ""
                message = Message(name, kind, data, id, source, version, sequence, now, place=(sequence, 2))
                messages.append(linked(previous, message))
            await log.append([(centre, message) for message in messages], expected={centre: 0}, atomic=True)
        if await log.last_sequence() > OPENING and await inbox.reopen(connection, name):
            return False
        if await log.last_sequence() > OPENING:
            # its services stand at positions of the inbox that is gone, and would pass over a new one's facts
            raise errors.Conflict(f"{name} has a log but no inbox: remove it first, or restore both streams")
        await js.add_stream(read)
        await heard_of(js, registry.inbox_subject(name, "call", name))
    except Exception as error:
        raise errors.of(error) from error
    await connection.publish(registry.CENTRES_CHANGED, name.encode())
    await connection.flush()
    return True


async def heard_of(js: JetStreamContext, subject: str) -> None:
    """Return when what is sent here to this subject comes to its new stream; in a cluster that takes a moment."""
    async with asyncio.timeout(_SPREAD):
        while True:
            try:
                await js.publish(subject, stream="-")  # no stream's name: declined by whichever it is
            except NoStreamResponseError:
                await asyncio.sleep(0.02)
            except APIError:
                return


@dataclass(frozen=True, slots=True)
class Room:
    """What the streams of a centre hold and may hold: messages and bytes; -1: no limit.

    `facts` are all in the inbox, `kept` those of them that are the originals of what was rejected.
    """

    facts: int
    kept: int
    max_waiting: int
    inbox_bytes: int
    log_bytes: int
    max_bytes: int


async def limits(
    connection: Connection, name: str, *, max_waiting: int | None = None, max_bytes: int | None = None
) -> Room:
    """Change the limits of a centre where new ones are given, and say how things stand; -1: no limit."""
    registry.centre_name(name)
    js = connection.jetstream(timeout=10)
    rejected = registry.inbox_subject(name, registry.REJECTED, ">")
    try:
        for stream in (registry.log_stream(name), registry.inbox_stream(name)):
            config = (await js.stream_info(stream)).config
            if max_bytes is not None:
                config = config.evolve(max_bytes=max_bytes)
            if max_waiting is not None and stream == registry.log_stream(name):
                config = inbox.with_waiting(config, max_waiting)
            elif max_waiting is not None:
                config = config.evolve(max_msgs=max_waiting)
            if max_bytes is not None or max_waiting is not None:
                await js.update_stream(config)
        log = await js.stream_info(registry.log_stream(name))
        read = await js.stream_info(registry.inbox_stream(name), subjects_filter=rejected)
    except Exception as error:
        raise errors.of(error) from error
    return Room(
        read.state.messages, sum((read.state.subjects or {}).values()), read.config.max_msgs or -1,
        read.state.bytes, log.state.bytes, read.config.max_bytes or -1,
    )  # fmt: skip


async def publish(connection: Connection, name: str, protocol: Protocol) -> int:
    """Publish a protocol in an open centre: from the position returned on it works by this one.

    ValueError if its version is not above all that were published, errors.LogError from the server.
    """
    centre = registry.log_subject(name, registry.CENTRE, name)
    log = Stream(connection, registry.log_stream(name))
    last = await log.last(centre)
    if last is None:
        raise errors.NoStream(f"there is no centre {name!r}")
    newest = max((known.version for known in await protocols_of(connection, name)), default=0)
    if protocol.version <= newest:
        found = f"expected {newest + 1} or above, found {protocol.version}"
        raise ValueError(f"version: {name} has had version {newest}: {found}")
    await inbox.check(connection, name, protocol)
    protocol = holidays.filled(protocol)
    published = ProtocolPublished(name=protocol.name, version=protocol.version, protocol=protocol)
    kind, version, data = registry.encode(published)
    sequence, source = last.message().sequence + 1, registry.source(name, registry.CENTRE)
    message = Message(name, kind, data, f"{name}-{sequence}", source, version, sequence, datetime.now(UTC))
    message = linked(last.message().chain, message)
    (position,) = await log.append([(centre, message)], expected={centre: last.seq}, atomic=True)
    return position


async def protocols_of(connection: Connection, name: str) -> list[Protocol]:
    """All versions of the protocol that were published in a centre, in their order."""
    log = Stream(connection, registry.log_stream(name))
    raws = await log.read_subject(registry.log_subject(name, registry.CENTRE, name))
    found = (registry.decode(it.name, it.version, it.data) for it in (raw.message() for raw in raws))
    return [event.protocol for event in found if isinstance(event, ProtocolPublished)]


async def clock_of(log: Stream, name: str) -> Literal["real", "virtual"] | None:
    """Whose time the centre goes by; None while it is being opened."""
    first = await log.first_after(registry.log_subject(name, registry.CENTRE, name), 0)
    if first is None:
        return None
    message = first.message()
    opened = registry.decode(message.name, message.version, message.data)
    return opened.clock if isinstance(opened, CentreOpened) else None


async def exists(connection: Connection, name: str) -> bool:
    """Whether the centre is open: both its streams are there."""
    return name in await names(connection)


async def names(connection: Connection) -> list[str]:
    """The centres that are open, by name."""
    return sorted(registry.centres(await streams(connection)))


async def remove(connection: Connection, name: str) -> bool:
    """Remove a centre with everything it ever recorded; False if there is none."""
    registry.centre_name(name)
    found = False
    js = connection.jetstream(timeout=10)
    both = [registry.inbox_stream(name), registry.log_stream(name)]
    if await _in_memory(connection, both[0]):
        both.reverse()  # a log without such an inbox is taken for one whose server was stopped
    for stream in both:
        try:
            found = await js.delete_stream(stream) or found
        except NotFoundError:
            continue
        except Exception as error:
            raise errors.of(error) from error
    for delete, bucket in (
        (js.delete_object_store, registry.attachments_bucket(name)),
        (js.delete_key_value, registry.outlets_bucket(name)),
    ):
        try:
            await delete(bucket)
        except NotFoundError:
            pass  # nobody ever attached a file, nothing ever reached outside
        except Exception as error:
            raise errors.of(error) from error
    await connection.publish(registry.CENTRES_CHANGED, name.encode())
    await asyncio.wait_for(connection.flush(), 5)
    return found


async def _in_memory(connection: Connection, stream: str) -> bool:
    try:
        info = await connection.jetstream(timeout=10).stream_info(stream)
    except NotFoundError:
        return False
    except Exception as error:
        raise errors.of(error) from error
    return info.config.storage == StorageType.MEMORY
