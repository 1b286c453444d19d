"""What is said and written: what agents may not say, what callers should not, notes and recaps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.deciding import Decision, Input
from contracts.protocol import Protocol, conduct
from services.intake import calls, prompts
from services.intake.calls import Call
from services.intake.state import Intake, known, ongoing, protocol_of, violated


def on_utterance(world: Intake, input: Input) -> Decision:
    """Words were transcribed, be it when the call is over."""
    call = known(world, input)
    protocol = protocol_of(world, call)
    assert isinstance(input.body, f.UtteranceTranscribed)
    if input.body.by == "agent":
        following = forbidden(protocol, call, input, "speech", (input.body.text,))
    else:
        following = [] if call.over else proposed(protocol, input.body.text)
    return [(input.id, event) for event in (input.body, *following)]


def forbidden(
    protocol: Protocol, call: Call, input: Input, where: Literal["note", "speech"], texts: Iterable[str]
) -> list[Data]:
    """R32, R38, R42: each rule that these words break, once, with the first phrase that does."""
    broken: dict[str, str] = {}
    for text in texts:
        for rule, phrase in protocol.forbids(where, text):
            broken.setdefault(rule, phrase)
    return [violated(input, rule, f"{where}: {phrase}", call.agent) for rule, phrase in broken.items()]


def proposed(protocol: Protocol, text: str) -> list[Data]:
    """R34: the gravest misconduct that a caller's words look like, with those words."""
    found = conduct.proposed(protocol.conduct.phrases, text) if protocol.conduct else None
    return [e.ConductProposed(conduct=found[0], phrase=found[1])] if found else []


def check_note(protocol: Protocol, note: str | None) -> None:
    """Refused if a closing note uses words that a rule forbids."""
    for rule, phrase in protocol.forbids("note", note or ""):
        raise Refused(rule, f"{phrase!r} is not to be written", field="note", expected="other words")


def on_note(world: Intake, input: Input) -> Decision:
    """R17: points were noted, and the recap is made of all there are so far."""
    before = known(world, input)
    protocol, call = protocol_of(world, before), calls.evolve(before, input.body)
    assert isinstance(input.body, f.NoteTaken)
    events: list[Data] = [input.body, *forbidden(protocol, call, input, "note", input.body.points)]
    events += prompts.recap(protocol, world.index, call, input.at)
    return [(input.id, event) for event in events]


def on_recap(world: Intake, input: Input) -> Decision:
    """The caller heard the recap: the agent confirms, in other words than last time."""
    call = calls.evolve(ongoing(world, input), input.body)
    prompt = prompts.confirmation(protocol_of(world, call), world.index, call, input.at)
    return [(input.id, event) for event in (input.body, *prompt)]
