"""What can be asked of sla."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, field_validator

from contracts.base import Id
from contracts.commands.asked import Query
from contracts.facts import EARLIEST, LATEST


class FiguresQuery(Query):
    """The centre's figures, by queue and in all; of one day (local to the protocol) or of the whole log."""

    by: Literal["queue", "day"] = "queue"
    day: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None

    @field_validator("day")
    @classmethod
    def _is_a_day(cls, day: str | None) -> str | None:
        if day and not EARLIEST.date() < date.fromisoformat(day) < LATEST.date():
            raise ValueError("a day from 1970 to 2199 was expected")
        return day


class DeadlinesQuery(Query):
    """Deadlines of a call, of a ticket (by its number), or all that are running."""

    call: Id | None = None
    ticket: int | None = Field(default=None, ge=1)
