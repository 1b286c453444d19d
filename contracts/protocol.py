"""A protocol: how a centre works, as data. Durations are in seconds, priorities 1 (first) to 9."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from contracts.base import Data, Name
from contracts.facts import Category, Complexity, Language

Seconds = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(gt=0, le=1)]
Wording = dict[Language, Annotated[str, Field(min_length=1)]]


class Kind(Data):
    """A kind of caller: its group, how it is named, and the words in a statement that speak for it.

    `names_itself`: such callers say who they are, and are not asked whether they call for a company.
    """

    group: Name
    titles: Wording
    party: Literal["individual", "company"] | None = None
    names_itself: bool = False
    signals: dict[Name, Weight] = {}
    asks_for: tuple[Name, ...] = ()


class Classification(Data):
    """What each source of evidence weighs, and from which confidence on no question is asked."""

    sure: Weight = 0.8
    number: Weight = 0.5
    directory: Weight = 0.9
    party: Weight = 0.3
    asked_for: Weight = 0.85


class Row(Data):
    """A row of the routing table; the first that matches holds, and without kinds or categories all do."""

    kinds: tuple[Name, ...] = ()
    categories: tuple[Category, ...] = ()
    desk: Name
    priority: int = Field(default=5, ge=1, le=9)
    direct_transfer: bool = False
    owner_needed: bool = True


class Limits(Data):
    """How long things may take; what is absent is not watched."""

    answer_s: Seconds | None = None
    handling_s: dict[Complexity, Seconds] = {}
    handling_warning_s: Seconds | None = None
    retry_s: Seconds | None = None
    contact_s: Seconds | None = None


class Protocol(Data):
    """Everything a centre works by."""

    name: Name
    version: int = Field(default=1, ge=1)
    language: Language = "es"
    timezone: Name = "UTC"
    region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "ES"
    kinds: dict[Name, Kind] = {}
    classification: Classification = Classification()
    routing: tuple[Row, ...] = ()
    special_priority: int = Field(default=1, ge=1, le=9)
    limits: Limits = Limits()
    service_level_s: Seconds = 20
    contact_details: tuple[Literal["phone", "email"], ...] = ()
    ticket_owed_for: tuple[Category, ...] = ()
    scripts: dict[Name, Wording] = {}

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{name!r} is no IANA time zone") from None
        return name

    @model_validator(mode="after")
    def _kinds_exist(self) -> Self:
        for number, row in enumerate(self.routing, start=1):
            if unknown := sorted(set(row.kinds) - set(self.kinds)):
                raise ValueError(f"routing row {number}: no such kind: {', '.join(unknown)}")
        return self


PLAIN = Protocol(name="plain")
"""No rules at all: calls are recorded and counted. What `replay` gives a centre that does not exist."""
