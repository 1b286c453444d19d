"""Backup: a whole centre in a directory, taken while it works.

The log first, then the inbox, which is not trimmed meanwhile: whatever the log has not decided on is in the inbox.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from centralita.copies import Copy, Head, Manifest, Writer, begin, finish
from contracts import registry
from eventlog import errors, hold, snapshot
from eventlog.client import Connection
from eventlog.codec import CHAIN
from eventlog.hold import Hold
from eventlog.stream import Stream, streams

MEMORY = "memory"


async def backup(
    connection: Connection, centre: str, directory: Path, told: Callable[[Copy], None] = lambda copy: None
) -> Manifest:
    """Copy a centre into a new directory, whole or not at all; `told` of each stream that is done.

    OSError if it cannot be written or is there, errors.NoStream if there is no such centre, errors.Conflict if
    another backup of it is under way, errors.LogError if the server does not give all of it.
    """
    part = await asyncio.to_thread(begin, directory)
    try:
        made = datetime.now(UTC)
        copies, heads = await _copied(connection, centre, part, told)
        manifest = Manifest.of(centre, made, copies, heads)
        await asyncio.to_thread(finish, part, directory, manifest)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return manifest


async def _copied(
    connection: Connection, centre: str, part: Path, told: Callable[[Copy], None]
) -> tuple[list[Copy], dict[str, Head]]:
    log, inbox = registry.log_stream(centre), registry.inbox_stream(centre)
    if centre not in registry.centres(await streams(connection)):
        raise errors.NoStream(f"there is no centre {centre!r}")
    info = await snapshot.request(connection, f"STREAM.INFO.{inbox}", {})
    in_memory = info["config"]["storage"] == MEMORY
    reading = Stream(connection, log)
    before = await _last_of_each(reading, centre)
    copies = []
    async with AsyncExitStack() as held:
        # what is kept in memory alone may not reach a disk: it is made anew, behind the position it has now
        holding = None if in_memory else await held.enter_async_context(Hold(connection, inbox))
        copies.append(await _copy(connection, log, part))
        told(copies[-1])
        if holding:
            copies.append(await _copy(connection, inbox, part))
            await holding.check()
        else:
            info = await snapshot.request(connection, f"STREAM.INFO.{inbox}", {})
            copies.append(
                Copy(name=inbox, file=None, size=0, digest="", config=info["config"], state=info["state"])
            )
        told(copies[-1])
    files = attachments_stream(centre)
    if files in await streams(connection):  # behind the log: a file is there before it is recorded
        copies.append(await _copy(connection, files, part))
        told(copies[-1])
    return copies, await _heads(reading, centre, before, int(copies[0].state["last_seq"]))


def attachments_stream(centre: str) -> str:
    """The stream behind the object store in which the files of tickets lie."""
    return f"OBJ_{registry.attachments_bucket(centre)}"


async def _copy(connection: Connection, stream: str, part: Path) -> Copy:
    name = f"{stream}.snapshot"
    file = await asyncio.to_thread(Writer, part / name)

    async def keep(data: bytes) -> None:
        await asyncio.to_thread(file.write, data)

    try:
        taken = await snapshot.take(connection, stream, keep)
    finally:
        digest = await asyncio.to_thread(file.close)
    config = hold.released(taken.config)
    return Copy(name=stream, file=name, size=file.size, digest=digest, config=config, state=taken.state)


async def _last_of_each(log: Stream, centre: str) -> dict[str, int]:
    """The position of the last event of every service, and of the centre itself; 0 if it has none."""
    found = {}
    for service in (registry.CENTRE, *registry.SERVICES):
        raw = await log.last(registry.log_subject(centre, service, ">"))
        found[service] = raw.seq if raw else 0
    return found


async def _heads(log: Stream, centre: str, before: dict[str, int], last: int) -> dict[str, Head]:
    """The last event of each that the copy has: from what it was before the copy, on to its end."""
    heads = {}
    for service, position in before.items():
        own = [registry.log_subject(centre, service, ">")]
        async for part in log.read(own, max(position - 1, 0), last):
            heads[service] = Head(position=part[-1].seq, chain=part[-1].headers.get(CHAIN, ""))
    return heads
