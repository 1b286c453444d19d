"""Of a protocol: what a case needs, what quality reviews ask, and what agents have to hand."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.base import Category, Data, Id, Name
from contracts.protocol.callers import Wording

CaseField = Literal["customer", "call", "desk", "product", "tool", "place", "channel", "due_form"]


class Cases(Data):
    """When a ticket is owed and what it must say.

    `owed_for`: matters of these categories must have a ticket. `need_first`: a call's ticket is not registered before
    its need was stated. `before_answer`: nothing is resolved on a call before its ticket is registered, but very
    simple questions whose answer is known. `required`: fields that a ticket of a category must have;
    `required_with_tool` those that a question on a tool must.
    """

    owed_for: tuple[Category, ...] = ()
    need_first: bool = False
    before_answer: bool = False
    required: dict[Category, tuple[CaseField, ...]] = {}
    required_with_tool: tuple[CaseField, ...] = ()
    screenshot_for: tuple[Category, ...] = ()
    formal_reply_for: tuple[Category, ...] = ()
    profile_after_request: bool = False
    reception_desk: Name | None = None
    follow_up_departments: dict[Category, tuple[Name, ...]] = {}


class Attachments(Data):
    """What may be attached to a ticket: bytes at most, and media types."""

    max_bytes: int = Field(default=10_000_000, ge=1)
    types: tuple[Name, ...] = ("image/png", "image/jpeg", "application/pdf", "text/plain")


class ScoreItem(Data):
    """A question of the quality review of a call; not asked of calls that were released under `exempt_after`."""

    rule: Annotated[str, Field(pattern=r"^R\d\d$")]
    asks: Wording
    weight: float = Field(default=1.0, gt=0)
    exempt_after: tuple[Annotated[str, Field(pattern=r"^R\d\d$")], ...] = ()


class Dossier(Data):
    """What agents have to hand about a product: its summary and facts, each by name."""

    summary: Wording
    facts: dict[Name, Wording] = {}


Scorecard = dict[Id, ScoreItem]
