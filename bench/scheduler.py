"""The server's own message schedules: how late they fire, and what a pending one costs."""

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from bench.idle import resident
from bench.report import Wrong
from bench.rig import served
from eventlog.client import Connection
from eventlog.stream import MAX_BATCH, Stream

NAME = "TIMERS"
DATA = b"x" * 100
FAR = timedelta(days=2)
FIRED_WITHIN_S = 60.0


class Scheduled(NamedTuple):
    """How late each of the soon ones fired, in ms in their order, and the server's bytes of memory each pending."""

    late: list[float]
    bytes_each: float


async def scheduled(directory: Path, pending: int, soon: Sequence[float]) -> Scheduled:
    """Have `pending` messages wait for days, and some until so many seconds after a time to come."""
    async with served(directory) as (server, client):
        connection = client.connection
        kinds = {"allow_atomic": True, "allow_msg_schedules": True, "allow_msg_ttl": True}
        config = {"name": NAME, "subjects": ["timer.>", "fired.>"], "storage": "file", **kinds}
        await _asked(connection, f"$JS.API.STREAM.CREATE.{NAME}", config)
        before, began = resident([server.pid]), time.monotonic()
        await _schedule(connection, "far", [datetime.now(UTC) + FAR] * pending)
        each = (resident([server.pid]) - before) * 1e6 / pending
        seconds = 2 + 2 * (time.monotonic() - began) * len(soon) / pending
        begin = datetime.now(UTC) + timedelta(seconds=seconds)
        dues = [begin + timedelta(seconds=after) for after in soon]
        await _schedule(connection, "soon", dues)
        if datetime.now(UTC) > begin:
            raise Wrong("the schedules were not stored before the first was due")
        return Scheduled(await _late(connection, dues), each)


async def _schedule(connection: Connection, name: str, dues: Sequence[datetime]) -> None:
    for start in range(0, len(dues), MAX_BATCH):
        batch, part = uuid4().hex, dues[start : start + MAX_BATCH]
        for place, due in enumerate(part, start=1):
            headers = {
                "Nats-Schedule": f"@at {due.isoformat().replace('+00:00', 'Z')}",
                "Nats-Schedule-Target": f"fired.{name}.{start + place - 1}",
                "Nats-Batch-Id": batch,
                "Nats-Batch-Sequence": str(place),
            }
            subject = f"timer.{name}.{start + place - 1}"
            if place < len(part):
                await connection.publish(subject, DATA, headers=headers)
            else:
                headers["Nats-Batch-Commit"] = "1"
                reply = await connection.request(subject, DATA, headers=headers, timeout=30)
                _check(json.loads(reply.data))


async def _late(connection: Connection, dues: Sequence[datetime]) -> list[float]:
    stream, subject = Stream(connection, NAME), "fired.soon.>"
    until, found = time.time() + FIRED_WITHIN_S + (max(dues) - datetime.now(UTC)).total_seconds(), 0
    while found < len(dues):
        if time.time() > until:
            raise Wrong(
                f"{found} of {len(dues)} schedules have fired {FIRED_WITHIN_S:g} s after the last was due"
            )
        await asyncio.sleep(1)
        query = {"subjects_filter": subject}
        info = await _asked(connection, f"$JS.API.STREAM.INFO.{NAME}", query)
        found = len(info["state"].get("subjects") or {})
    late = [0.0] * len(dues)
    async for part in stream.read([subject], 0, await stream.last_sequence()):
        for raw in part:
            number = int(raw.subject.rpartition(".")[2])
            late[number] = (raw.stored - dues[number]).total_seconds() * 1000
    return late


async def _asked(connection: Connection, subject: str, query: dict[str, Any]) -> dict[str, Any]:
    reply = await connection.request(subject, json.dumps(query).encode(), timeout=30)
    return _check(json.loads(reply.data))


def _check(answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        raise Wrong(f"the server takes no schedules: {answer['error']}")
    return answer
