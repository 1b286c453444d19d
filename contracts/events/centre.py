"""What the centre says of itself, and what every service may record."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from contracts.base import Data, Name, Personal, Text, personal
from contracts.protocol import Protocol


class CentreOpened(Data):
    """The centre exists; its clock is the world's or a virtual one that facts advance."""

    clock: Literal["real", "virtual"] = "real"


class ProtocolPublished(Data):
    """From here on the centre works by this protocol."""

    name: Name
    version: int = Field(ge=1)
    protocol: Protocol


class FactRejected(Data):
    """A fact that could not be accepted; the original is kept under the subject `kept`."""

    position: int
    reason: Text
    rule: Name
    field: Name | None = None
    expected: Text | None = None
    type: Name | None = None
    kept: Name | None = None


class FactDeferred(Data):
    """A fact does not fit yet: it is decided on once what it follows has come, or rejected after `until`.

    `data` is what was published, of version `version`, so that it can be.
    """

    position: int
    type: Name
    until: AwareDatetime
    reason: Text
    rule: Name
    field: Name | None = None
    expected: Text | None = None
    version: int = 1
    data: dict[str, Any] | None = personal()


class RuleViolated(Data):
    """A fact that happened against a working rule; it stands recorded all the same."""

    rule: Name
    fact: Name
    by: Name | None = None
    detail: Annotated[Text, Personal]


class KeyKept(Data):
    """The caller is a customer: what is recorded from here on is in the clear, what was sealed before opens with `key`.

    A service that sealed under no key of its own records it without one.
    """

    key: Name | None = None
