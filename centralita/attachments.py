"""Files of tickets: they lie in the centre's object store, and the log holds what they are and their digests."""

from __future__ import annotations

import asyncio
import mimetypes
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from nats.js.api import ObjectStoreConfig
from nats.js.errors import BucketNotFoundError, NotFoundError, ObjectNotFoundError
from nats.js.object_store import ObjectStore

from centralita import centres
from centralita.client import Problem, Refusal
from centralita.operating import Operator
from contracts import registry
from eventlog import errors

PATIENCE = 30.0
"""Seconds that the server has for a file."""


async def put(
    client: Operator, centre: str, ticket: int, file: Path, *, by: str, type: str | None = None
) -> dict[str, Any]:
    """Attach a file to a ticket; what was recorded. The same file again is attached once.

    The media type follows from the name unless given. Refusal if it is too large or of a type that the protocol does
    not allow (nothing is uploaded then) or the ticket cannot have it; OSError if it cannot be read.
    """
    limits = (await centres.protocols_of(client.connection, centre))[-1].attachments
    kind = type or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    size = (await asyncio.to_thread(file.stat)).st_size
    if size > limits.max_bytes:
        raise _refusal("attachment-too-large", "size", f"at most {limits.max_bytes} bytes", f"{size} bytes")
    if kind not in limits.types:
        raise _refusal("attachment-type", "type", f"one of {', '.join(limits.types)}", kind)
    content = await asyncio.to_thread(file.read_bytes)
    digest = sha256(content).hexdigest()
    object = f"{ticket}-{digest}"
    command = {
        "ticket": ticket,
        "name": file.name,
        "type": kind,
        "size": len(content),
        "digest": digest,
        "object": object,
        "by": by,
    }
    store = await _store(client, centre, new=True)
    held = await _held(store, object)
    if not held:
        await _in_time(store.put(object, content))
    try:
        return await client.command(centre, "tickets", "attach", command, id=f"attach-{object}")
    except Refusal:
        if not held:
            with suppress(errors.LogError):
                await _in_time(store.delete(object))
        raise


async def get(client: Operator, centre: str, ticket: int, name: str) -> bytes:
    """A ticket's file by its name, the newest of several; checked against the digest on the log.

    Refusal if the ticket has none of this name, errors.Corrupt if what lies in the store is not what was attached.
    """
    answer = await client.query(centre, "tickets", "ticket", {"ticket": ticket})
    file = next((it for it in reversed(answer["attachments"]) if it["name"] == name), None)
    if file is None:
        known = ", ".join(it["name"] for it in answer["attachments"]) or "none"
        raise _refusal("attachment-unknown", "name", f"a file of ticket {ticket}: {known}", name)
    try:
        found = await _in_time((await _store(client, centre)).get(file["object"]))
    except (ObjectNotFoundError, BucketNotFoundError) as error:
        raise errors.Corrupt(f"{name} of ticket {ticket} is not in the object store") from error
    content = bytes(found.data or b"")
    if sha256(content).hexdigest() != file["digest"]:
        raise errors.Corrupt(f"{name} of ticket {ticket} is not what was attached: its digest differs")
    return content


async def _store(client: Operator, centre: str, *, new: bool = False) -> ObjectStore:
    js, bucket = client.connection.jetstream(timeout=10), registry.attachments_bucket(centre)
    try:
        return await js.object_store(bucket)
    except BucketNotFoundError:
        if not new:
            raise
    try:
        log = await js.stream_info(registry.log_stream(centre))
        config = ObjectStoreConfig(bucket=bucket, replicas=log.config.num_replicas or 1)
        return await js.create_object_store(bucket, config)
    except Exception as error:
        raise errors.of(error) from error


async def _held(store: ObjectStore, object: str) -> bool:
    try:
        return not (await store.get_info(object)).deleted
    except NotFoundError:
        return False


async def _in_time(work: Any) -> Any:
    try:
        return await asyncio.wait_for(work, PATIENCE)
    except (NotFoundError, errors.LogError):
        raise
    except Exception as error:
        raise errors.of(error) from error


def _refusal(rule: str, field: str, expected: str, found: str) -> Refusal:
    problem = Problem(
        type=f"/problems/{rule}",
        title="Refused by a rule",
        status=409,
        detail=f"expected {expected}, found {found}",
        rule=rule,
        field=field,
        expected=expected,
    )
    return Refusal(problem)
