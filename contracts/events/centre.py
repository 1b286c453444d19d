"""What the centre says of itself, and what every service may record."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.base import Data, Name, Personal, Text
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
