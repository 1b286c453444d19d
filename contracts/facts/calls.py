"""Facts about the course of a call, as telephony, CTI and the agent's desktop publish them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.base import Data, Id, Language, Name, Personal, Phone, Text, personal

Conduct = Literal["offence", "threat", "refuses_to_end", "obscene", "silent"]
Offence = Literal["offence", "threat", "obscene", "refuses_to_end"]


class CallOffered(Data):
    """A call has come in. `from` is the caller's number, `to` the number dialled.

    `protocol` is the version that the call follows from now on; intake sets it, whatever was published.
    """

    from_: Phone | None = personal(alias="from")
    to: Phone | None = None
    queue: Name = "main"
    language: Language | None = None
    special_treatment: bool = False
    protocol: int | None = Field(default=None, ge=1)


class CallQueued(Data):
    """The call waits in a queue, by default the one that it came in on: it rings at nobody."""

    queue: Name | None = None


class CallDequeued(Data):
    """The call has left the queue, normally to ring at an agent."""


class CallAnswered(Data):
    """An agent has picked up; without `agent` it is not known who."""

    agent: Id | None = None


class CallAbandoned(Data):
    """The caller hung up before anybody answered."""


class CallGreeted(Data):
    """The agent has greeted the caller; the first greeting is the opening one."""

    agent: Id | None = None


class CallerResponded(Data):
    """The caller has said something."""


class CallHeld(Data):
    """The caller was put on hold; `reason` is what they were told, if they were told one."""

    reason: Annotated[str, Field(max_length=4000)] | None = personal()
    agent: Id | None = None


class HoldRefreshed(Data):
    """The agent came back to the held caller to say that the matter is in hand."""

    agent: Id | None = None


class CallResumed(Data):
    """The caller is on hold no longer; without `agent` it is whoever held the call."""

    agent: Id | None = None


class CallTransferred(Data):
    """The call was put through, blind or after a word with the person called; `agent` has it now, if known."""

    to: Annotated[Name, Personal]
    mode: Literal["blind", "consult"]
    agent: Id | None = None


class SupervisorJoined(Data):
    """A supervisor is on the line, beside the agent or in their place."""

    supervisor: Id
    mode: Literal["barge", "takeover"] = "barge"


class CallEnded(Data):
    """The call is over. `disposition` is the centre's own wrap-up code, `agent` whoever was on the line last."""

    by: Literal["caller", "agent", "supervisor", "system", "unknown"] = "unknown"
    disposition: Name = "none"
    note: Text | None = personal()
    agent: Id | None = None


class NoteTaken(Data):
    """The agent noted key points during the call."""

    points: Annotated[tuple[Text, ...], Personal, Field(min_length=1, max_length=20)]


class RecapConfirmed(Data):
    """The caller heard the recap and said whether it is right."""

    correct: bool = True


class ConductReported(Data):
    """A person (`by`) reports how the caller behaves; a threat names to whom they mean to complain."""

    conduct: Conduct
    by: Id
    to: Literal["regulator", "media"] | None = None


class CallerInsisted(Data):
    """The caller goes on after what they were told: about complaining elsewhere, or about staying on the line."""

    on: Literal["complaint", "staying"]


class ContainmentExhausted(Data):
    """Everything that the procedures offer was done; what comes next, and by when, follows from `next_step`."""

    actions: Annotated[tuple[Text, ...], Personal, Field(min_length=1, max_length=20)]
    next_step: Literal["email_reply", "dispatch", "escalation_reply"]


class ScriptDelivered(Data):
    """Somebody spoke the prompt of this key to the caller."""

    key: Name
    by: Id | None = None


class UtteranceTranscribed(Data):
    """What was said on the line, by which side, as a transcriber heard it."""

    by: Literal["caller", "agent"]
    text: Annotated[str, Personal, Field(min_length=1, max_length=4000)]
