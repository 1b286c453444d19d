"""What routing answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime

from contracts.answers.common import Answer
from contracts.base import Personal


class Assignment(Answer):
    """A call that needs an owner or has one; `attempt` counts the colleagues asked."""

    call: str
    state: str
    desk: str | None
    shared_from: str | None
    priority: int
    kind: str | None
    since: AwareDatetime
    attempt: int
    offered_to: str | None
    owner: str | None
    instruction: Annotated[str | None, Personal]


class Assignments(Answer):
    """The assignments asked for, most urgent first; closed ones as long as they are in memory."""

    assignments: tuple[Assignment, ...]


class Agent(Answer):
    """An agent who is signed in, the calls they are on, and the call that they are being asked about."""

    agent: str
    name: Annotated[str, Personal]
    role: str
    desks: tuple[str, ...]
    skills: tuple[str, ...]
    languages: tuple[str, ...]
    tier: int
    capacity: int | None
    state: str
    reason: Annotated[str | None, Personal]
    since: AwareDatetime
    calls: tuple[str, ...]
    rests_until: AwareDatetime | None
    asked_about: str | None
    called_to: str | None


class Agents(Answer):
    """The agents asked for, by id."""

    agents: tuple[Agent, ...]


class Queue(Answer):
    """How many calls wait in a queue, since when the first of them, and whether the agents were told."""

    queue: str
    waiting: int
    since: AwareDatetime | None
    alerted: bool


class Queues(Answer):
    """The queues, by name."""

    queues: tuple[Queue, ...]


class Share(Answer):
    """A plan by which the work of a desk is shared, and how many each desk has got under it."""

    desk: str
    since: AwareDatetime | None
    shares: dict[str, int]
    taken: dict[str, int]


class Shares(Answer):
    """The plans of the desks asked for; that without `since` is the protocol's."""

    shares: tuple[Share, ...]
