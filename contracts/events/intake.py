"""What intake records: who is calling, and how the call goes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from contracts.base import Category, Data, Id, Language, Name, Personal, Phone, Text

Confidence = Annotated[float, Field(ge=0, le=1)]


class Evidence(Data):
    """One reason to think that a caller is of a kind: its source, what was seen, how much it weighs."""

    source: Literal["number", "directory", "party", "asked_for", "statement", "answer"]
    kind: Name
    weight: float = Field(ge=-1, le=1)
    seen: Name | None = None


class CallerClassified(Data):
    """Who is calling, as far as is known: standing, kind, group, and the evidence for it."""

    standing: Literal["known", "maybe", "unknown", "new"]
    customer: Id | None = None
    kind: Name | None = None
    group: Name | None = None
    confidence: Confidence = 0.0
    evidence: Annotated[tuple[Evidence, ...], Personal] = ()
    special_treatment: bool = False
    protocol: int = Field(description="version of the protocol that was followed", ge=1)


class PromptIssued(Data):
    """What the agent (or the supervisor on the line) should say now, in the language of the call."""

    rule: Name
    key: Name
    language: Language
    text: Annotated[str, Personal]
    agent: Id | None = None


class ContactMissing(Data):
    """The call ended without this way to reach the caller (R08)."""

    missing: tuple[Literal["phone", "email"], ...]


class ViolationWithdrawn(Data):
    """A fact that came late shows that a violation recorded before was none."""

    rule: Name
    fact: Name
    by: Name | None = None
    detail: Annotated[Text, Personal]


class CallCorrected(Data):
    """How the course of a call is, after a `fact` that came when later ones were recorded already.

    `answered` and `over` are when that was, if not long before the fact; `agent` is who has the call, or had it last.
    """

    fact: Name
    state: Literal["offered", "answered", "ended", "abandoned"]
    agent: Id | None = None
    answered: AwareDatetime | None = None
    over: AwareDatetime | None = None


class NeedEstablished(Data):
    """What the caller needs and who they are, as far as is known: what the other services act on.

    `queue` and `line` are those that the call came in on.
    """

    category: Category
    product: Name | None = None
    tool: Name | None = None
    kind: Name | None = None
    group: Name | None = None
    customer: Id | None = None
    special_treatment: bool = False
    language: Language | None = None
    queue: Name | None = None
    line: Literal["general", "sales_only", "geographic", "freephone"] | None = None
    agent: Id | None = None
    protocol: int = Field(ge=1)


# intake: how the call goes


class AgentIntroduced(Data):
    """Who an agent is, as routing knows them: what greetings name and what only supervisors may do."""

    name: Annotated[str, Personal]
    role: Literal["agent", "supervisor", "reception"]


class ConductProposed(Data):
    """Words that were transcribed look like misconduct; only a person's report has consequences."""

    conduct: Literal["offence", "threat", "obscene", "refuses_to_end"]
    phrase: Annotated[Name, Personal]


class ConductAdvanced(Data):
    """A report led to the next step against misconduct; what is to be said now is the prompt of `rule`."""

    conduct: Literal["offence", "threat", "refuses_to_end", "obscene", "silent"]
    step: int = Field(ge=1)
    rule: Name


class ReleaseAllowed(Data):
    """The agent (or only a supervisor) may finish the call now, under this rule."""

    rule: Name
    supervisor_only: bool = False


class CallReleased(Data):
    """The centre finishes the call: telephony is to end it. `rule` says why."""

    rule: Name
    by: Id | None = None


class CallRefused(Data):
    """The call of a blocked number is not taken."""

    block: Id
    rule: Name = "R48"


class SupervisorNeeded(Data):
    """A supervisor must come to the call."""

    rule: Name
    agent: Id | None = None
    protocol: int = Field(ge=1)


class RequestPrioritised(Data):
    """The caller's request goes first, and the next step is promised."""

    rule: Name
    next_step: Literal["email_reply", "dispatch", "escalation_reply"]
    agent: Id | None = None
    protocol: int = Field(ge=1)


class FollowUpRequested(Data):
    """The matter goes on with the departments responsible."""

    rule: Name
    protocol: int = Field(ge=1)


class BlockRequested(Data):
    """A number is put before a supervisor for blocking."""

    number: Annotated[Phone, Personal]
    call: Id
    by: Id | None = None


class BlockApproved(Data):
    """The number is blocked, until a time or for good."""

    by: Id
    until: AwareDatetime | None = None
    protocol: int = Field(ge=1)


class BlockRefused(Data):
    """The supervisor decided against blocking."""

    by: Id
    reason: Annotated[Text, Personal]


class BlockExpired(Data):
    """The time of the block is over."""


class BlockLifted(Data):
    """A supervisor has lifted the block before its time."""

    by: Id
    reason: Annotated[Text, Personal]
