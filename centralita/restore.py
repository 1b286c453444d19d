"""Restore: a centre from its backup, on a server that has nothing of it; open only once it is known to be right.

Until then its log takes nothing: it is put there under a subject that nobody writes to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from centralita.copies import Copy, Manifest
from centralita.operating import Operator
from centralita.verify import Report, verify
from contracts import registry
from eventlog import errors, snapshot
from eventlog.client import Connection
from eventlog.codec import CHAIN
from eventlog.stream import streams


async def restore(
    client: Operator,
    directory: Path,
    manifest: Manifest,
    *,
    replicas: int | None = None,
    anyway: bool = False,
    told: Callable[[Copy], None] = lambda copy: None,
) -> Report:
    """Put a centre back with its sequences and times, verify and open it; whole or not at all.

    `manifest` is what `backup.read` found in the directory, `replicas` other than it had. What is found wrong is
    in the report, and then the centre is removed again unless it is wanted `anyway`. errors.Conflict if any
    stream of it is there, errors.LogError from the server.
    """
    connection, centre = client.connection, manifest.centre
    if there := sorted({copy.name for copy in manifest.streams} & await streams(connection)):
        raise errors.Conflict(
            f"there already: {', '.join(there)}; restore to another server, or remove the centre first with:"
            f" centralita centre remove {centre}"
        )
    log = registry.log_stream(centre)
    made: list[str] = []
    report = Report(centre)
    try:
        # the log last: services take a seat where both are, and one who finds no inbox would make it anew
        for copy in sorted(manifest.streams, key=lambda it: it.name == log):
            config = copy.config | ({"num_replicas": replicas} if replicas else {})
            if copy.name == log:
                config = snapshot.closed(config)
            report.wrong += await _put(connection, directory, copy, config, made)
            told(copy)
        report.wrong += await _heads(client, manifest)
        if not report.wrong:
            report = await verify(client, centre, copied=True)
        if not report.wrong or anyway:
            opened = next(copy.config for copy in manifest.streams if copy.name == log)
            opened |= {"num_replicas": replicas} if replicas else {}
            await snapshot.request(connection, f"STREAM.UPDATE.{log}", opened)
            await connection.publish(registry.CENTRES_CHANGED, centre.encode())
            await connection.flush()
            made.clear()
    finally:
        await asyncio.shield(_remove(connection, made))
    return report


async def _put(
    connection: Connection, directory: Path, copy: Copy, config: dict[str, Any], made: list[str]
) -> list[str]:
    """Make one stream; what is other than it was."""
    if copy.file is None:
        begun = config | {"first_seq": int(copy.state["last_seq"]) + 1}
        await snapshot.request(connection, f"STREAM.CREATE.{copy.name}", begun)
        made.append(copy.name)
        return []
    to = await snapshot.offer(connection, config, copy.state)
    made.append(copy.name)
    found = await snapshot.send(connection, to, _parts(directory / copy.file))
    return [
        f"{copy.name}: {name}: expected {copy.state[name]}, found {found[name]}"
        for name in ("first_seq", "last_seq", "messages")
        if found[name] != copy.state[name] and (name != "first_seq" or found["messages"])
    ]


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            yield part


async def _heads(client: Operator, manifest: Manifest) -> list[str]:
    """What is not the last event of a service, or of the centre itself, as it was."""
    log, wrong = client.log(manifest.centre), []
    for service, head in manifest.heads.items():
        raw = await log.last(registry.log_subject(manifest.centre, service, ">"))
        position, chain = (raw.seq, raw.headers.get(CHAIN, "")) if raw else (0, "")
        if (position, chain) != (head.position, head.chain):
            wrong.append(
                f"{service}: its last event: expected {head.position} {head.chain}, found {position} {chain}"
            )
    return wrong


async def _remove(connection: Connection, made: list[str]) -> None:
    for stream in made:
        with suppress(errors.LogError):  # the server may be gone, which is what is told
            await snapshot.request(connection, f"STREAM.DELETE.{stream}", {})
