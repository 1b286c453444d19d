"""What all commands and queries share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from contracts.base import Data, Name, Personal


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
