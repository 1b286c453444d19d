"""Finishing a call with the caller still on the line: when it may be, and what is wrong when it was not."""

from __future__ import annotations

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.deciding import Decision, Input
from contracts.protocol import Protocol
from services.intake.calls import Call
from services.intake.conduct import is_supervisor
from services.intake.ladder import Ladder
from services.intake.speech import check_note
from services.intake.state import Intake, on_line, protocol_of, violated


def on_release(world: Intake, input: Input) -> Decision:
    """Somebody wants to finish the call; refused by the rule whose step is missing."""
    call = on_line(world, input)
    assert isinstance(input.body, c.ReleaseCall)
    by, protocol = input.body.by, protocol_of(world, call)
    if call.ladder.released:
        raise Refused("call-released", f"the call was released under {call.ladder.released}", field="call")
    check_note(protocol, input.body.note)
    supervisor = is_supervisor(world, call, by)
    for allowed in call.ladder.allowed:
        if supervisor or not allowed.supervisor_only:
            return [(input.id, e.CallReleased(rule=allowed.rule, by=by))]
    rule, why = missing(protocol, call.ladder, supervisor)
    raise Refused(rule, why, field="call")


def missing(protocol: Protocol, ladder: Ladder, supervisor: bool) -> tuple[str, str]:
    """The rule whose step must come before the release, and why."""
    limits = protocol.conduct
    if ladder.step("refuses_to_end"):
        if not supervisor:
            return "R46", "only a supervisor may release a caller who will not hang up"
        return "R45", "the caller was not asked twice to release the call"
    if limits and ladder.step("offence"):
        rule = "R37" if ladder.warned >= limits.warnings else "R36" if ladder.warned else "R35"
        return rule, f"{ladder.warned} of {limits.warnings} warnings were given, and no offence since"
    if limits and ladder.silent:
        return _silence(limits.greetings, ladder)
    if ladder.threatened:
        return "R39", "a threat to complain does not end a call"
    return "release-not-allowed", "nothing was reported that would let the centre finish the call"


def against(protocol: Protocol, call: Call, input: Input, end: f.CallEnded) -> list[Data]:
    """R37, R39, R45, R46, R47, R49, R50: the centre has ended the call as it may not."""
    ladder, limits = call.ladder, protocol.conduct
    if limits is None or ladder.released or end.by not in ("agent", "supervisor"):
        return []
    broken: tuple[str, str] | None = None
    by_anybody = [it for it in ladder.allowed if not it.supervisor_only]
    allowed = by_anybody or (ladder.allowed if end.by == "supervisor" else ())
    if allowed:
        broken = allowed[0].rule, "finished without its words"
    elif ladder.step("refuses_to_end"):
        broken = missing(protocol, ladder, end.by == "supervisor")
    elif ladder.silent:
        broken = _silence(limits.greetings, ladder)
    elif ladder.threatened:
        broken = "R39", "a threat to complain does not end a call"
    return [violated(input, *broken, end.agent or call.agent)] if broken else []


def _silence(greetings: int, ladder: Ladder) -> tuple[str, str]:
    if ladder.greetings < greetings:
        return "R49", f"greeted {ladder.greetings} of {greetings} times"
    return "R50", "finished without saying for the recording why"
