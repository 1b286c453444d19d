"""What the services record on the log beside the facts themselves."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from contracts.base import Data, Id, Name, Personal, Text, personal
from contracts.facts import Category, Language
from contracts.protocol import Protocol

Confidence = Annotated[float, Field(ge=0, le=1)]
TicketState = Literal["pending", "in_progress", "awaiting_feedback", "resolved", "closed", "reopened"]


# the centre itself


class CentreOpened(Data):
    """The centre exists; its clock is the world's or a virtual one that facts advance."""

    clock: Literal["real", "virtual"] = "real"


class ProtocolPublished(Data):
    """From here on the centre works by this protocol."""

    name: Name
    version: int = Field(ge=1)
    protocol: Protocol


# every service


class FactRejected(Data):
    """A fact that could not be accepted; the original is kept under the subject `kept`."""

    position: int
    reason: Text
    rule: Name
    field: Name | None = None
    expected: Text | None = None
    type: Name | None = None
    kept: Name | None = None


class RuleViolated(Data):
    """A fact that happened against a working rule; it stands recorded all the same."""

    rule: Name
    fact: Name
    by: Name | None = None
    detail: Annotated[Text, Personal]


# intake


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
    evidence: tuple[Evidence, ...] = ()
    special_treatment: bool = False
    protocol: int = Field(description="version of the protocol that was followed", ge=1)


class PromptIssued(Data):
    """What the agent should say now, in the language of the call."""

    rule: Name
    key: Name
    language: Language
    text: Annotated[str, Personal]


class ContactMissing(Data):
    """The call ended without this way to reach the caller (R08)."""

    missing: tuple[Literal["phone", "email"], ...]


class NeedEstablished(Data):
    """What the caller needs and who they are, as far as is known: what routing and tickets act on."""

    category: Category
    kind: Name | None = None
    group: Name | None = None
    customer: Id | None = None
    special_treatment: bool = False
    agent: Id | None = None
    protocol: int = Field(ge=1)


# routing


class CallUnassigned(Data):
    """The matter needs an owner and has none: desk and priority (1 is first) by the routing table.

    `agent` answered the call, as far as is known; `direct`: the table's row permits a direct transfer.
    """

    desk: Name
    priority: int = Field(ge=1, le=9)
    kind: Name | None = None
    agent: Id | None = None
    direct: bool = False
    protocol: int = Field(ge=1)


class OfferMade(Data):
    """This colleague is to be asked to take the call, or to say what to do; nobody if none is free."""

    to: Id | None = None
    desk: Name
    attempt: int = Field(ge=1)


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


# tickets


class TicketOwed(Data):
    """The call's matter must have a ticket."""

    category: Category


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
    desk: Name | None = None
    by: Id


class TicketCommented(Data):
    """Somebody added to the case."""

    text: Annotated[str, Personal]
    by: Id


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


# sla


class DeadlineSet(Data):
    """A promise: `due` by when, under which rule; `limit_s` seconds from `since`.

    `inclusive`: at the very instant of `due` it is still met. `warning`: passing it breaks nothing.
    """

    deadline: Name
    rule: Name
    since: AwareDatetime
    due: AwareDatetime
    limit_s: float = Field(gt=0)
    inclusive: bool = True
    warning: bool = False
    protocol: int = Field(ge=1)


class DeadlineMet(Data):
    """The promise was kept, at this time."""

    deadline: Name
    rule: Name
    at: AwareDatetime


class DeadlineBreached(Data):
    """The promise was broken: its time passed."""

    deadline: Name
    rule: Name
    due: AwareDatetime


class DeadlineCancelled(Data):
    """The promise no longer applies, and why."""

    deadline: Name
    rule: Name
    reason: Name


class DeadlineWarned(Data):
    """The time set for a warning has passed; nothing is broken."""

    deadline: Name
    rule: Name
    due: AwareDatetime


class DeadlineCorrected(Data):
    """A fact that arrived after the verdict shows that it was otherwise; the verdict stands beside it."""

    deadline: Name
    rule: Name
    verdict: Literal["met", "breached", "cancelled"]
    at: AwareDatetime


class StageEnded(Data):
    """A stage of the call is over whose deadline had ended before: nothing of it can become due any more."""

    stage: Literal["ringing", "handling"]
