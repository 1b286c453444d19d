"""The ladder: what follows when a person reports misconduct, step by step, as each script is spoken."""

from __future__ import annotations

from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from contracts.deciding import Decision, Input
from contracts.facts.calls import Conduct
from contracts.protocol import ConductLadder, Protocol, Wording
from services.intake import blocks, calls
from services.intake.calls import Call
from services.intake.ladder import RELEASE, STEPS
from services.intake.prompts import say
from services.intake.state import Intake, on_line, ongoing, protocol_of, violated


def on_reported(world: Intake, input: Input) -> Decision:
    """R34: only what a person reports has consequences; words that were proposed have none."""
    before = on_line(world, input)
    protocol = protocol_of(world, before)
    assert isinstance(input.body, f.ConductReported)
    if protocol.conduct is None or before.ladder.released:
        return [(input.id, input.body)]
    call = calls.evolve(before, input.body)
    step = Step(world, input, protocol, call)
    events: list[Data] = []
    asked: Decision = []
    match input.body.conduct:
        case "offence":
            events = step.offence(protocol.conduct)
        case "threat":
            events = step.threat()
        case "refuses_to_end":
            events = step.refusal(input.body.by)
        case "silent":
            events = step.silence(protocol.conduct)
        case "obscene":
            events = step.obscenity()
            asked = blocks.requested(world, protocol, call, input, input.body.by) if events else []
    return [*((input.id, event) for event in (input.body, *events)), *asked]


def on_contained(world: Intake, input: Input) -> Decision:
    """Everything that the procedures offer was done."""
    before = ongoing(world, input)
    protocol, call = protocol_of(world, before), calls.evolve(before, input.body)
    events = Step(world, input, protocol, call).threat() if protocol.conduct else []
    return [(input.id, event) for event in (input.body, *events)]


def on_insisted(world: Intake, input: Input) -> Decision:
    """The caller goes on after what they were told."""
    before = on_line(world, input)
    protocol, call = protocol_of(world, before), calls.evolve(before, input.body)
    assert isinstance(input.body, f.CallerInsisted)
    events: list[Data] = []
    if protocol.conduct and not call.ladder.released:
        step = Step(world, input, protocol, call)
        events = step.insistence() if input.body.on == "complaint" else step.staying()
    return [(input.id, event) for event in (input.body, *events)]


def on_joined(world: Intake, input: Input) -> Decision:
    """R43: a supervisor is on the line; to a caller who will not hang up they say how things stand."""
    before = ongoing(world, input)
    protocol, call = protocol_of(world, before), calls.evolve(before, input.body)
    waiting = protocol.conduct is not None and call.ladder.step("refuses_to_end") == 1
    events = Step(world, input, protocol, call).standing() if waiting else []
    return [(input.id, event) for event in (input.body, *events)]


def on_delivered(world: Intake, input: Input) -> Decision:
    """A script was spoken: the ladder goes on from it, or the call is finished with it."""
    call = on_line(world, input)
    protocol = protocol_of(world, call)
    assert isinstance(input.body, f.ScriptDelivered)
    key, by = input.body.key, input.body.by or call.agent
    events: list[Data] = []
    if protocol.conduct and key in STEPS:
        if not call.ladder.in_turn(key):
            events = out_of_turn(protocol.conduct, call, input, key)
        elif key == "r45.release" and not is_supervisor(world, call, input.body.by):
            events = [violated(input, "R46", "an agent released a caller who will not hang up", by)]
        elif key in RELEASE and call.ladder.released is None:
            rule = RELEASE[key]
            if rule == "R50":
                events.append(e.ReleaseAllowed(rule=rule))
            events.append(e.CallReleased(rule=rule, by=by))
    return [(input.id, event) for event in (input.body, *events)]


def out_of_turn(ladder: ConductLadder, call: Call, input: Input, key: str) -> list[Data]:
    """R36, R37, R39, R41, R43, R44, R45, R47, R49, R50: a script was spoken before its turn; a warning may be."""
    rule = STEPS[key]
    if rule == "R35":
        return []
    if rule == "R50" and call.ladder.greetings < ladder.greetings:
        rule = "R49"
    assert isinstance(input.body, f.ScriptDelivered)
    return [violated(input, rule, f"{key} was spoken before its turn", input.body.by or call.agent)]


def is_supervisor(world: Intake, call: Call, by: str | None) -> bool:
    """Whether it is a supervisor who acts: by their role, or because they joined the call as one."""
    who = by or call.ladder.supervisor
    if who in world.index.agents:
        return world.index.supervises(who)
    return who is not None and who == call.ladder.supervisor


class Step:
    """The next step on a call, if it is its turn; no events where it is not."""

    def __init__(self, world: Intake, input: Input, protocol: Protocol, call: Call) -> None:
        self.world, self.input, self.protocol, self.call = world, input, protocol, call
        self.ladder = call.ladder

    def _advance(
        self, conduct: Conduct, step: int, key: str, agent: str | None = None, **more: str | Wording
    ) -> list[Data]:
        advanced = e.ConductAdvanced(conduct=conduct, step=step, rule=key.partition(".")[0].upper())
        return [advanced, *self._say(key, agent, **more)]

    def _say(self, key: str, agent: str | None = None, **more: str | Wording) -> list[Data]:
        return [*say(self.protocol, self.world.index, self.call, self.input.at, key, agent=agent, **more)]

    def offence(self, limits: ConductLadder) -> list[Data]:
        """R35, R36, R37: a warning, another, the release; none before the one before it was spoken."""
        step = self.ladder.step("offence")
        if step > self.ladder.warned or step > limits.warnings:
            return []
        if step < limits.warnings:
            return self._advance("offence", step + 1, "r36.second" if step else "r35.first")
        return [*self._advance("offence", step + 1, "r37.release"), e.ReleaseAllowed(rule="R37")]

    def obscenity(self) -> list[Data]:
        """R47: no warning: the release at once."""
        if self.ladder.step("obscene"):
            return []
        return [*self._advance("obscene", 1, "r47.release"), e.ReleaseAllowed(rule="R47")]

    def threat(self) -> list[Data]:
        """R39: with everything done, the next step is promised, and the request goes first; R40: no debate."""
        contained = self.ladder.contained
        if contained is None or not self.ladder.threatened or self.ladder.step("threat"):
            return []
        prioritised = e.RequestPrioritised(
            rule="R39", next_step=contained.next_step, agent=self.call.agent, protocol=self.protocol.version
        )
        said = self._advance("threat", 1, "r39.next_step", None, **self._done())
        return [*said, *self._say("r40.frame"), prioritised]

    def insistence(self) -> list[Data]:
        """R41: who goes on about complaining hears that the departments responsible are at work, and they are."""
        if "r39.next_step" not in self.ladder.spoken or self.ladder.step("threat") != 1:
            return []
        follow_up = e.FollowUpRequested(rule="R41", protocol=self.protocol.version)
        return [*self._advance("threat", 2, "r41.continue"), follow_up]

    def refusal(self, by: str) -> list[Data]:
        """R46: a supervisor is brought in; one who is on the line already goes on at once."""
        if self.ladder.step("refuses_to_end"):
            return []
        if self.ladder.supervisor or self.world.index.supervises(by):
            return self.standing(by)
        advanced = e.ConductAdvanced(conduct="refuses_to_end", step=1, rule="R46")
        needed = e.SupervisorNeeded(rule="R46", agent=by, protocol=self.protocol.version)
        return [advanced, needed]

    def standing(self, by: str | None = None) -> list[Data]:
        """R43: how things stand, and the request to release the call."""
        agent = self.ladder.supervisor or by
        more = self._done() | {"department": self._department()}
        return self._advance("refuses_to_end", 2, "r43.next_steps", agent, **more)

    def staying(self) -> list[Data]:
        """R44, R45: the request again, and then the release; only once the words before were spoken."""
        step, agent = self.ladder.step("refuses_to_end"), self.ladder.supervisor
        if step == 2 and "r43.next_steps" in self.ladder.spoken:
            return self._advance("refuses_to_end", 3, "r44.release_please", agent)
        if step == 3 and "r44.release_please" in self.ladder.spoken:
            allowed = e.ReleaseAllowed(rule="R45", supervisor_only=True)
            return [*self._advance("refuses_to_end", 4, "r45.release", agent), allowed]
        return []

    def silence(self, limits: ConductLadder) -> list[Data]:
        """R49: greet again until it was done often enough; R50: then say why the call is released."""
        if self.ladder.responded:
            return []
        greetings = min(self.ladder.greetings, limits.greetings)
        if self.ladder.step("silent") > greetings:
            return []
        key = "r49.greeting" if greetings < limits.greetings else "r50.statement"
        return self._advance("silent", greetings + 1, key)

    def _done(self) -> dict[str, str | Wording]:
        contained = self.ladder.contained
        if contained is None:
            return {"actions": "", "next_step": ""}
        next_step = self.protocol.next_steps.get(contained.next_step, "")
        return {"actions": "; ".join(contained.actions), "next_step": next_step}

    def _department(self) -> str | Wording:
        category = self.call.category
        names = self.protocol.cases.follow_up_departments.get(category, ()) if category else ()
        return self.protocol.departments.get(names[0], names[0]) if names else ""
