"""`centralita publish`: facts from a file or standard input."""

from __future__ import annotations

import asyncio
import json as jsonlib
import os
import sys
import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from centralita import clocks
from centralita.addressing import addressed
from centralita.centres import MAX_MESSAGE
from centralita.client import Fact
from centralita.commands.common import (
    REFUSED,
    UNREACHABLE,
    USAGE,
    AsJson,
    Centre,
    Interrupted,
    Nats,
    centre_of,
    connected,
    fail,
    print_json,
    run,
)
from centralita.operating import Operator
from contracts import registry
from eventlog import errors
from eventlog.codec import headers_of, moment

CHUNK = 1 << 18
AHEAD = 8
LONGEST = MAX_MESSAGE - (16 << 10)
"""A fact must fit a message of the inbox, its headers included."""


@dataclass(slots=True)
class Published:
    """How many facts are on disk, up to which line, and the lines that were left out."""

    published: int = 0
    line: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)


def publish(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CloudEvents as JSON lines; - reads standard input.")
    ] = Path("-"),
    centre: Centre = None,
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to try where the inbox is full.")
    ] = 60,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """Publish facts, one CloudEvent in JSON a line; a wrong line is told and the rest goes on.

    Each needs id, source, type and subject (the call, agent or customer), and may have time and data.
    Publishing a line again does no harm: repeats are known by source and id. Without a time a fact occurs now, on a
    virtual clock at the time that it shows.
    """
    done = Published()
    name = centre_of(centre)
    if str(file) != "-" and not file.is_file():
        fail(USAGE, f"there is no file {file}")
    try:
        run(_publish(file, name, nats, done, wait))
    except Interrupted:
        _summary(done, name, json)
        raise
    _summary(done, name, json)
    if done.refused:
        raise typer.Exit(REFUSED)


async def _publish(file: Path, centre: str, nats: str | None, done: Published, wait: float) -> None:
    async with connected(nats, centre) as client:
        number, now = 0, await clocks.present(client, centre)
        async for lines in _lines(file):
            facts = []
            for text in lines:
                number += 1
                if not text.strip():
                    continue
                try:
                    fact = _fact(text, centre)
                    facts.append(replace(fact, time=fact.time or now))
                except ValueError as error:
                    _refuse(done, number, str(error))
            await _store(client, centre, facts, done, number, wait)


async def _store(
    client: Operator, centre: str, facts: list[Fact], done: Published, number: int, wait: float
) -> None:
    try:
        done.published += await client.publish(centre, facts, wait=wait)
        done.line = number
    except errors.Denied as error:
        fail(REFUSED, f"{error}; {done.published} facts are stored")
    except errors.Unavailable as error:
        fail(
            UNREACHABLE,
            f"{error}; {done.published} facts are stored, those after line {done.line} may not be:"
            " publish them again, repeats do no harm",
        )


def _refuse(done: Published, number: int, reason: str) -> None:
    where, _, why = reason.partition(": ")
    done.refused.append({"line": number, "field": where, "reason": why})
    print(f"line {number}: {reason}", file=sys.stderr)


def _summary(done: Published, centre: str, as_json: bool) -> None:
    if as_json:
        print_json({"centre": centre, "published": done.published, "refused": done.refused})
        return
    refused = f", {len(done.refused)} lines refused" if done.refused else ""
    print(f"{done.published} facts published to {centre}{refused}")


def _fact(text: bytes, centre: str) -> Fact:
    """The fact on a line; ValueError says which attribute or field is wrong, and what was expected."""
    if len(text) > LONGEST:
        raise ValueError(f"line: expected at most {LONGEST} bytes, found {len(text)}")
    try:
        event = jsonlib.loads(text.decode("utf-8-sig"), parse_constant=_no_number)
    except UnicodeDecodeError:
        raise ValueError("line: expected UTF-8") from None
    except jsonlib.JSONDecodeError as error:
        raise ValueError(f"line: expected JSON: {error.msg} at column {error.colno}") from None
    except RecursionError:
        raise ValueError("line: expected JSON that is not nested this deeply") from None
    if not isinstance(event, dict):
        raise ValueError(f"line: expected a JSON object, found {type(event).__name__}")
    fact = _from_cloudevent(event)
    try:
        _, message = addressed(fact, centre)
        headers_of(message)
    except UnicodeEncodeError:
        raise ValueError("line: expected text without lone surrogates") from None
    try:
        registry.decode(message.name, message.version, message.data)
    except registry.Unreadable as error:
        raise ValueError(str(error) if error.unknown else f"data.{error.field}: {error.expected}") from None
    return fact


def _from_cloudevent(event: Mapping[str, Any]) -> Fact:
    for name in ("id", "source", "type", "subject"):
        if not isinstance(event.get(name), str) or not event[name]:
            raise ValueError(f"{name}: expected a non-empty text, found {event.get(name)!r}")
    if event.get("specversion", "1.0") != "1.0":
        raise ValueError(f"specversion: expected 1.0, found {event['specversion']!r}")
    if "data_base64" in event:
        raise ValueError("data_base64: expected data, in JSON")
    data = event.get("data", {})
    if not isinstance(data, dict):
        raise ValueError(f"data: expected an object, found {type(data).__name__}")
    try:
        time = moment(event["time"]) if event.get("time") else None
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f"time: expected an RFC 3339 time with an offset, found {event['time']!r}") from None
    version = event.get("dataversion", 1)
    if not str(version).isdigit():
        raise ValueError(f"dataversion: expected a whole number, found {version!r}")
    return Fact(event["type"], event["subject"], data, time, event["id"], event["source"], int(version))


def _no_number(name: str) -> Any:
    raise ValueError(f"line: expected JSON, which has no {name}")


async def _lines(file: Path) -> AsyncIterator[list[bytes]]:
    """The lines as they arrive, in lists; read in a thread of its own that nothing waits for in the end."""
    loop, room = asyncio.get_running_loop(), threading.Semaphore(AHEAD)
    chunks: asyncio.Queue[bytes | OSError] = asyncio.Queue()
    source = sys.stdin.fileno() if str(file) == "-" else os.open(file, os.O_RDONLY)

    def read() -> None:
        chunk: bytes | OSError = b"-"
        while chunk and not isinstance(chunk, OSError):
            room.acquire()
            try:
                chunk = os.read(source, CHUNK)
            except OSError as error:
                chunk = error
            loop.call_soon_threadsafe(chunks.put_nowait, chunk)

    threading.Thread(target=read, daemon=True).start()
    rest: list[bytes] = []
    while chunk := await chunks.get():
        if isinstance(chunk, OSError):
            fail(REFUSED, f"{file}: {chunk.strerror}")
        room.release()
        head, *others = chunk.split(b"\n")
        rest.append(head)
        if others:
            complete = [b"".join(rest), *others[:-1]]
            rest = [others[-1]]
            yield complete
    if last := b"".join(rest):
        yield [last]
