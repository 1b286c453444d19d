"""Finishing a call: who may, when, and what is wrong where it was done otherwise."""

import pytest

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.protocol import ConductLadder, Forbidden, Protocol
from services.intake import domain
from tests.unit.given import happen, when
from tests.unit.on_a_call import begun, names, scripted, then
from tests.unit.test_intake_conduct import (
    CONTAINED,
    GREETED,
    LADDER,
    OBSCENE,
    OFFENCE,
    SILENT,
    THREAT,
    WARNED_ONCE,
    WARNED_TWICE,
    silence,
    spoken,
)

STAYING = ("r43.next_steps", "r44.release_please", "r45.release")
REFUSES = f.ConductReported(conduct="refuses_to_end", by="ana")
JOINED = f.SupervisorJoined(supervisor="eva")
STAYS = f.CallerInsisted(on="staying")
ASKED_ONCE = [REFUSES, JOINED, spoken("r43.next_steps", "eva")]
ASKED_TWICE = [*ASKED_ONCE, STAYS, spoken("r44.release_please", "eva")]
FREE = [*ASKED_TWICE, STAYS]


def centre(**more: object) -> Protocol:
    """A protocol with all ladders."""
    return scripted(*LADDER, *STAYING, conduct=ConductLadder(), **more)


def release(by: str, *before: Data, note: str | None = None, protocol: Protocol | None = None) -> str:
    """The rule under which a call with this history is released, or by which that is refused, as "no R45"."""
    world = begun(protocol or centre(), *before)
    command = c.ReleaseCall(call="c1", by=by, note=note)
    try:
        ((id, released),) = happen(domain, world, when("c1", command, kind="command"))
    except Refused as refused:
        return f"no {refused.rule}"
    assert id == "c1"
    assert isinstance(released, e.CallReleased)
    assert released.by == by
    return released.rule


# a caller who will not hang up


def test_an_agent_brings_in_a_supervisor() -> None:
    """R46: once, naming the agent."""
    world = begun(centre())
    events = then(world, REFUSES)
    assert names(events) == ["ConductAdvanced R46", "SupervisorNeeded R46"]
    assert events[1] == e.SupervisorNeeded(rule="R46", agent="ana", protocol=1)
    assert then(world, REFUSES) == []


@pytest.mark.parametrize(
    ("before", "fact", "follows"),
    [
        ([], JOINED, []),
        ([REFUSES], JOINED, ["ConductAdvanced R43", "r43.next_steps"]),
        ([REFUSES, JOINED], JOINED, []),
        ([JOINED], REFUSES, ["ConductAdvanced R43", "r43.next_steps"]),
        ([], f.ConductReported(conduct="refuses_to_end", by="eva"), ["ConductAdvanced R43", "r43.next_steps"]),
        ([REFUSES], STAYS, []),
        ([REFUSES, JOINED], STAYS, []),
        (ASKED_ONCE, STAYS, ["ConductAdvanced R44", "r44.release_please"]),
        ([*ASKED_ONCE, STAYS], STAYS, []),
        (ASKED_TWICE, STAYS, ["ConductAdvanced R45", "r45.release", "ReleaseAllowed R45"]),
        (FREE, STAYS, []),
    ],
)  # fmt: skip
def test_the_supervisor_asks_twice_before_the_release(
    before: list[Data], fact: Data, follows: list[str]
) -> None:
    """R43, R44, R45: each step only after the one before was spoken and the caller insists."""
    assert names(then(begun(centre(), *before), fact)) == follows


def test_the_words_are_the_supervisors_to_say() -> None:
    """R43: the prompt goes to whoever joined, not to the agent."""
    (_, prompt) = then(begun(centre(), REFUSES), JOINED)
    assert isinstance(prompt, e.PromptIssued)
    assert prompt.agent == "eva"


@pytest.mark.parametrize(
    ("before", "by", "follows"),
    [
        (ASKED_TWICE, "eva", ["RuleViolated R45"]),
        (FREE, "ana", ["RuleViolated R46"]),
        (FREE, "eva", ["CallReleased R45"]),
    ],
)
def test_only_a_supervisor_speaks_the_release(before: list[Data], by: str, follows: list[str]) -> None:
    """R45, R46: and only when it is its turn."""
    assert names(then(begun(centre(), *before), spoken("r45.release", by))) == follows


@pytest.mark.parametrize(
    ("by", "before", "answer"),
    [
        ("ana", [REFUSES], "no R46"),
        ("eva", [REFUSES], "no R45"),
        ("eva", ASKED_ONCE, "no R45"),
        ("eva", ASKED_TWICE, "no R45"),
        ("ana", FREE, "no R46"),
        ("nobody", FREE, "no R46"),
        ("eva", FREE, "R45"),
    ],
)
def test_who_may_release_a_caller_who_will_not_hang_up(by: str, before: list[Data], answer: str) -> None:
    """R45, R46: a supervisor, after asking twice; an agent never."""
    assert release(by, *before) == answer


def test_somebody_whom_only_telephony_calls_a_supervisor_is_one() -> None:
    """R46: who joined as a supervisor may release, unless they are known as something else."""
    joined = f.SupervisorJoined(supervisor="zoe")
    free = [REFUSES, joined, spoken("r43.next_steps"), STAYS, spoken("r44.release_please"), STAYS]
    assert release("zoe", *free) == "R45"
    ana = [f.SupervisorJoined(supervisor="ana") if fact is joined else fact for fact in free]
    assert release("ana", *ana) == "no R46"


# the other ladders


@pytest.mark.parametrize(
    ("before", "answer"),
    [
        ([], "no release-not-allowed"),
        ([OFFENCE], "no R35"),
        (WARNED_ONCE, "no R36"),
        ([*WARNED_ONCE, OFFENCE], "no R36"),
        (WARNED_TWICE, "no R37"),
        ([*WARNED_TWICE, OFFENCE], "R37"),
        ([OBSCENE], "R47"),
        ([THREAT], "no R39"),
        ([THREAT, CONTAINED, spoken("r39.next_step")], "no R39"),
        ([*WARNED_TWICE, OFFENCE, THREAT], "R37"),
        (silence(2), "no R49"),
        (silence(3), "no R50"),
        ([*silence(3), f.CallerResponded()], "no release-not-allowed"),
        ([OBSCENE, spoken("r47.release")], "no call-released"),
    ],
)
def test_an_agent_releases_when_the_ladder_says_so(before: list[Data], answer: str) -> None:
    """R35-R37, R39, R47, R49, R50: refused by the rule whose step is missing."""
    assert release("ana", *before) == answer


@pytest.mark.parametrize(
    ("note", "answer"),
    [("Corte de llamado", "no R38"), ("Se libera el llamado", "R47"), ("¿ya?", "R47"), (None, "R47")],
)
def test_a_closing_note_does_not_name_it_cutting(note: str | None, answer: str) -> None:
    """R38: the command with such a note is refused; the other words will do."""
    protocol = centre(
        forbidden=(
            Forbidden(rule="R38", phrases=("corte de llamado",)),
            Forbidden(rule="R32", phrases=("¿ya?",), where=("speech",)),
        )
    )
    assert release("ana", OBSCENE, note=note, protocol=protocol) == answer


def test_only_a_call_with_somebody_on_it_can_be_released() -> None:
    """A call that is over, or that nobody has answered, has nobody to release."""
    assert release("ana", OBSCENE, f.CallEnded()) == "no call-over"
    world = begun(centre())
    with pytest.raises(Refused, match="offered"):
        domain.decide(world, when("c9", c.ReleaseCall(call="c9", by="ana"), kind="command"))
    with pytest.raises(Refused, match="id"):
        domain.subject_of(c.ReleaseCall(call="clock", by="ana"))


# what happened all the same


@pytest.mark.parametrize(
    ("before", "by", "broken"),
    [
        ([], "agent", []),
        ([OFFENCE], "agent", []),
        ([*WARNED_TWICE, OFFENCE], "agent", ["RuleViolated R37"]),
        ([*WARNED_TWICE, OFFENCE, spoken("r37.release")], "agent", []),
        ([OBSCENE], "agent", ["RuleViolated R47"]),
        ([OBSCENE], "caller", []),
        ([THREAT], "agent", ["RuleViolated R39"]),
        ([THREAT], "supervisor", ["RuleViolated R39"]),
        ([THREAT], "caller", []),
        ([REFUSES], "agent", ["RuleViolated R46"]),
        (FREE, "agent", ["RuleViolated R46"]),
        (ASKED_TWICE, "supervisor", ["RuleViolated R45"]),
        ([*FREE, spoken("r45.release", "eva")], "supervisor", []),
        (ASKED_TWICE, "caller", []),
        (silence(2), "agent", ["RuleViolated R49"]),
        ([GREETED, GREETED, SILENT], "agent", ["RuleViolated R49"]),
        (silence(3), "agent", ["RuleViolated R50"]),
        ([*silence(3), spoken("r50.statement")], "agent", []),
        (silence(2), "caller", []),
    ],
)
def test_a_call_ended_against_the_rules_is_over_with_its_violation(
    before: list[Data], by: str, broken: list[str]
) -> None:
    """R37, R39, R45-R47, R49, R50: only of what the centre itself did."""
    end = f.CallEnded.model_validate({"by": by})
    world = begun(centre(), *before)
    assert names(then(world, end)) == broken
    assert domain.closed(world.aggregates["c1"])


def test_after_the_release_the_ladder_rests() -> None:
    """What is reported until telephony has ended the call leads to nothing more."""
    world = begun(centre(), OBSCENE, spoken("r47.release"))
    assert then(world, OFFENCE, SILENT, REFUSES, STAYS) == []
