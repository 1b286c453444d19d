"""The recorders of the `eventsourcing` library: a subject per aggregate, ids that are stream sequences."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    IntegrityError,
    Notification,
    NotSupportedError,
    ProcessRecorder,
    Recorder,
    StoredEvent,
    Subscription,
    Tracking,
    TrackingRecorder,
)

from eventlog.codec import Message
from eventlog.connection import Log
from eventlog.insert import insert as insert_all
from eventlog.layout import Layout
from eventlog.mapper import split_topic
from eventlog.stream import MAX_BATCH, Raw
from eventlog.subscription import JetStreamSubscription

__all__ = [
    "JetStreamAggregateRecorder",
    "JetStreamApplicationRecorder",
    "JetStreamProcessRecorder",
    "JetStreamTrackingRecorder",
]

_PAGE = 500


class JetStreamRecorder(Recorder):
    """What all recorders share: the log and the layout."""

    def __init__(self, log: Log, layout: Layout) -> None:
        self.log, self.layout = log, layout


class JetStreamAggregateRecorder(JetStreamRecorder, AggregateRecorder):
    """Events by aggregate, each version the next one; for other purposes (snapshots) above the last one."""

    def __init__(self, log: Log, layout: Layout, purpose: str = "events") -> None:
        super().__init__(log, layout)
        self._purpose: tuple[str, ...] = () if purpose == "events" else (purpose,)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Record all or none of up to 1,000 events, and more in batches of that size, one after the other.

        IntegrityError if a version is not the next one, DataError if an event is too large or its id no
        token, OperationalError if the server takes nothing, or if it cannot be found out what it took.
        """
        self.log.run(self._insert(stored_events))
        return None

    async def _insert(
        self, stored_events: Sequence[StoredEvent], further: Sequence[tuple[str, Message, int]] = ()
    ) -> list[int]:
        now, mark = datetime.now(UTC), uuid4().hex[:12]
        entries: list[tuple[str, Message]] = []
        versions: dict[str, list[int]] = {}
        for place, event in enumerate(stored_events, start=1):
            name, version = split_topic(event.topic)
            subject = self.layout.subject(*self._purpose, event.originator_id)
            message = Message(
                aggregate=str(event.originator_id),
                name=name,
                data=event.state,
                id=f"{event.originator_id}:{event.originator_version}:{mark}",
                source=self.layout.source,
                version=version,
                sequence=event.originator_version,
                time=now,
                place=(place, len(stored_events)),
                content_type=self.layout.content_type,
            )
            entries.append((subject, message))
            versions.setdefault(subject, []).append(event.originator_version)
        last = await asyncio.gather(*(self._last(subject, found) for subject, found in versions.items()))
        expected = dict(zip(versions, last, strict=True)) | {subject: seq for subject, _, seq in further}
        entries += [(subject, message) for subject, message, _ in further]
        return (await insert_all(self.log, entries, expected))[: len(stored_events)]

    async def _last(self, subject: str, versions: Sequence[int]) -> int:
        """The sequence of the subject's last message, after which these versions may be written."""
        raw = await (await self.log.stream()).last(subject)
        last = raw.message().sequence if raw else None
        for version in versions:
            if last is None:
                fits = bool(self._purpose) or version in (0, 1)
            else:
                fits = version > last if self._purpose else version == last + 1
            if not fits:
                raise IntegrityError(f"version {version} of {subject} cannot follow {last or 'none'}")
            last = version
        return raw.seq if raw else 0

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of an aggregate with a version in (gt, lte], in order of version."""
        subject = self.layout.subject(*self._purpose, originator_id)
        raws = self.log.run(self._select(subject, gt, latest=desc and lte is None and limit == 1))
        events = [StoredEvent(**self.layout.fields(raw)) for raw in raws]
        if gt is not None:
            events = [event for event in events if event.originator_version > gt]
        if lte is not None:
            events = [event for event in events if event.originator_version <= lte]
        return (events[::-1] if desc else events)[:limit]

    async def _select(self, subject: str, gt: int | None, *, latest: bool) -> list[Raw]:
        if latest or gt is not None:  # often the last one will do, or there is nothing new
            last = await (await self.log.stream()).last(subject)
            if last is None:
                return []
            if latest or (gt is not None and last.message().sequence <= gt + 1):
                return [last]
        return await self.log.read(subject)


class JetStreamApplicationRecorder(JetStreamAggregateRecorder, ApplicationRecorder):
    """Events by aggregate, and all of an application in the order of the stream; ids rise, with gaps."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """As the aggregate recorder does, and return the notification ids: the sequences in the stream."""
        return self.log.run(self._insert(stored_events))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """At most `limit` notifications from `start` to `stop`, of these topics."""
        after = max(0, (start or 0) - (1 if inclusive_of_start else 0))
        return self.log.run(self._page(after, limit, stop, topics))

    async def _page(
        self, after: int, limit: int, stop: int | None, topics: Sequence[str]
    ) -> list[Notification]:
        stream = await self.log.stream()
        found: list[Notification] = []
        while len(found) < limit:
            size = _PAGE if topics else min(_PAGE, limit - len(found))
            page = await stream.page(self.layout.notifications, after, size)
            kept = [raw for raw in page if stop is None or raw.seq <= stop]
            found += [n for raw in kept if (n := self.layout.notification(raw, topics))]
            if not page or len(kept) < len(page) or page[-1].pending == 0:
                break
            after = page[-1].seq
        return found[:limit]

    def max_notification_id(self) -> int | None:
        """The sequence of the application's last event; None if there is none."""

        async def last() -> int | None:
            raw = await (await self.log.stream()).last(self.layout.notifications)
            return raw.seq if raw else None

        return self.log.run(last())

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """The notifications after `gt`, those to come included; a lost server raises OperationalError."""
        return JetStreamSubscription(self, self.log, self._follow(gt or 0, topics), gt, topics)

    async def _follow(self, after: int, topics: Sequence[str]) -> AsyncGenerator[list[Notification], None]:
        stream = await self.log.stream()
        async for part in stream.follow([self.layout.notifications], after):
            yield [n for raw in part if (n := self.layout.notification(raw, topics))]


class JetStreamTrackingRecorder(JetStreamRecorder, TrackingRecorder):
    """How far upstream applications were processed: a subject for each, a message for each position."""

    def insert_tracking(self, tracking: Tracking) -> None:
        """Record a position; IntegrityError if it is not above the last one."""

        async def insert() -> None:
            subject, message, seq = await self._tracking(tracking)
            await insert_all(self.log, [(subject, message)], {subject: seq})

        self.log.run(insert())

    async def _tracking(self, tracking: Tracking) -> tuple[str, Message, int]:
        """What is to be stored: subject, message, and the sequence of the last one of that subject."""
        name, position = tracking.application_name, tracking.notification_id
        subject = self.layout.subject("tracking", name)
        last = await (await self.log.stream()).last(subject)
        if last and last.message().sequence >= position:
            raise IntegrityError(
                f"{name} was processed up to {last.message().sequence}, not below {position}"
            )
        message = Message(
            aggregate=name,
            name="tracking",
            data=b"{}",
            id=f"{name}:{position}:{uuid4().hex[:12]}",
            source=self.layout.source,
            sequence=position,
            time=datetime.now(UTC),
        )
        return subject, message, last.seq if last else 0

    def max_tracking_id(self, application_name: str) -> int | None:
        """The last position recorded for an upstream application; None if there is none."""
        subject = self.layout.subject("tracking", application_name)

        async def last() -> int | None:
            raw = await (await self.log.stream()).last(subject)
            return raw.message().sequence if raw else None

        return self.log.run(last())


class JetStreamProcessRecorder(JetStreamTrackingRecorder, JetStreamApplicationRecorder, ProcessRecorder):
    """Events together with the position of what led to them, in one atomic batch."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """As the application recorder does; with `tracking`, that position is recorded in the same batch.

        NotSupportedError if they do not go into one batch: more than 999 events and a position.
        """
        tracking: Tracking | None = kwargs.get("tracking")
        if tracking is None:
            return super().insert_events(stored_events)
        if len(stored_events) >= MAX_BATCH:
            raise NotSupportedError(
                f"{len(stored_events)} events and a position are more than one batch takes"
            )

        async def insert(tracking: Tracking) -> list[int]:
            return await self._insert(stored_events, [await self._tracking(tracking)])

        return self.log.run(insert(tracking))
