"""A whole stream taken from its server and put on another: messages, sequences, times and configuration.

What the server sends is opaque here. The server of the copy must know the format of the one it came from: a
newer release reads what older ones have sent.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg

from eventlog import errors

PATIENCE = 30.0
"""Seconds in which a server must answer, or send the next part."""
LONGEST = 3600.0
"""Seconds that a server has to store what it was sent."""
_PART = 128 * 1024


class Snapshot(NamedTuple):
    """The configuration of a stream, and its state (first_seq, last_seq, messages …) when it was taken."""

    config: dict[str, Any]
    state: dict[str, Any]


_CLOSED = "restoring."


def closed(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration in which a stream takes nothing: it has a subject to which nobody writes."""
    return config | {"subjects": [f"{_CLOSED}{config['name']}"]}


def is_closed(config: dict[str, Any]) -> bool:
    """Whether a stream so configured takes nothing."""
    return any(subject.startswith(_CLOSED) for subject in config.get("subjects", ()))


async def request(
    connection: Client, verb: str, query: dict[str, Any], patience: float = 10.0
) -> dict[str, Any]:
    """What the server answers to a request of its JetStream API; errors.LogError where it declines."""
    try:
        reply = await connection.request(f"$JS.API.{verb}", json.dumps(query).encode(), timeout=patience)
    except TimeoutError as error:
        raise errors.Unavailable(
            f"no answer to $JS.API.{verb} in {patience:g} s: the server is lost, or this user may not ask that"
        ) from error
    except Exception as error:
        raise errors.of(error) from error
    return _answer(reply.data)


def _answer(data: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(data)
    errors.check(answer)
    return answer


async def take(connection: Client, stream: str, keep: Callable[[bytes], Awaitable[None]]) -> Snapshot:
    """Have the server check and send a stream as it is now, and `keep` each part; no consumers.

    The next part comes when one is kept. errors.LogError if the server does not send all of it.
    """
    inbox = connection.new_inbox()
    parts = await connection.subscribe(inbox)
    try:
        query = {"deliver_subject": inbox, "no_consumers": True, "jsck": True, "chunk_size": _PART}
        begun = await request(connection, f"STREAM.SNAPSHOT.{stream}", query, PATIENCE)
        count = 0
        while True:
            try:
                part = await parts.next_msg(timeout=PATIENCE)
            except Exception as error:
                raise errors.of(error) from error
            if not part.data:
                _check_end(stream, part)
                return Snapshot(begun["config"], begun["state"])
            count += 1
            if part.reply and not part.reply.endswith(f".{count}"):
                raise errors.Unavailable(f"a part of {stream} was lost on its way: {count} is missing")
            await keep(part.data)
            if part.reply:
                await connection.publish(part.reply)
    finally:
        if not connection.is_closed:
            await parts.unsubscribe()


def _check_end(stream: str, part: Msg) -> None:
    status = (part.headers or {}).get("Status", "204")
    if status != "204":
        said = (part.headers or {}).get("Description", "")
        raise errors.Unavailable(f"the server has stopped sending {stream}: {status} {said}".rstrip())


async def offer(connection: Client, config: dict[str, Any], state: dict[str, Any]) -> str:
    """Begin to make a stream of what `take` kept; where to send it. errors.LogError if it cannot be made."""
    begun = await request(connection, f"STREAM.RESTORE.{config['name']}", {"config": config, "state": state})
    return str(begun["deliver_subject"])


async def send(connection: Client, to: str, parts: Iterable[bytes]) -> dict[str, Any]:
    """Send what was kept, cut into parts in any way; the state of the stream when it is there.

    errors.LogError if the server does not take all of it. It may then have a stream with the first of it.
    """
    for part in parts:
        for start in range(0, len(part), _PART):
            reply = await _sent(connection, to, part[start : start + _PART], PATIENCE)
            if reply:
                _answer(reply)  # it speaks only where it cannot go on
    found: dict[str, Any] = _answer(await _sent(connection, to, b"", LONGEST))["state"]
    return found


async def _sent(connection: Client, to: str, part: bytes, patience: float) -> bytes:
    answer = asyncio.ensure_future(connection.request(to, part, timeout=patience))
    try:
        while not answer.done():
            if not connection.is_connected:
                raise errors.Unavailable("the server was lost while the stream was sent there")
            await asyncio.wait([answer], timeout=1.0)
        return bytes(answer.result().data)
    except Exception as error:
        raise errors.of(error) from error
    finally:
        answer.cancel()


__all__ = ["PATIENCE", "Snapshot", "closed", "is_closed", "offer", "request", "send", "take"]
