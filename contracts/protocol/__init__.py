"""A protocol: how a centre works, as data. Durations are in seconds, priorities 1 (first) to 9."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationInfo, field_validator, model_validator

from contracts.base import Category as Category
from contracts.base import Data, Language, Name
from contracts.facts.callers import Complexity as Complexity
from contracts.protocol.calendar import Calendar as Calendar
from contracts.protocol.callers import Classification as Classification
from contracts.protocol.callers import Kind as Kind
from contracts.protocol.callers import Line as Line
from contracts.protocol.callers import Row as Row
from contracts.protocol.callers import Wording as Wording
from contracts.protocol.cases import Attachments as Attachments
from contracts.protocol.cases import Cases as Cases
from contracts.protocol.cases import Dossier as Dossier
from contracts.protocol.cases import ScoreItem as ScoreItem
from contracts.protocol.checks import complaints
from contracts.protocol.conduct import ConductLadder as ConductLadder
from contracts.protocol.conduct import Forbidden as Forbidden
from contracts.protocol.conduct import Phrases as Phrases
from contracts.protocol.promises import Limits as Limits
from contracts.protocol.promises import Promise as Promise
from contracts.protocol.promises import Target as Target
from contracts.protocol.promises import Watched as Watched
from contracts.protocol.scripts import PLACEHOLDERS as PLACEHOLDERS
from contracts.protocol.scripts import SCRIPT_KEYS as SCRIPT_KEYS
from contracts.wording import found

RECORDED = "recorded"
"""The context in which a protocol is read back from the log."""


class Privacy(Data):
    """What is remembered of callers who are no customers: as of others, or nothing anywhere."""

    non_customers: Literal["kept", "forgotten"] = "kept"


class DayGreeting(Data):
    """How one wishes a good day in a language: before `noon` of the protocol's rules, and after."""

    morning: Name
    afternoon: Name


class Protocol(Data):
    """Everything a centre works by."""

    name: Name
    version: int = Field(default=1, ge=1)
    company: Annotated[str, Field(max_length=200)] = ""
    language: Language = "es"
    timezone: Name = "UTC"
    region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "ES"

    kinds: dict[Name, Kind] = {}
    classification: Classification = Classification()
    lines: tuple[Line, ...] = ()
    queues: dict[Name, tuple[Category, ...]] = {}
    """What the callers of each queue call about; once some are named, no other may be."""
    contact_details: tuple[Literal["phone", "email"], ...] = ()
    asks_for: tuple[Name, ...] | None = None
    """Personal fields of facts that may be asked for, as "contact.given.email"; absent: all."""
    privacy: Privacy = Privacy()

    routing: tuple[Row, ...] = ()
    special_priority: int = Field(default=1, ge=1, le=9)
    shares: dict[Name, dict[Name, Annotated[int, Field(ge=0, le=100)]]] = {}
    """How the work of a desk is shared between desks, in percent of each; they add up to 100."""
    queue_alert: int | None = Field(default=None, ge=1)
    """How many waiting calls make a queue that agents are told of."""

    limits: Limits = Limits()
    targets: tuple[Target, ...] = ()
    calendars: dict[Name, Calendar] = {}
    promises: tuple[Promise, ...] = ()
    watched: tuple[Watched, ...] = ()
    service_level_s: Annotated[float, Field(gt=0)] = 20

    conduct: ConductLadder | None = None
    forbidden: tuple[Forbidden, ...] = ()

    cases: Cases = Cases()
    attachments: Attachments = Attachments()
    scorecard: dict[Name, ScoreItem] = {}
    dossiers: dict[Name, Dossier] = {}

    scripts: dict[Name, Wording] = {}
    """What agents say, by key; a key begins with the rule's id in small letters: r26.greeting."""
    noon: int = Field(default=12, ge=1, le=23)
    greetings: dict[Language, DayGreeting] = {}
    departments: dict[Name, Wording] = {}
    next_steps: dict[Literal["email_reply", "dispatch", "escalation_reply"], Wording] = {}
    buying_channels: Wording = {}

    @property
    def discreet(self) -> bool:
        """Whether something of what callers say may not be kept: the inbox must not be on disk."""
        return self.privacy.non_customers == "forgotten" or self.asks_for is not None

    def forbids(self, where: Literal["script", "note", "speech"], text: str) -> Iterator[tuple[str, str]]:
        """The rules that forbid something in a text, each with the phrase found."""
        for each in self.forbidden:
            if where in each.where:
                yield from ((each.rule, phrase) for phrase in found(text, each.phrases, each.exceptions))

    def line_of(self, number: str | None, day: date) -> Line | None:
        """The line that a number dialled belongs to on a day: the longest beginning in force."""
        return max(
            (
                line
                for line in self.lines
                if number and number.startswith(line.number) and (line.since is None or line.since <= day)
            ),
            key=lambda line: (len(line.number), line.since or date.min),
            default=None,
        )

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"expected an IANA time zone as Europe/Madrid, found {name!r}") from None
        return name

    @model_validator(mode="after")
    def _fits_together(self, info: ValidationInfo) -> Self:
        if info.context == RECORDED:
            return self  # it was in order when it was published, whatever is asked for today
        if wrong := list(complaints(self)):
            raise ValueError("\n".join(wrong))
        return self


PLAIN = Protocol(name="plain")
"""No rules at all: calls are recorded and counted. What `replay` gives a centre that does not exist."""
