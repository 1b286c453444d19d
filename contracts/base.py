"""What all messages share: frozen, strict about unknown fields, personal data marked."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Data(BaseModel):
    """The data of a fact, event, command or query: immutable, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, str_strip_whitespace=True)


class Refused(Exception):
    """A decision against an input: `rule` is a stable name or a rule id such as R13, `field` its subject.

    `early`: what a fact follows may still come; then it is decided again, before it is refused for good.
    """

    def __init__(
        self, rule: str, detail: str, *, field: str = "", expected: str = "", early: bool = False
    ) -> None:
        super().__init__(detail)
        self.rule, self.detail, self.field, self.expected = rule, detail, field, expected
        self.early = early


class Problem(Data):
    """An RFC 9457 problem: why a command, query or publish was refused, and under which rule.

    `type` is a relative reference such as /problems/R13; after `retry_after` seconds another try is worth it.
    Readers pass over members that they do not know.
    """

    model_config = ConfigDict(extra="ignore")

    type: str = "about:blank"
    title: str
    status: int = 400
    detail: str = ""
    rule: str | None = None
    field: str | None = None
    expected: str | None = None
    retry_after: float | None = None


Personal: Any = Field(json_schema_extra={"x-personal": True})
"""Marks a field as personal data: it is sealed where a centre says so, and never a subject, label or id."""


def personal(**more: Any) -> Any:
    """An optional field that is personal data."""
    return Field(default=None, json_schema_extra={"x-personal": True}, **more)


Text = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_@=:~-][A-Za-z0-9_@=+:~-]{0,95}$")]
"""What may stand as the last token of a subject; no telephone number as +34…."""
Phone = Annotated[str, StringConstraints(pattern=r"^[+0-9 ().-]{2,32}$")]
"""A telephone number as it was dialled or shown; normalised to E.164 at the edge."""
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
Language = Literal["es", "pt", "en"]
Category = Literal[
    "sales", "information", "after_sales", "invoice", "complaint", "administrative", "question", "error"
]
