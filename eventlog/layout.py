"""Where an application has its events in a log: subjects, and what is read back from them.

`log.<context>.<application>.<originator id>` holds the events; behind the application's own token, one deeper
and so never among its notifications, are `snapshots.<originator id>` and `tracking.<upstream application>`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eventsourcing.persistence import DataError, Notification

from eventlog.codec import JSON
from eventlog.mapper import join_topic, split_topic
from eventlog.memory import TERM
from eventlog.stream import Raw

__all__ = ["Layout"]

_TOKEN = re.compile(r"[A-Za-z0-9_@=+:~-]{1,96}")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where an application has its events, and how they are labelled.

    `text_ids`: originator ids are read back as text, otherwise as UUID; `content_type`: that of the state.
    """

    context: str
    application: str
    text_ids: bool = False
    content_type: str = JSON

    def __post_init__(self) -> None:
        for token in (self.context, self.application):
            if not _TOKEN.fullmatch(token):
                raise OSError(
                    f"{token!r} cannot name a context or application: letters, digits and _@=+:~- only"
                )

    @property
    def source(self) -> str:
        """The source of the application's events."""
        return f"{self.context}/{self.application}"

    def subject(self, *tokens: object) -> str:
        """The subject under these tokens; DataError if one of them cannot be a token."""
        for token in map(str, tokens):
            if not _TOKEN.fullmatch(token) or token == TERM:
                raise DataError(
                    f"{token!r} cannot be in a subject: up to 96 letters, digits and _@=+:~-, not {TERM}"
                )
        return ".".join(["log", self.context, self.application, *map(str, tokens)])

    @property
    def notifications(self) -> str:
        """The subject of all events of the application."""
        return f"{self.subject()}.*"

    def fields(self, raw: Raw) -> dict[str, Any]:
        """A stored message as the arguments of a StoredEvent."""
        message = raw.message()
        return {
            "originator_id": message.aggregate if self.text_ids else UUID(message.aggregate),
            "originator_version": message.sequence,
            "topic": join_topic(message.name, message.version),
            "state": message.data,
        }

    def notification(self, raw: Raw, topics: Sequence[str]) -> Notification | None:
        """The Notification of a message; None if it is none, or of no topic asked for (in any version)."""
        if raw.subject.endswith(f".{TERM}"):
            return None
        fields = self.fields(raw)
        if topics and fields["topic"] not in topics and split_topic(fields["topic"])[0] not in topics:
            return None
        return Notification(id=raw.seq, **fields)
