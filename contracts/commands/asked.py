"""What all commands and queries share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from contracts.base import Data, Id, Name, Personal, Text


class Recorded(Data):
    """The answer to a command: what was recorded, and at which position of the log."""

    id: Name
    type: Name
    position: int = Field(ge=1)
    time: AwareDatetime | None = None
    data: Annotated[dict[str, Any], Personal]


class Query(Data):
    """With `position` the answer waits until the service has read the log that far."""

    position: int | None = Field(default=None, ge=0)


class StatusQuery(Query):
    """Where the service stands: active or standby, positions, clock, what is open."""


class ResendLetter(Data):
    """Decide again on an event or timer that was set aside. A fact is sent again by publishing it anew."""

    about: Id
    kind: Literal["event", "timer"]
    position: int = Field(ge=0)
    by: Id
    why: Text


class DiscardLetter(Data):
    """Give up what was set aside, or the original of a fact that was rejected: it will lead to nothing."""

    about: Id
    kind: Literal["fact", "event", "timer", "rejected"]
    position: int = Field(ge=0)
    by: Id
    why: Text
