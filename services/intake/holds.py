"""Holds: a caller is left waiting, looked after meanwhile, and taken up again."""

from __future__ import annotations

from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.deciding import Decision, Input
from contracts.protocol import Protocol
from services.intake import calls
from services.intake.calls import Call
from services.intake.prompts import say
from services.intake.state import Intake, on_line, protocol_of, violated


def on_held(world: Intake, input: Input) -> Decision:
    """The caller waits on the line, told why or not."""
    call = on_line(world, input)
    if call.held:
        raise Refused("call-held", "the caller is on hold already", early=True)
    assert isinstance(input.body, f.CallHeld)
    events = [input.body, *unexplained(protocol_of(world, call), call, input, input.body)]
    return [(input.id, event) for event in events]


def unexplained(protocol: Protocol, call: Call, input: Input, hold: f.CallHeld) -> list[Data]:
    """R18: the caller was not told why; where holds are looked after at all."""
    asks = protocol.asks_for
    if hold.reason or (asks is not None and "call.held.reason" not in asks):
        return []
    if not (protocol.limits.hold_s or "r20.back" in protocol.scripts):
        return []
    return [violated(input, "R18", "put on hold without a reason", hold.agent or call.agent)]


def on_refreshed(world: Intake, input: Input) -> Decision:
    """Somebody came back to the caller, who goes on waiting."""
    _held(world, input)
    return [(input.id, input.body)]


def on_resumed(world: Intake, input: Input) -> Decision:
    """R20: the caller is taken up again, with an apology from whoever does it."""
    hold = _held(world, input)
    call = calls.evolve(on_line(world, input), input.body)
    prompts = say(protocol_of(world, call), world.index, call, input.at, "r20.back", reason=hold.reason or "")
    return [(input.id, event) for event in (input.body, *prompts)]


def on_mark(world: Intake, input: Input) -> Decision:
    """R19: a mark is near, and the caller still waits: time to go back to them."""
    call = world.aggregates.get(input.id)
    assert isinstance(input.body, e.DeadlineWarned)
    if input.body.rule != "R19" or not isinstance(call, Call) or call.held is None:
        return []
    reason = call.held.reason or ""
    there = call._replace(agent=call.held.agent or call.agent)
    prompts = say(protocol_of(world, call), world.index, there, input.at, "r19.refresh", reason=reason)
    return [(input.id, prompt) for prompt in prompts]


def _held(world: Intake, input: Input) -> f.CallHeld:
    call = on_line(world, input)
    if call.held is None:
        raise Refused("not-held", "the caller is not on hold", early=True)
    return call.held
