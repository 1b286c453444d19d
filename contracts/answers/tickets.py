"""What tickets answers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime

from contracts.answers.common import Answer
from contracts.base import Personal

Said = Annotated[str | None, Personal]


class Ticket(Answer):
    """A ticket as it stands; `ticket` is its number, `registered` and `changed` are times."""

    ticket: int
    state: str
    category: str
    need: Said
    customer: str | None
    call: str | None
    message: str | None
    desk: str | None
    owner: str | None
    product: str | None
    tool: str | None
    place: Said
    channel: str
    priority: int
    split_from: int | None
    merged_into: int | None
    resolution: Said
    problem: int | None
    workaround: Said
    proposal: Said
    registered: AwareDatetime
    changed: AwareDatetime


class Tickets(Answer):
    """The tickets that match, newest first; `before` is where the next page begins, null on the last."""

    tickets: tuple[Ticket, ...]
    before: int | None


class Repeat(Answer):
    """A call of the customer while these tickets were open."""

    call: str
    time: AwareDatetime
    tickets: tuple[int, ...]


class History(Answer):
    """The customer's tickets in every state and calls while some were open, each newest first."""

    customer: str
    tickets: tuple[Ticket, ...]
    repeats: tuple[Repeat, ...]


class Attachment(Answer):
    """A file of a ticket; `object` is its name in the object store, `digest` its SHA-256."""

    name: Annotated[str, Personal]
    type: str
    size: int
    digest: str
    object: str
    time: AwareDatetime


class Entry(Answer):
    """An event of a ticket, as it is on the log at this position."""

    position: int
    type: str
    time: AwareDatetime
    data: Annotated[dict[str, Any], Personal]


class TicketTold(Answer):
    """A ticket and all that happened to it, in order; null and nothing if there is none of this number."""

    ticket: Ticket | None
    departments: tuple[str, ...]
    links: tuple[int, ...]
    attachments: tuple[Attachment, ...]
    events: tuple[Entry, ...]


class Contact(Answer):
    """A call of the customer whose request was stated."""

    call: str
    category: str
    time: AwareDatetime


class Profile(Answer):
    """Who is on the call: open tickets, recent contacts and repeats, newest first."""

    call: str
    customer: str | None
    category: str
    tickets: tuple[Ticket, ...]
    contacts: tuple[Contact, ...]
    repeats: tuple[Repeat, ...]


class KnownProblem(Answer):
    """A problem as it stands; `problem` is its number."""

    problem: int
    title: str
    state: str
    workaround: Said
    resolution: Said
    opened: AwareDatetime
    changed: AwareDatetime


class ProblemTold(Answer):
    """A problem with its incidents, in order; null and none if there is none of this number."""

    problem: KnownProblem | None
    incidents: tuple[Ticket, ...]


class Review(Answer):
    """A quality review of a call: the items of the scorecard by their outcome, and the score from 0 to 1."""

    call: str
    agent: str | None
    by: str
    score: float
    passed: tuple[str, ...]
    failed: tuple[str, ...]
    unanswered: tuple[str, ...]
    exempt: tuple[str, ...]
    time: AwareDatetime


class Reviews(Answer):
    """The newest reviews, their mean score, and each item's share passed where it was asked."""

    agent: str | None
    score: float | None
    items: dict[str, float]
    reviews: tuple[Review, ...]
