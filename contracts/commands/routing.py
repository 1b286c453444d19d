"""What can be asked of routing."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from contracts.base import Data, Id, Name, Personal, Text
from contracts.commands.asked import Query


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


class OfferCall(Data):
    """Ask a certain colleague next; refused while they are on a call or in wrap-up (R16, R24)."""

    call: Id
    to: Id
    by: Id


class TransferCall(Data):
    """Ask whether the call may go through to a person; refused unless screened or the table permits it (R09)."""

    call: Id
    to: Annotated[Name, Personal]
    mode: Literal["blind", "consult"] = "blind"
    by: Id


class ConsultAgent(Data):
    """Ask an agent something; whoever is on a call is not disturbed, and the question waits (R16)."""

    agent: Id
    question: Annotated[Text, Personal]
    by: Id


class ChangeShares(Data):
    """Share the work of a desk between desks from a moment on, in percent that add up to 100 (R54)."""

    desk: Name
    shares: dict[Name, Annotated[int, Field(ge=0, le=100)]]
    since: AwareDatetime | None = None
    by: Id


class AssignmentsQuery(Query):
    """Calls that need, or have, an owner."""

    state: Literal["unassigned", "offered", "assigned", "contacted", "closed"] | None = None
    owner: Id | None = None


class AgentsQuery(Query):
    """The agents who are signed in, and what they do."""

    desk: Name | None = None


class QueuesQuery(Query):
    """How many calls wait in each queue, and since when."""


class SharesQuery(Query):
    """How the work of desks is shared, and how much each has got."""

    desk: Name | None = None
