"""What tickets records: the cases, and what a call owes or repeats."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.base import Category, Data, Id, Language, Name, Personal, Text

TicketState = Literal["pending", "in_progress", "awaiting_feedback", "resolved", "closed", "reopened"]


class TicketOwed(Data):
    """The call's (or message's) matter must have a ticket."""

    category: Category
    rule: Name | None = None
    agent: Id | None = None


class NeedNoted(Data):
    """What the caller needs and who they are, as far as the cases go by it."""

    category: Category
    customer: Id | None = None
    product: Name | None = None
    tool: Name | None = None
    language: Language | None = None
    agent: Id | None = None
    protocol: int = Field(ge=1)


class ReleaseNoted(Data):
    """The centre has finished the call, under this rule: what a review need not ask then."""

    rule: Name
    by: Id | None = None


class RepeatNoted(Data):
    """The customer calls again while these tickets are open."""

    customer: Id
    tickets: tuple[int, ...]


class TicketRegistered(Data):
    """A case is open: the need in full, whose it is, and the call it came from."""

    number: int = Field(ge=1)
    category: Category
    need: Annotated[str, Personal, Field(min_length=1)]
    customer: Id | None = None
    call: Id | None = None
    message: Id | None = None
    desk: Name | None = None
    product: Name | None = None
    tool: Name | None = None
    place: Annotated[Name | None, Personal] = None
    channel: Literal["phone", "email", "post", "web"] = "phone"
    priority: int = Field(default=5, ge=1, le=9)
    split_from: int | None = Field(default=None, ge=1)
    screenshot: Literal["requested", "declined"] | None = None
    departments: tuple[Name, ...] = ()
    protocol: int | None = Field(default=None, ge=1)
    by: Id


class TicketCommented(Data):
    """Somebody added to the case; `call` is the call on which the client asked about it."""

    text: Annotated[str, Personal]
    by: Id
    call: Id | None = None


class TicketAssigned(Data):
    """The case has an owner."""

    owner: Id
    desk: Name | None = None
    by: Id


class TicketStateChanged(Data):
    """The case has moved on."""

    state: Literal["pending", "in_progress", "awaiting_feedback"]
    by: Id


class TicketResolved(Data):
    """An answer was found."""

    resolution: Annotated[str, Personal]
    by: Id


class TicketClosed(Data):
    """The case is over."""

    by: Id


class TicketReopened(Data):
    """The case was not over."""

    reason: Annotated[Text, Personal]
    by: Id


class TicketPrioritised(Data):
    """The case goes first."""

    rule: Name
    priority: int = Field(ge=1, le=9)


class TicketMerged(Data):
    """The case goes on in another one, and is closed."""

    into: int = Field(ge=1)
    by: Id


class TicketLinked(Data):
    """The case has to do with another one."""

    to: int = Field(ge=1)
    by: Id


class DepartmentInvolved(Data):
    """One more department works in the case."""

    department: Name
    by: Id | None = None
    rule: Name | None = None


class AttachmentRequested(Data):
    """The client is to send a picture of what they see; of a call, or of a case."""

    what: Literal["screenshot"] = "screenshot"
    rule: Name


class AttachmentAdded(Data):
    """A file belongs to the case: `object` is its key in the centre's object store, `digest` its SHA-256 in hex."""

    name: Annotated[Name, Personal]
    type: Name
    size: int = Field(ge=0)
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    object: Name
    by: Id


class NeedUnclear(Data):
    """The need is not clear: a remote session and a picture of each screen concerned must follow."""


class NeedExamined(Data):
    """A remote session on an unclear need: the screens concerned, once it is over, and those there is a picture of."""

    session: Literal["running", "over"]
    screens: tuple[Name, ...] = ()
    pictures: tuple[Name, ...] = ()


class NeedCleared(Data):
    """Session and pictures are there: the need counts as clear."""

    screens: tuple[Name, ...] = ()


class ProfileShown(Data):
    """What the agent is shown of the customer, once the request is stated: open cases and recent contacts."""

    customer: Id
    tickets: tuple[int, ...] = ()
    contacts: tuple[Id, ...] = ()


class ComplaintReplyFormalised(Data):
    """The reply to a complaint was given in due form."""

    text: Annotated[Text, Personal]
    channel: Literal["phone", "email", "post", "web"]
    reference: Name
    by: Id


class ProblemOpened(Data):
    """Several incidents may have one cause."""

    number: int = Field(ge=1)
    title: Text
    by: Id


class IncidentLinked(Data):
    """The incident (a ticket) belongs to the problem."""

    ticket: int = Field(ge=1)
    by: Id


class WorkaroundPublished(Data):
    """Until the problem is solved this helps; the incidents that it reaches."""

    text: Annotated[Text, Personal]
    incidents: tuple[int, ...]
    by: Id


class ProblemResolved(Data):
    """The cause is gone: a resolution is proposed for each incident that is still open."""

    resolution: Annotated[Text, Personal]
    incidents: tuple[int, ...]
    by: Id


class CallbackPromised(Data):
    """The client is to be called back soon."""

    rule: Name
    agent: Id | None = None
    ticket: int | None = Field(default=None, ge=1)
    protocol: int = Field(ge=1)


class CallbackMade(Data):
    """The client was called back."""

    by: Id


class AccessRequested(Data):
    """Reception is to send the client the portal access."""

    email: Annotated[str, Personal]
    customer: Id | None = None
    desk: Name


class AccessSent(Data):
    """The client has the portal access."""

    by: Id


class QualityReviewed(Data):
    """A person listened to the call and filled in the scorecard; `score` is the share passed, by weight.

    Items that were not answered are not passed; `exempt` ones were not asked of this call.
    """

    by: Id
    passed: tuple[Name, ...]
    failed: tuple[Name, ...]
    unanswered: tuple[Name, ...]
    exempt: tuple[Name, ...]
    score: float = Field(ge=0, le=1)
    agent: Id | None = None
    protocol: int = Field(ge=1)
