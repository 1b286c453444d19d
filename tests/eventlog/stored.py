"""Stored events to write, and what is there of them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from eventsourcing.persistence import AggregateRecorder, StoredEvent


def events(originator_id: UUID | str, versions: Sequence[int], state: bytes = b"{}") -> list[StoredEvent]:
    """Events of an aggregate, all alike but for their versions."""
    return [StoredEvent(originator_id, version, "counted", state) for version in versions]


def versions(recorder: AggregateRecorder, originator_id: UUID | str) -> list[int]:
    """The versions that the log holds of an aggregate."""
    return [event.originator_version for event in recorder.select_events(originator_id)]
