"""Blocks: the numbers of obscene callers, put before a supervisor, who alone decides."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from contracts import commands as c
from contracts import events as e
from contracts.base import Data, Refused
from contracts.deciding import Decision, Input
from contracts.facts import LATEST
from contracts.protocol import Protocol
from services.intake.calls import Call
from services.intake.state import Block, Index, Intake, known, protocol_of
from services.intake.who import is_to_be_forgotten


def id_of(block: str) -> str:
    """The aggregate of a block, which is named after the call that led to it."""
    return f"block:{block.removeprefix('block:')}"


def requested(world: Intake, protocol: Protocol, call: Call, input: Input, by: str | None) -> Decision:
    """R48: the number goes to a supervisor; none where it was withheld or may not be remembered (R29)."""
    if not call.number or input.id in world.index.blocks:
        return []
    if is_to_be_forgotten(protocol, world.index, call):
        return []
    return [(id_of(input.id), e.BlockRequested(number=call.number, call=input.id, by=by))]


def on_request(world: Intake, input: Input) -> Decision:
    """R48: somebody asks for a block; R37: not of who was released for offences, who may call again."""
    call = known(world, input)
    assert isinstance(input.body, c.RequestBlock)
    if input.id in world.index.blocks:
        raise Refused("block-known", "this number was put before a supervisor already", field="call")
    if not call.number:
        raise Refused("number-withheld", "the call showed no number", field="call")
    if is_to_be_forgotten(protocol_of(world, call), world.index, call):
        raise Refused("R29", "nothing is remembered of who is no customer", field="call")
    if call.ladder.released == "R37" and not call.ladder.step("obscene"):
        raise Refused("R37", "who was released for offences may call again", field="call")
    body = e.BlockRequested(number=call.number, call=input.id, by=input.body.by)
    return [(id_of(input.id), body)]


def on_approve(world: Intake, input: Input) -> Decision:
    """R48: the number is blocked from now on."""
    command = input.body
    assert isinstance(command, c.ApproveBlock)
    _to_decide(world, command)
    until = command.until or _until(world.protocol, input.at)
    if until and until <= input.at:
        raise Refused("block-until-past", "that time is past", field="until", expected="a time to come")
    if until and until >= LATEST:
        raise Refused("block-until-far", "nothing is reckoned so far", field="until", expected="before 2200")
    return _on(command, e.BlockApproved(by=command.by, until=until, protocol=world.protocol.version))


def on_refuse(world: Intake, input: Input) -> Decision:
    """R48: the number is not blocked."""
    command = input.body
    assert isinstance(command, c.RefuseBlock)
    _to_decide(world, command)
    return _on(command, e.BlockRefused(by=command.by, reason=command.reason))


def on_lift(world: Intake, input: Input) -> Decision:
    """R48: the number is blocked no longer, before its time."""
    command = input.body
    assert isinstance(command, c.LiftBlock)
    if not _of(world, command).holds(input.at):
        raise Refused("block-not-approved", "the number is not blocked", field="block")
    return _on(command, e.BlockLifted(by=command.by, reason=command.reason))


def on_over(world: Intake, input: Input) -> Decision:
    """R48: the time of a block is over."""
    block = world.aggregates.get(input.id)
    over = isinstance(block, Block) and block.state == "approved"
    return [(input.id, e.BlockExpired())] if over else []


def listed(index: Index, query: c.BlocksQuery) -> list[dict[str, Any]]:
    """The blocks that a query asks for, in the order in which they were put forward, as JSON has them."""
    return [
        {
            "block": id,
            "call": id,
            "number": block.number,
            "state": block.state,
            "by": block.by,
            "since": block.since.isoformat() if block.since else None,
            "until": block.until.isoformat() if block.until else None,
            "refused_calls": sorted(index.kept_out.get(id, ())),
        }
        for id, block in index.blocks.items()
        if query.state in (None, block.state)
    ]


def _to_decide(world: Intake, command: c.ApproveBlock | c.RefuseBlock) -> None:
    block = _of(world, command)
    if block.state != "requested":
        raise Refused("block-decided", f"the block was {block.state} before", field="block")


def _of(world: Intake, command: c.ApproveBlock | c.RefuseBlock | c.LiftBlock) -> Block:
    if not world.index.supervises(command.by):
        raise Refused("R48", "only a supervisor decides on a block", field="by", expected="a supervisor")
    block = world.aggregates.get(id_of(command.block))
    if not isinstance(block, Block):
        raise Refused("block-unknown", "no such block was asked for", field="block")
    return block


def _until(protocol: Protocol, at: datetime) -> datetime | None:
    lasts = protocol.conduct.blocked_for_s if protocol.conduct else None
    return at + timedelta(seconds=lasts) if lasts else None


def _on(command: c.ApproveBlock | c.RefuseBlock | c.LiftBlock, event: Data) -> Decision:
    return [(id_of(command.block), event)]
