"""`centralita tail`: the log as it grows."""

from __future__ import annotations

import asyncio
import os
import re
import select
import sys
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Annotated

import typer
from rich.console import Console

from centralita.addressing import subjects
from centralita.commands.common import (
    USAGE,
    AsJson,
    Centre,
    Interrupted,
    Nats,
    centre_of,
    connected,
    console,
    fail,
    json_line,
    run,
)
from centralita.lines import cloudevent, line
from centralita.opening import Opener
from centralita.operating import Operator
from contracts import registry
from eventlog.codec import Malformed
from eventlog.stream import Raw, Stream

USUAL = 10
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}

Wanted = Callable[[Raw], bool]


def tail(
    centre: Centre = None,
    new: Annotated[bool, typer.Option("--new", help="Only what comes from now on.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="From the beginning.")] = False,
    last: Annotated[
        int | None, typer.Option(min=1, metavar="N", help=f"The last N first. Usual: {USUAL}.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="AGO|TIME", help="What was stored since: 90s, 5m, 1h30m, 2d, or an ISO 8601 time."
        ),
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, metavar="N", help="Stop after N events.")] = None,
    service: Annotated[
        list[str] | None, typer.Option("--service", "-s", metavar="NAME", help="Of this service; repeatable.")
    ] = None,
    call: Annotated[
        str | None, typer.Option(metavar="ID", help="About this call (or ticket:N, agent:ID).")
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--type", "-t", metavar="GLOB", help="Of this type: ticket.registered, deadline.*; repeatable."
        ),
    ] = None,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """Follow a centre's log, over lost connections without a gap or a repeat. Ctrl-C stops."""
    if sum((new, everything, last is not None, since is not None)) > 1:
        fail(USAGE, "--new, --all, --last and --since exclude each other: give one of them")
    services = tuple(service or ())
    known = (*registry.SERVICES, registry.CENTRE)
    if unknown := [name for name in services if name not in known]:
        fail(USAGE, f"--service: there is no {unknown[0]!r}; there are {', '.join(known)}")
    if call is not None and not re.fullmatch(r"[A-Za-z0-9_@=+:~-]{1,96}", call):
        fail(USAGE, f"--call: {call!r} cannot be an id: letters, digits and _ @ = + : ~ -, 96 at most")
    moment = _moment(since) if since else None
    kinds = tuple(kind or ("*",))

    def wanted(raw: Raw) -> bool:
        name = raw.name
        return any(fnmatchcase(name, glob) for glob in kinds)

    start = 0 if everything else -1 if new else (last or USUAL)
    try:
        run(_tail(centre_of(centre), nats, services, call or "", wanted, start, moment, count, json))
    except Interrupted:
        return  # this is how it is meant to end


async def _tail(
    centre: str,
    nats: str | None,
    services: Sequence[str],
    id: str,
    wanted: Wanted,
    start: int,
    since: datetime | None,
    count: int | None,
    as_json: bool,
) -> None:
    async with connected(nats, centre) as client:
        log = client.log(centre)
        end = await log.last_sequence()
        if since is not None:
            after = await _before(log, since, end)
        elif start > 0:
            after = await _nth_last(log, subjects(centre, services, id), wanted, start, end)
        else:
            after = end if start else 0
        await _follow(client, centre, services, id, wanted, after, count, as_json)


async def _follow(
    client: Operator,
    centre: str,
    services: Sequence[str],
    id: str,
    wanted: Wanted,
    after: int,
    count: int | None,
    as_json: bool,
) -> None:
    terminal, shown, opener = console(), 0, Opener(client.log(centre), centre)
    screen = terminal if terminal.is_terminal else None
    async for part in client.follow(centre, after=after, services=services, about=id):
        for raw in part:
            if not wanted(raw):
                continue
            await _show(raw, opener, screen, as_json)
            shown += 1
            if count is not None and shown >= count:
                return


async def _show(raw: Raw, opener: Opener, screen: Console | None, as_json: bool) -> None:
    try:
        message = await opener.open(raw.message())
    except Malformed as malformed:
        print(f"centralita: position {raw.seq} cannot be read: {malformed}", file=sys.stderr)
        return
    if as_json:
        await _put(json_line(cloudevent(message)))
    elif screen is not None:
        screen.print(line(message), no_wrap=True, overflow="ellipsis")
    else:
        await _put(line(message).plain)


async def _put(text: str) -> None:
    """A line on standard output, as fast as it is read there: who waits for a slow reader can still be stopped."""
    try:
        fd, rest = sys.stdout.fileno(), f"{text}\n".encode()
    except OSError:  # no file, but something in memory
        print(text, flush=True)
        return
    while rest:
        if not select.select([], [fd], [], 0)[1]:
            await _writable(fd)
        rest = rest[
            os.write(fd, rest[: select.PIPE_BUF]) :
        ]  # so much has room where it is said to be writable


async def _writable(fd: int) -> None:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(fd, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(fd)


async def _nth_last(log: Stream, subjects: Sequence[str], wanted: Wanted, number: int, end: int) -> int:
    """The position before the last `number` messages that are wanted; all of them where there are fewer."""
    span = max(4 * number, 500)
    while True:
        after = max(0, end - span)
        found: deque[int] = deque(maxlen=number)
        async for part in log.read(subjects, after, end):
            found.extend(raw.seq for raw in part if wanted(raw))
        if len(found) == number or after == 0:
            return found[0] - 1 if found else end
        span *= 4


async def _before(log: Stream, moment: datetime, end: int) -> int:
    """The last position stored before a moment; a binary search, as these times never run backwards."""
    low, high = 0, end
    while low < high:
        middle = (low + high + 1) // 2
        raw = await log.get(middle)
        if raw is None or raw.stored < moment:
            low = middle
        else:
            high = middle - 1
    return low


def _moment(text: str) -> datetime:
    """The moment meant by `5m` (ago) or by an ISO time, without an offset in this machine's time zone."""
    if re.fullmatch(r"(\d+(ms|[smhdw]))+", text):
        ago = sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdw])", text))
        try:
            return datetime.now(UTC) - timedelta(seconds=ago)
        except OverflowError:
            fail(USAGE, f"--since: {text} is before all time; try --all")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        fail(USAGE, f"--since: {text!r} is neither a span such as 90s, 5m, 1h30m or 2d, nor an ISO 8601 time")
