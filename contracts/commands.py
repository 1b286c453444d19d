"""What can be asked of a service by request and reply: commands change something, queries do not."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, field_validator

from contracts.base import Data, Id, Name, Personal, Text
from contracts.events import TicketState
from contracts.facts import EARLIEST, LATEST, Category


class Recorded(Data):
    """The answer to a command: what was recorded, and at which position of the log."""

    id: Name
    type: Name
    position: int = Field(ge=1)
    time: AwareDatetime | None = None
    data: Annotated[dict[str, Any], Personal]


# routing


class AssignCall(Data):
    """Give a call to an owner, or to another one; a contact already due keeps its time (R13)."""

    call: Id
    owner: Id
    by: Id


class InstructCall(Data):
    """Say what to do with the client; who answered the call carries it out (R11)."""

    call: Id
    instruction: Annotated[Text, Personal]
    by: Id


class CloseCall(Data):
    """Close an assignment; refused until the client was reached (R13)."""

    call: Id
    by: Id


# tickets


class RegisterTicket(Data):
    """Open a case; the answer carries its number."""

    category: Category
    need: Annotated[str, Personal, Field(min_length=1, max_length=4000)]
    customer: Id | None = None
    call: Id | None = None
    desk: Name | None = None
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


# queries


class Query(Data):
    """With `position` the answer waits until the service has read the log that far."""

    position: int | None = Field(default=None, ge=0)


class StatusQuery(Query):
    """Where the service stands: active or standby, positions, clock, what is open."""


class DirectoryQuery(Query):
    """The customers, by kind (R07: the property managers, those with special treatment marked)."""

    kind: Name | None = None
    special_treatment: bool | None = None


class AssignmentsQuery(Query):
    """Calls that need, or have, an owner."""

    state: Literal["unassigned", "offered", "assigned", "contacted", "closed"] | None = None
    owner: Id | None = None


class AgentsQuery(Query):
    """The agents who are signed in, and what they do."""

    desk: Name | None = None


class HistoryQuery(Query):
    """All tickets of a customer, in every state, newest first."""

    customer: Id
    limit: int = Field(default=50, ge=1, le=1000)


class TicketQuery(Query):
    """One ticket with everything that happened to it."""

    ticket: int = Field(ge=1)


class TicketsQuery(Query):
    """Tickets by state, desk or owner, newest first."""

    state: TicketState | None = None
    desk: Name | None = None
    owner: Id | None = None
    limit: int = Field(default=50, ge=1, le=1000)


class FiguresQuery(Query):
    """The centre's figures, by queue and in all; of one day (local to the protocol) or of the whole log."""

    by: Literal["queue", "day"] = "queue"
    day: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None

    @field_validator("day")
    @classmethod
    def _is_a_day(cls, day: str | None) -> str | None:
        if day and not EARLIEST.date() < date.fromisoformat(day) < LATEST.date():
            raise ValueError("a day from 1970 to 2199 was expected")
        return day


class DeadlinesQuery(Query):
    """Deadlines of a call, or all that are running."""

    call: Id | None = None
