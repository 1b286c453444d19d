"""What happens outside and is published to the inbox; the owning service records each under the same name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from contracts.base import Data, Email, Id, Name, Personal, Phone, Text, personal

Language = Literal["es", "pt", "en"]
Category = Literal[
    "sales", "information", "after_sales", "invoice", "complaint", "administrative", "question", "error"
]
Complexity = Literal["high", "medium", "low"]
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Between which times things may occur; the latter is excluded."""


class CallOffered(Data):
    """A call has come in. `from` is the caller's number, `to` the number dialled."""

    from_: Phone | None = personal(alias="from")
    to: Phone | None = None
    queue: Name = "main"
    language: Language | None = None
    special_treatment: bool = False


class CallQueued(Data):
    """The call waits in a queue: it rings at nobody."""


class CallDequeued(Data):
    """The call has left the queue, normally to ring at an agent."""


class CallAnswered(Data):
    """An agent has picked up; without `agent` it is not known who."""

    agent: Id | None = None


class CallAbandoned(Data):
    """The caller hung up before anybody answered."""


class CallTransferred(Data):
    """The call was put through, blind or after a word with the person called."""

    to: Annotated[Name, Personal]
    mode: Literal["blind", "consult"]


class CallEnded(Data):
    """The call is over. `disposition` is the centre's own wrap-up code."""

    by: Literal["caller", "agent", "system", "unknown"] = "unknown"
    disposition: Name = "none"
    note: Text | None = personal()


class CallerIdentified(Data):
    """Somebody (a person, an IVR, a look-up) says who is calling. `customer` is the directory's id."""

    standing: Literal["customer", "new", "unknown"]
    title: Name | None = personal()
    given_name: Name | None = personal()
    name: Name | None = personal()
    customer: Id | None = None
    party: Literal["individual", "company"] | None = None
    language: Language | None = None


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


class ComplexityAssessed(Data):
    """How hard the matter is: it sets how long the call may take."""

    complexity: Complexity


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


class AgentSignedIn(Data):
    """An agent has begun to work, at these desks."""

    name: Annotated[str, Personal, Field(min_length=1, max_length=200)]
    role: Literal["agent", "supervisor", "reception"] = "agent"
    desks: tuple[Name, ...] = ()
    skills: tuple[Name, ...] = ()
    languages: tuple[Language, ...] = ()
    tier: int = Field(default=1, ge=1, le=9)


class AgentAvailable(Data):
    """The agent can be offered work."""


class AgentBusy(Data):
    """The agent is on a call or otherwise occupied."""


class AgentUnavailable(Data):
    """The agent is away from work for a while."""

    reason: Annotated[Name, Personal]


class AgentSignedOut(Data):
    """The agent has stopped working."""


class CustomerRegistered(Data):
    """A customer is (or now stands so) in the directory; a later one replaces the earlier."""

    name: Annotated[str, Personal, Field(min_length=1, max_length=200)]
    kind: Name
    phones: Annotated[tuple[Phone, ...], Personal] = ()
    emails: Annotated[tuple[Email, ...], Personal] = ()
    special_treatment: bool = False


class CustomerRemoved(Data):
    """The customer leaves the directory."""


class ClockAdvanced(Data):
    """The centre's virtual clock stands at this time; it never runs backwards."""

    to: Annotated[AwareDatetime, Field(ge=EARLIEST, lt=LATEST)]
