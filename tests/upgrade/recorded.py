"""Logs as a release wrote them: every message of some centres' two streams, and what the services answered then."""

from __future__ import annotations

import asyncio
import json
import lzma
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from centralita.operating import Operator
from contracts import registry
from contracts.events import ProtocolPublished
from eventlog.codec import moment, timestamp
from services import inbox

LOGS = Path(__file__).parent / "logs"
OPEN = "still-open"
"""A call that had only been offered when the log was recorded."""
QUERIES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("intake", "directory", {}),
    ("intake", "blocks", {}),
    ("routing", "assignments", {}),
    ("routing", "agents", {}),
    ("routing", "shares", {}),
    ("tickets", "tickets", {}),
    ("sla", "figures", {}),
    ("sla", "figures", {"by": "day"}),
    ("sla", "deadlines", {}),
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as it was stored."""

    seq: int
    subject: str
    headers: dict[str, str]
    data: str


@dataclass(frozen=True, slots=True)
class Centre:
    """A centre's log and inbox; of one that is to go on also its answers, and its time at the end."""

    name: str
    log: list[Kept]
    inbox: list[Kept]
    answers: list[dict[str, Any]] | None = None
    now: str = ""

    @property
    def types(self) -> set[tuple[str, int]]:
        """The types and versions of what is on the log."""
        return {
            (it.headers["ce-type"], int(it.headers.get("ce-dataversion", 1)))
            for it in self.log
            if not it.headers["ce-type"].startswith("term.")
        }

    @property
    def discreet(self) -> bool:
        """Whether the inbox was in memory, and gone with the server."""
        published = registry.name_of_type(ProtocolPublished)
        for it in self.log:
            if it.headers["ce-type"] == published:
                event = registry.decode(published, int(it.headers.get("ce-dataversion", 1)), it.data.encode())
                if isinstance(event, ProtocolPublished) and event.protocol.discreet:
                    return True
        return False

    def after(self, seconds: float) -> Any:
        """So long after the time at the end."""
        return moment(self.now) + timedelta(seconds=seconds)


async def of(client: Operator, name: str, now: Any = None) -> Centre:
    """What a centre has recorded; with its answers where it is to go on after `now`."""

    async def kept(stream: Any, subject: str) -> list[Kept]:
        parts = [part async for part in stream.read([subject], 0, await stream.last_sequence())]
        return [
            Kept(
                raw.seq,
                raw.subject,
                {k: v for k, v in raw.headers.items() if not k.startswith("Nats-")},
                raw.data.decode(),
            )
            for part in parts
            for raw in part
        ]

    answers = await answered(client, name) if now else None
    return Centre(
        name,
        await kept(client.log(name), f"log.{name}.>"),
        await kept(client.inbox(name), f"inbox.{name}.>"),
        answers,
        timestamp(now) if now else "",
    )


async def answered(client: Operator, name: str) -> list[dict[str, Any]]:
    """What the services say of the centre."""
    return [await client.query(name, service, query, words) for service, query, words in QUERIES]


def write(file: Path, centres: Iterable[Centre]) -> int:
    """Write them down, a line each; how many bytes that makes."""
    lines = [json.dumps(asdict(centre), ensure_ascii=False, sort_keys=True) for centre in centres]
    file.parent.mkdir(exist_ok=True)
    return file.write_bytes(lzma.compress("\n".join(lines).encode(), preset=9))


def load(file: Path) -> list[Centre]:
    """Read them back."""
    centres = [json.loads(line) for line in lzma.decompress(file.read_bytes()).decode().splitlines()]
    return [
        Centre(**(it | {stream: [Kept(**each) for each in it[stream]] for stream in ("log", "inbox")}))
        for it in centres
    ]


async def restored(client: Operator, centre: Centre) -> None:
    """Make the centre's streams anew, every message at its sequence."""
    js = client.connection.jetstream()
    log = inbox.common().evolve(
        name=registry.log_stream(centre.name),
        subjects=[f"log.{centre.name}.>"],
        deny_delete=True,
        deny_purge=True,
    )
    streams = [(log, centre.log)]
    if not centre.discreet:  # such an inbox went with its server, and is made anew by intake
        streams.append((inbox.config(centre.name, False), centre.inbox))
    for config, messages in streams:
        assert [it.seq for it in messages] == list(range(1, len(messages) + 1))
        await js.add_stream(config)
        for it in messages:
            await client.connection.publish(it.subject, it.data.encode(), headers=it.headers)
        async with asyncio.timeout(20):
            while (await js.stream_info(config.name or "")).state.last_seq < len(messages):
                await asyncio.sleep(0.01)
