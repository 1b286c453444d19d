"""Pulling: the messages of a stream as they come, with no more under way than the reader takes."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from eventlog import errors
from eventlog.blocks import message_in
from eventlog.client import Connection
from eventlog.codec import Message
from eventlog.headers import parsed, value
from eventlog.reading import Frame

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the log is written and read: seconds, and numbers of messages.

    From `turning_point` messages on a commit is one atomic batch, below it plain appends in flight together.
    It is always a batch on a stream with replicas (or when `replicated` says so), because several appends in
    flight are refused there, and on one with a limit, where one could still fit behind a larger that did not.
    """

    turning_point: int = 24
    replicated: bool = False
    timeout: float = 5.0
    window: int = 2000
    window_bytes: int = 32 << 20
    heartbeat: float = 2.0


class Raw(NamedTuple):
    """A stored message before anybody has read its headers, which are a block of bytes; `at` is in nanoseconds."""

    subject: str
    block: bytes
    data: bytes
    seq: int
    at: int
    pending: int

    @property
    def headers(self) -> dict[str, str]:
        """All headers, read anew each time."""
        return parsed(self.block)

    @property
    def name(self) -> str:
        """What `ce-type` says, "" where it is missing."""
        return value(self.block, b"ce-type")

    @property
    def stored(self) -> datetime:
        """When the server stored it, cut to microseconds."""
        return _EPOCH + timedelta(microseconds=self.at // 1000)

    def message(self) -> Message:
        """The message; Malformed if its headers are not those of a CloudEvent."""
        return message_in(self.subject, self.block, self.data, self.seq, self.stored)


def nanoseconds(moment: datetime) -> int:
    """A moment as the server counts."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def above(subjects: Sequence[str]) -> str:
    """The one filter that passes what all of these pass, and more."""
    tokens = zip(*(subject.split(".")[:-1] for subject in subjects), strict=False)
    common = [same[0] for same in itertools.takewhile(lambda same: len(set(same)) == 1, tokens)]
    return ".".join([*common, ">"])


class Lost(Exception):
    """The consumer is gone or has skipped: begin again behind the last message read."""


class Pull:
    """An ephemeral pull consumer without acknowledgements, asked for more before it runs dry."""

    def __init__(
        self, connection: Connection, stream: str, settings: Settings, subjects: Sequence[str], after: int
    ) -> None:
        self.connection, self.stream, self.settings = connection, stream, settings
        self.subjects, self.after = subjects, after
        self.name = f"follow-{uuid4().hex[:12]}"
        self._arrived: list[Raw] = []
        self._signal = asyncio.Event()
        self._asked = 0
        self._delivered = 0
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._lost = False
        self._subscription: Any = None

    async def start(self) -> None:
        self._inbox = self.connection.new_inbox()
        self._address = self._inbox.encode()
        self._subscription = await self.connection.listen(self._inbox, self._take)
        config = ConsumerConfig(
            name=self.name,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self.after + 1,
            ack_policy=AckPolicy.NONE,
            filter_subjects=list(self.subjects),
            inactive_threshold=30.0,
            mem_storage=True,
            num_replicas=1,
        )
        try:
            await self.connection.jetstream(timeout=self.settings.timeout).add_consumer(self.stream, config)
        except Exception as error:
            raise errors.of(error) from error
        await self._ask()

    async def stop(self) -> None:
        if self._subscription is None or self.connection.is_closed or self.connection.is_connecting:
            return
        await self._subscription.unsubscribe()
        await self.connection.publish(f"$JS.API.CONSUMER.DELETE.{self.stream}.{self.name}", b"")

    async def _ask(self) -> None:
        settings = self.settings
        more = settings.window - self._asked
        self._asked += more
        query = {
            "batch": more,
            "max_bytes": settings.window_bytes,
            "expires": int(30e9),
            "idle_heartbeat": int(settings.heartbeat * 1e9),
        }
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self.stream}.{self.name}"
        await self.connection.publish(subject, json.dumps(query).encode(), reply=self._inbox)

    def _take(self, frames: list[Frame]) -> None:
        self._heard = self._loop.time()
        for subject, reply, block, data in frames:
            if subject == self._address:  # what the server says itself; a message comes under its own subject
                self._told(parsed(block))
                continue
            tokens = reply.split(b".")
            _, seq, delivered, at, pending = map(int, tokens[4:9] if len(tokens) < 11 else tokens[6:11])
            self._asked -= 1
            if delivered != self._delivered + 1:
                self._lost = True
            else:
                self._delivered = delivered
                self._arrived.append(Raw(subject.decode(errors="replace"), block, data, seq, at, pending))
        self._signal.set()

    def _told(self, headers: dict[str, str]) -> None:
        status = headers.get("Status", "")
        if status == "100":
            # what was on its way when the connection broke never came
            self._lost |= int(headers.get("Nats-Last-Consumer", 0)) > self._delivered
        elif status in ("404", "408", "409"):  # this request has ended; what it still owed is asked anew
            self._asked = max(0, self._asked - int(headers.get("Nats-Pending-Messages", self._asked)))
            self._lost |= status == "409" and "Deleted" in headers.get("Description", "")
        else:
            self._lost = True

    async def lists(self) -> AsyncIterator[list[Raw]]:
        settings = self.settings
        while True:
            if not self._arrived and not self._lost:
                try:
                    async with asyncio.timeout(settings.heartbeat):  # wait_for may swallow a cancellation
                        await self._signal.wait()
                except TimeoutError:
                    if self.connection.is_closed:
                        raise errors.Unavailable("the connection to the server is closed") from None
                    if self._loop.time() - self._heard > 3 * settings.heartbeat:
                        raise Lost from None
            self._signal.clear()
            if self._asked < settings.window // 2:
                try:
                    await self._ask()
                except Exception as error:
                    raise errors.of(error) from error
            if self._arrived:
                part, self._arrived = self._arrived, []
                yield part
            elif self._lost:
                raise Lost
