"""Facts about agents, customers of the directory, messages and the clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from contracts.base import Category, Data, Email, Id, Language, Name, Personal, Phone, Text, personal

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Between which times things may occur; the latter is excluded."""
Role = Literal["agent", "supervisor", "reception"]


class AgentSignedIn(Data):
    """An agent has begun to work, at these desks.

    `tier` 1 is general, higher are specialists; `capacity` is how many calls of clients they may own at once
    before the client was reached (absent: any number).
    """

    name: Annotated[str, Personal, Field(min_length=1, max_length=200)]
    role: Role = "agent"
    desks: tuple[Name, ...] = ()
    skills: tuple[Name, ...] = ()
    languages: tuple[Language, ...] = ()
    tier: int = Field(default=1, ge=1, le=9)
    capacity: int | None = Field(default=None, ge=1)


class AgentAvailable(Data):
    """The agent can be offered work."""


class AgentBusy(Data):
    """The agent is on a call or otherwise occupied."""


class AgentWrapping(Data):
    """The agent finishes the last call's work and gathers themself before the next."""


class AgentUnavailable(Data):
    """The agent is away from work for a while."""

    reason: Annotated[Name, Personal]


class AgentSignedOut(Data):
    """The agent has stopped working."""


class TrainingCompleted(Data):
    """The agent took a training that the company offers."""

    course: Name


class ProposalMade(Data):
    """The agent proposes to do something better."""

    text: Annotated[Text, Personal]


class DoubtRaised(Data):
    """The agent asks about something that the training left open."""

    text: Annotated[Text, Personal]


class CustomerRegistered(Data):
    """A customer is (or now stands so) in the directory; a later one replaces the earlier."""

    name: Annotated[str, Personal, Field(min_length=1, max_length=200)]
    kind: Name
    phones: Annotated[tuple[Phone, ...], Personal] = ()
    emails: Annotated[tuple[Email, ...], Personal] = ()
    special_treatment: bool = False


class CustomerAccessChanged(Data):
    """The customer can, or can no longer, enter the portal."""

    portal: bool


class CustomerRemoved(Data):
    """The customer leaves the directory."""


class MessageReceived(Data):
    """Somebody has written."""

    channel: Literal["email", "post", "web"]
    category: Category
    from_: Name | None = personal(alias="from")
    customer: Id | None = None
    subject: Text | None = personal()
    text: Text | None = personal()
    in_reply_to: Id | None = None


class MessageAnswered(Data):
    """The message was handled and answered."""

    by: Id


class ClockAdvanced(Data):
    """The centre's virtual clock stands at this time; it never runs backwards."""

    to: Annotated[AwareDatetime, Field(ge=EARLIEST, lt=LATEST)]
