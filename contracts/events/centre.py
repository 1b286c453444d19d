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


LetterKind = Literal["fact", "event", "timer"]


class DeadletterSetAside(Data):
    """An input that could not be handled, for a fault of ours; the rest goes on, what is about the same call waits.

    `position` is that of the fact in the inbox or of the event on the log, for a timer how far the log was read;
    `id` and `source` are the original's. `behind`: the position of the one that it waits behind, untried. `stack`
    is innermost last, as module:line function, then the exception. `kept` is where a fact's original lies. With
    `resends` it takes the place of the one set aside at that position, which was sent again `by` somebody.
    """

    kind: LetterKind
    position: int = Field(ge=0)
    id: Name
    source: Name
    type: Name | None = None
    reason: Text
    stack: Text | None = None
    attempts: int = Field(ge=0)
    behind: int | None = None
    kept: Name | None = None
    resends: int | None = None
    by: Name | None = None
    why: Text | None = None


class DeadletterRequested(Data):
    """Somebody wants an event that was set aside to be decided on again."""

    kind: LetterKind
    position: int
    by: Name
    why: Text


class DeadletterResent(Data):
    """What was set aside (or rejected) is decided on again: what it leads to follows."""

    kind: LetterKind
    position: int
    by: Name
    why: Text


class DeadletterDiscarded(Data):
    """What was set aside (or rejected) will lead to nothing; `id` is the original's."""

    kind: Literal["fact", "event", "timer", "rejected"]
    position: int
    id: Name | None = None
    by: Name
    why: Text


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
