"""What routing keeps: agents, assignments, queues and shares."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, NamedTuple, TypeAlias

from contracts.registry import aggregate_of

_NEVER = datetime.min.replace(tzinfo=UTC)
_AGENT = aggregate_of("agent", "")


def bare(id: str) -> str:
    """An agent as offers and owners name them: the aggregate's id without its kind."""
    return id.removeprefix(_AGENT)


def agent_id(agent: str) -> str:
    """The aggregate of an agent."""
    return aggregate_of("agent", agent)


class Agent(NamedTuple):
    """Somebody at work; `since` is when the present state, or rest, began.

    `calls` are those they are on; before `rests_until` wrap-up is not over; `questions` (by whom, and what) wait
    until they can be disturbed.
    """

    since: datetime
    name: str = ""
    role: str = "agent"
    desks: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    tier: int = 1
    capacity: int | None = None
    state: Literal["available", "busy", "wrapping", "unavailable", "signed_out"] = "signed_out"
    reason: str | None = None
    calls: tuple[str, ...] = ()
    rests_until: datetime | None = None
    questions: tuple[tuple[str, str], ...] = ()

    @property
    def at_work(self) -> bool:
        """Whether they are there, if perhaps not to be offered anything."""
        return self.state != "signed_out" and self.reason is None

    def resting(self, at: datetime) -> bool:
        """Whether the wrap-up that follows a call is not over; at its very end it is."""
        return self.rests_until is not None and at < self.rests_until

    def free(self, at: datetime) -> bool:
        """Whether they can be offered something."""
        return self.state == "available" and not self.calls and not self.resting(at)

    def occupied(self, at: datetime) -> bool:
        """Whether a question would disturb them."""
        return self.state in ("busy", "wrapping") or bool(self.calls) or self.resting(at) or not self.at_work


class Assignment(NamedTuple):
    """A call on its way to an owner; without a state it needs none as far as is known.

    `tried` were asked in this round; `failures` counts the vain attempts to reach the client, and an owner who has
    made none is `silent`; `person` was asked for by the caller, and `direct` says whether the call may go to them
    directly; `violations` are the rules broken, and when. `escalated` is when a supervisor was needed first,
    `summoned` who is to come, `summons` how often somebody was called; `access` is the desk that is still to send
    the portal access.
    """

    state: Literal["unassigned", "offered", "assigned", "contacted", "closed"] | None = None
    desk: str = ""
    priority: int = 9
    kind: str | None = None
    skill: str | None = None
    tier: int = 1
    language: str | None = None
    fallback: tuple[str, ...] = ()
    shared_from: str | None = None
    protocol: int | None = None
    since: datetime = _NEVER
    attempt: int = 0
    offered_to: str | None = None
    tried: tuple[str, ...] = ()
    owner: str | None = None
    failures: int = 0
    silent: bool = True
    answered_by: str | None = None
    instruction: str | None = None
    person: str | None = None
    direct: bool = False
    violations: tuple[tuple[str, datetime], ...] = ()
    escalated: datetime | None = None
    summoned: str | None = None
    summons: int = 0
    access: str | None = None

    @property
    def open(self) -> bool:
        """Whether it needs an owner and has none."""
        return self.state in ("unassigned", "offered")

    @property
    def desks(self) -> tuple[str, ...]:
        """The desks that are asked, in their order."""
        return tuple(dict.fromkeys((self.desk, *self.fallback)))


class Queue(NamedTuple):
    """The calls that wait in a queue, each since when; `alerted` at how many the agents were told."""

    name: str = ""
    waiting: tuple[tuple[str, datetime], ...] = ()
    alerted: int | None = None


Plan: TypeAlias = tuple[datetime | None, tuple[tuple[str, int], ...]]
"""How something is shared in percent, and since when a command has said so; None: the protocol says so."""


class Shares(NamedTuple):
    """How the work of a desk is shared: the plans that commands made, and how many each desk got under which."""

    desk: str = ""
    plans: tuple[tuple[datetime, tuple[tuple[str, int], ...]], ...] = ()
    taken: tuple[tuple[Plan, tuple[tuple[str, int], ...]], ...] = ()

    def plan(self, at: datetime) -> tuple[datetime, tuple[tuple[str, int], ...]] | None:
        """The plan in force by a command at a time; of two from the same moment the later said."""
        return max((it for it in self.plans if it[0] <= at), key=lambda it: it[0], default=None)

    def taken_under(self, plan: Plan) -> dict[str, int]:
        """How many each desk got under a plan."""
        return next((dict(counts) for it, counts in self.taken if it == plan), {})


Aggregate: TypeAlias = Agent | Assignment | Queue | Shares
