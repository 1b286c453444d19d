"""What intake knows: calls, customers, agents, messages, blocks, the clock, and what they are found by."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal, NamedTuple, TypeAlias

from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.deciding import Input, World
from contracts.protocol import Protocol
from contracts.registry import name_of
from services.intake import calls, customers
from services.intake.calls import Call
from services.intake.customers import Customer


@dataclass(frozen=True, slots=True)
class Clock:
    """What time it is at a centre whose clock is virtual."""

    now: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """A row of an import that became no call."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody who works here, as routing knows them."""

    name: str
    role: f.Role


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that came in."""

    answered: bool = False


class Block(NamedTuple):
    """A number that is to be blocked, or is: from `since` on, before `until` (None: for good)."""

    number: str
    by: str | None
    state: Literal["requested", "approved", "refused", "expired", "lifted"] = "requested"
    since: datetime | None = None
    until: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether a call that comes in then is not taken; at the very instant of `until` it is. R48."""
        decided = self.state in ("approved", "expired") and self.since is not None and self.since <= at
        return decided and (self.until is None or at < self.until)


Aggregate: TypeAlias = Call | Customer | Clock | Row | Agent | Letter | Block


@dataclass(slots=True)
class Index:
    """Customers, agents and blocks by their bare ids, whom a number belongs to, which calls a block kept out."""

    ORDERED: ClassVar = (Call,)
    STANDING: ClassVar = (e.CallerClassified, e.NeedEstablished)

    customers: dict[str, Customer] = field(default_factory=dict)
    phones: dict[str, set[str]] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    blocks: dict[str, Block] = field(default_factory=dict)
    blocked: dict[str, set[str]] = field(default_factory=dict)
    kept_out: dict[str, set[str]] = field(default_factory=dict)

    def note(self, id: str, before: object, after: object) -> None:
        """Take up what an aggregate says now; what an entry said before no longer counts."""
        match after:
            case Call():
                if after.block is not None:
                    self.kept_out.setdefault(after.block, set()).add(id)
            case Customer():
                self._note_customer(id.removeprefix("customer:"), after)
            case Agent():
                self.agents[id.removeprefix("agent:")] = after
            case Block():
                block = id.removeprefix("block:")
                self.blocks[block] = after
                self.blocked.setdefault(after.number, set()).add(block)

    def _note_customer(self, customer: str, entry: Customer) -> None:
        former = self.customers.pop(customer, None)
        for phone in former.phones if former else ():
            self.phones[phone].discard(customer)
            if not self.phones[phone]:
                del self.phones[phone]
        if not entry.removed:
            self.customers[customer] = entry
            for phone in entry.phones:
                self.phones.setdefault(phone, set()).add(customer)

    def owner_of(self, phone: str | None) -> str | None:
        """The one customer with this number; None if there is none, or more than one."""
        owners = self.phones.get(phone, ()) if phone else ()
        return next(iter(owners)) if len(owners) == 1 else None

    def block_of(self, phone: str | None, at: datetime) -> str | None:
        """The block that keeps a call of this number out at this time."""
        blocks = self.blocked.get(phone, ()) if phone else ()
        return next((block for block in sorted(blocks) if self.blocks[block].holds(at)), None)

    def supervises(self, agent: str | None) -> bool:
        """Whether somebody is known to be a supervisor."""
        known = self.agents.get(agent or "")
        return known is not None and known.role == "supervisor"


Intake: TypeAlias = World[Aggregate, Index]


def evolve(aggregate: Aggregate | None, event: Data, at: datetime) -> Aggregate:
    """The aggregate after an event of its own."""
    match event:
        case f.CallOffered():
            return calls.offered(event, at)
        case f.ClockAdvanced():
            return Clock(event.to)
        case f.CustomerRegistered():
            return customers.registered(event)
        case f.CustomerRemoved():
            return customers.REMOVED
        case f.MessageReceived():
            return Letter()
        case f.MessageAnswered():
            return Letter(answered=True)
        case e.AgentIntroduced():
            return Agent(event.name, event.role)
        case e.BlockRequested():
            return Block(event.number, event.by)
    if isinstance(aggregate, Call):
        return calls.evolve(aggregate, event)
    return _decided(aggregate, event, at) if isinstance(aggregate, Block) else aggregate or Row()


def _decided(block: Block, event: Data, at: datetime) -> Block:
    match event:
        case e.BlockApproved():
            return block._replace(state="approved", since=at, until=event.until)
        case e.BlockRefused():
            return block._replace(state="refused")
        case e.BlockExpired():
            return block._replace(state="expired")
        case e.BlockLifted():
            return block._replace(state="lifted")
    return block


def closed(aggregate: Aggregate) -> bool:
    """Whether nothing more is expected of it; agents and blocks stay, others' events are recorded on them."""
    match aggregate:
        case Call():
            return aggregate.over
        case Customer():
            return aggregate.removed
        case Letter():
            return aggregate.answered
    return isinstance(aggregate, Row)


def known(world: Intake, input: Input) -> Call:
    """The call that an input is about; Refused where there is none."""
    call = world.aggregates.get(input.id)
    if not isinstance(call, Call):
        raise Refused("call-unknown", "no such call was offered", early=True)
    return call


def ongoing(world: Intake, input: Input) -> Call:
    """The call, with somebody on the line; Refused where it is over."""
    call = known(world, input)
    if call.over:
        raise Refused("call-over", f"the call is over: {call.state}")
    return call


def on_line(world: Intake, input: Input) -> Call:
    """The call, with an agent on the line; Refused where it is over or not answered yet."""
    call = ongoing(world, input)
    if call.state != "answered":
        raise Refused(
            "call-not-answered",
            "nobody has answered the call yet",
            expected="call.answered first",
            early=True,
        )
    return call


def protocol_of(world: Intake, call: Call) -> Protocol:
    """The protocol that the call began with."""
    return world.under(call.protocol)


def violated(input: Input, rule: str, detail: str, by: str | None = None) -> e.RuleViolated:
    """The record that a fact which happened is against a rule."""
    return e.RuleViolated(rule=rule, fact=name_of(input.body), by=by, detail=detail)
