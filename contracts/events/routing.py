"""What routing records: who is at work, who is asked, and who owns a call."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from contracts.base import Data, Id, Language, Name, Personal, Text, personal


class CallUnassigned(Data):
    """The matter needs an owner and has none: desk and priority (1 is first) by the routing table.

    `agent` answered the call, as far as is known; `direct`: the table's row permits a direct transfer. Who takes it
    needs the `skill`, the `tier` and if possible the `language`; `fallback` desks are asked next. `shared_from` is
    the desk whose share this is.
    """

    desk: Name
    priority: int = Field(ge=1, le=9)
    kind: Name | None = None
    agent: Id | None = None
    direct: bool = False
    skill: Name | None = None
    tier: int = Field(default=1, ge=1, le=9)
    language: Language | None = None
    fallback: tuple[Name, ...] = ()
    shared_from: Name | None = None
    protocol: int = Field(ge=1)


class CallPrioritised(Data):
    """The call goes first as soon as it needs an owner: not yet, or again (1 is first)."""

    rule: Name
    priority: int = Field(ge=1, le=9)


class OfferMade(Data):
    """This colleague is to be asked to take the call, or to say what to do; nobody if none is free."""

    to: Id | None = None
    desk: Name
    attempt: int = Field(ge=1)
    protocol: int | None = Field(default=None, ge=1)


class OfferDeclined(Data):
    """The colleague was not reached or did not take it."""

    by: Id
    outcome: Literal["declined", "no_answer"]


class CallAssigned(Data):
    """A named owner has the matter and will contact the client."""

    owner: Id
    by: Id | None = None
    instruction: Text | None = personal()


class CallContacted(Data):
    """The owner has reached the client."""

    owner: Id
    channel: Name


class CallClosed(Data):
    """Nothing remains to be done about the call."""

    by: Id


class TransferScreened(Data):
    """The caller asked for a person: whether the call may go through directly (R09)."""

    person: Annotated[Name, Personal]
    direct: bool


class OfferExpired(Data):
    """The colleague did not answer the offer in time."""

    to: Id
    attempt: int = Field(ge=1)


class ContactFailed(Data):
    """The owner did not reach the client and is to try again."""

    owner: Id
    attempt: int = Field(ge=1)


class AgentEngaged(Data):
    """The agent is on this call: nobody disturbs them, on hold or not."""

    call: Id


class AgentReleased(Data):
    """The agent's call is over for them; `wrap_up` follows before they are offered anything, `until` then."""

    call: Id
    wrap_up: bool = False
    until: AwareDatetime | None = None
    protocol: int | None = Field(default=None, ge=1)


class AgentRested(Data):
    """Wrap-up is over."""


class QueueJoined(Data):
    """A call waits in the queue."""

    queue: Name
    call: Id


class QueueLeft(Data):
    """The call waits in the queue no more."""

    queue: Name
    call: Id


class QueueAlerted(Data):
    """The queue has built up: these agents are told at once."""

    queue: Name
    waiting: int = Field(ge=1)
    agents: tuple[Id, ...]


class ConsultDeferred(Data):
    """The agent is on a call: whoever asks is told "busy", and the question waits."""

    by: Id
    question: Annotated[Text, Personal]


class ConsultDelivered(Data):
    """The question has reached the agent."""

    by: Id
    question: Annotated[Text, Personal]


class TransferApproved(Data):
    """The call may go through to this person."""

    to: Annotated[Name, Personal]
    mode: Literal["blind", "consult"]
    by: Id


class SupervisorCalled(Data):
    """This supervisor is to come to the call; nobody if none is free, and the escalation waits."""

    to: Id | None = None
    attempt: int = Field(ge=1)
    protocol: int | None = Field(default=None, ge=1)


class EscalationEnded(Data):
    """The escalation is over: a supervisor has come, or the call is over."""

    supervisor: Id | None = None


class SharesChanged(Data):
    """From a moment on the work of a desk is shared between desks, in percent."""

    desk: Name
    shares: dict[Name, int]
    since: AwareDatetime
    by: Id


class ShareTaken(Data):
    """A call that was bound for `shared_from` goes to this desk, by these shares in percent."""

    call: Id
    shared_from: Name
    desk: Name
    shares: dict[Name, int]


class AccessHandedOver(Data):
    """Reception is to send the portal access; nobody if no receptionist is at work yet."""

    to: Id | None = None
    desk: Name
