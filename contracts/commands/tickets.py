"""What can be asked of tickets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from contracts.base import Category, Data, Id, Name, Personal, Text, personal
from contracts.commands.asked import Query
from contracts.events.tickets import TicketState


class RegisterTicket(Data):
    """Open a case; the answer carries its number."""

    category: Category
    need: Annotated[str, Personal, Field(min_length=1, max_length=4000)]
    customer: Id | None = None
    call: Id | None = None
    message: Id | None = None
    desk: Name | None = None
    product: Name | None = None
    tool: Name | None = None
    place: Annotated[Name | None, Personal] = None
    channel: Literal["phone", "email", "post", "web"] = "phone"
    by: Id


class CommentTicket(Data):
    """Add to a case, in any state."""

    ticket: int = Field(ge=1)
    text: Annotated[str, Personal, Field(min_length=1, max_length=4000)]
    by: Id


class AssignTicket(Data):
    """Give a case an owner, and a desk if it moves."""

    ticket: int = Field(ge=1)
    owner: Id
    desk: Name | None = None
    by: Id


class ChangeTicketState(Data):
    """Move an open case on."""

    ticket: int = Field(ge=1)
    state: Literal["pending", "in_progress", "awaiting_feedback"]
    by: Id


class ResolveTicket(Data):
    """Record the answer; refused while feedback of the client is outstanding."""

    ticket: int = Field(ge=1)
    resolution: Annotated[str, Personal, Field(min_length=1, max_length=4000)]
    by: Id


class CloseTicket(Data):
    """End a resolved case."""

    ticket: int = Field(ge=1)
    by: Id


class ReopenTicket(Data):
    """Take up a resolved or closed case again."""

    ticket: int = Field(ge=1)
    reason: Annotated[Text, Personal]
    by: Id


class MergeTicket(Data):
    """Go on with a case in another one."""

    ticket: int = Field(ge=1)
    into: int = Field(ge=1)
    by: Id


class SplitTicket(Data):
    """Make a case of its own out of part of one."""

    ticket: int = Field(ge=1)
    need: Annotated[str, Personal, Field(min_length=1, max_length=4000)]
    category: Category | None = None
    by: Id


class LinkTicket(Data):
    """Note that a case has to do with another one."""

    ticket: int = Field(ge=1)
    to: int = Field(ge=1)
    by: Id


class InvolveDepartment(Data):
    """Let one more department work in the case (R63)."""

    ticket: int = Field(ge=1)
    department: Name
    by: Id


class AttachFile(Data):
    """Add a file that lies in the centre's object store to a case; size and type within the protocol's limits."""

    ticket: int = Field(ge=1)
    name: Annotated[Name, Personal]
    type: Name
    size: int = Field(ge=0)
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    object: Name
    by: Id


class FormaliseReply(Data):
    """Give the reply to a complaint in due form (R62)."""

    ticket: int = Field(ge=1)
    text: Annotated[Text, Personal]
    channel: Literal["phone", "email", "post", "web"]
    reference: Name
    by: Id


class OpenProblem(Data):
    """Take up the common cause of incidents (R76)."""

    title: Text
    by: Id


class LinkIncident(Data):
    """Say that a ticket is an incident of a problem (R76)."""

    problem: int = Field(ge=1)
    ticket: int = Field(ge=1)
    by: Id


class PublishWorkaround(Data):
    """Tell all incidents of a problem what helps meanwhile (R76)."""

    problem: int = Field(ge=1)
    text: Annotated[Text, Personal]
    by: Id


class ResolveProblem(Data):
    """Say that the cause is gone; a resolution is proposed for every open incident (R76)."""

    problem: int = Field(ge=1)
    resolution: Annotated[Text, Personal]
    by: Id


class SendAccess(Data):
    """Say that reception has sent the portal access that a call asked for (R75)."""

    call: Id
    by: Id


class ReviewCall(Data):
    """Fill in the scorecard of a call; items of the protocol that are missing are not passed."""

    call: Id
    items: dict[Name, bool]
    by: Id


class HistoryQuery(Query):
    """All tickets of a customer, in every state, newest first."""

    customer: Id
    limit: int = Field(default=50, ge=1, le=1000)


class TicketQuery(Query):
    """One ticket with everything that happened to it."""

    ticket: int = Field(ge=1)


class TicketsQuery(Query):
    """Tickets that match all of what is given, newest first, a page at a time.

    `text` is searched in needs, comments and resolutions; `before` is the ticket after which the page begins.
    """

    number: int | None = Field(default=None, ge=1)
    customer: Id | None = None
    text: str | None = personal(max_length=200)
    state: TicketState | None = None
    desk: Name | None = None
    owner: Id | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    before: int | None = Field(default=None, ge=1)
    limit: int = Field(default=50, ge=1, le=1000)


class ProfileQuery(Query):
    """The customer who is on a call: profile, recent contacts, open cases; refused before the request (R27)."""

    call: Id


class ProblemQuery(Query):
    """A problem with its incidents, workaround and resolution."""

    problem: int = Field(ge=1)


class ReviewsQuery(Query):
    """Quality reviews: the mean score and each item's share passed, of an agent or of all."""

    agent: Id | None = None
    limit: int = Field(default=50, ge=1, le=1000)
