"""Facts about who is calling and what they need."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.base import Category, Data, Email, Id, Language, Name, Personal, Phone, Text, personal

Complexity = Literal["high", "medium", "low"]


class CallerIdentified(Data):
    """Somebody (a person, an IVR, a look-up) says who is calling. `customer` is the directory's id."""

    standing: Literal["customer", "new", "unknown"]
    title: Name | None = personal()
    given_name: Name | None = personal()
    name: Name | None = personal()
    customer: Id | None = None
    party: Literal["individual", "company"] | None = None
    language: Language | None = None


class CallerLookedUp(Data):
    """Another directory was asked whose the caller's number is: its `customer`; without one nobody there has it."""

    customer: Id | None = None


class CallerAskedFor(Data):
    """The caller wants a certain person."""

    person: Annotated[Name, Personal]


class KindConfirmed(Data):
    """The answer to the question whether the caller is of a kind."""

    kind: Name
    answer: bool


class ContactGiven(Data):
    """A telephone number or an e-mail address to reach the caller at."""

    phone: Phone | None = personal()
    email: Email | None = personal()


class RequestStated(Data):
    """What the caller needs, in their words, and what sort of matter it is."""

    text: Annotated[str, Personal, Field(min_length=1, max_length=4000)]
    category: Category
    product: Name | None = None
    tool: Name | None = None
    place: Name | None = personal()


class RequestUnclear(Data):
    """After listening it is still not clear what the caller needs."""


class RemoteSessionStarted(Data):
    """The agent looks at the caller's screen, with their consent or without."""

    reference: Name
    consent: bool


class RemoteSessionEnded(Data):
    """The remote session is over; `screens` are those that the request is about."""

    reference: Name
    screens: tuple[Name, ...] = ()


class ScreenshotTaken(Data):
    """A picture of a screen concerned was taken; `reference` says where it is kept."""

    screen: Name
    reference: Name


class ScreenshotDeclined(Data):
    """The caller minds being asked for a screenshot."""


class ComplexityAssessed(Data):
    """How hard the matter is: it sets how long the call may take."""

    complexity: Complexity


class QuestionAnswered(Data):
    """The agent answered on the call: whether the answer was `known` beforehand and the question very `simple`."""

    known: bool
    simple: bool


class TicketAskedAbout(Data):
    """The caller asks how a case stands; without `ticket` they do not know its number."""

    ticket: int | None = Field(default=None, ge=1)


class AccessMissing(Data):
    """The caller cannot enter the portal; `email` is where the access should go."""

    email: Email | None = personal()


class AssignmentAttempted(Data):
    """A colleague was called about an unassigned call: `by` is the colleague, `outcome` what came of it."""

    by: Id
    outcome: Literal["accepted", "declined", "no_answer", "instructed"]
    instruction: Text | None = personal()


class ContactMade(Data):
    """The client was contacted about the call, or not reached."""

    owner: Id
    channel: Literal["phone", "email", "in_person", "other"]
    outcome: Literal["reached", "no_answer"]


class RecordRefused(Data):
    """A row of an import that cannot be a call: the line, the field, the reason and the row itself."""

    line: int = Field(ge=1)
    field: Name
    reason: Name
    row: Annotated[str, Personal, Field(max_length=4000)]


class RecordIgnored(Data):
    """A row of an import that is no call and is not meant to be one."""

    line: int = Field(ge=1)
    reason: Name
