"""Holds: the reason, the marks, and the words on coming back."""

from typing import Any

import pytest

from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.protocol import PLAIN, Limits, Protocol
from services.intake import domain
from tests.unit.given import at, given, happen, when
from tests.unit.on_a_call import HELD, OFFERED, begun, keys, names, scripted, then

SILENT_HOLD = f.CallHeld()


def marked(world: Any, name: str = "hold-1", rule: str = "R19") -> list[Data]:
    """What follows when sla warns of a mark."""
    warned = e.DeadlineWarned(deadline=name, rule=rule, due=at(110))
    return [event for _, event in happen(domain, world, when("c1", warned, 110, kind="event", origin="sla"))]


@pytest.mark.parametrize(
    ("protocol", "hold", "broken"),
    [
        (Protocol(name="p", limits=Limits(hold_s=120)), SILENT_HOLD, ["RuleViolated R18"]),
        (scripted("r20.back"), SILENT_HOLD, ["RuleViolated R18"]),
        (scripted("r20.back"), HELD, []),
        (PLAIN, SILENT_HOLD, []),
        (Protocol(name="p", limits=Limits(hold_s=120), asks_for=()), SILENT_HOLD, []),
    ],
)
def test_a_hold_without_a_reason_stands_with_its_violation(
    protocol: Protocol, hold: f.CallHeld, broken: list[str]
) -> None:
    """R18: the caller is on hold all the same; the violation names the agent."""
    world = begun(protocol)
    events = then(world, hold)
    assert names(events) == broken
    assert world.aggregates["c1"].held is not None
    for event in events:
        assert (event.fact, event.by) == ("call.held", "ana")  # type: ignore[attr-defined]


def test_each_mark_of_a_hold_brings_the_agent_back_to_the_caller() -> None:
    """R19: at every mark while the caller waits, with the reason they were given."""
    protocol = Protocol(name="p", scripts={"r19.refresh": {"es": "Sigo: {reason}"}})
    world = begun(protocol, HELD)
    for name in ("hold-1", "hold-2"):
        (prompt,) = marked(world, name)
        assert prompt == e.PromptIssued(
            rule="R19", key="r19.refresh", language="es", text="Sigo: looking it up", agent="ana"
        )


def test_there_is_no_refresh_for_who_does_not_wait() -> None:
    """R19: resumed, ended, never held, or another clock's warning: nothing to say."""
    protocol = scripted("r19.refresh")
    assert marked(begun(protocol)) == []
    assert marked(begun(protocol, HELD, f.CallResumed())) == []
    assert marked(begun(protocol, HELD, f.CallEnded())) == []
    assert marked(begun(protocol, HELD), "handling", "R22") == []
    assert marked(given(domain, protocol)) == []


def test_a_transfer_leaves_the_caller_on_hold() -> None:
    """R19: the marks go on, and so does what is said at them, to whoever has the call now, if that is known."""
    for agent in ("eva", None):
        world = begun(scripted("r19.refresh"), HELD, f.CallTransferred(to="Eva", mode="blind", agent=agent))
        (prompt,) = marked(world)
        assert isinstance(prompt, e.PromptIssued)
        assert (prompt.key, prompt.agent) == ("r19.refresh", agent)


def test_who_takes_a_held_call_over_is_who_comes_back() -> None:
    """R20: resumed without a name, a call that was put through on hold is with the colleague or supervisor."""
    for fact in (
        f.CallTransferred(to="Eva", mode="consult", agent="eva"),
        f.SupervisorJoined(supervisor="eva", mode="takeover"),
    ):
        (prompt,) = then(begun(scripted("r20.back"), HELD, fact), f.CallResumed())
        assert isinstance(prompt, e.PromptIssued)
        assert prompt.agent == "eva"


@pytest.mark.parametrize(("resumed", "by"), [(f.CallResumed(agent="eva"), "eva"), (f.CallResumed(), "ana")])
def test_whoever_comes_back_apologises_by_name(resumed: f.CallResumed, by: str) -> None:
    """R20: with courtesy title and first name, told to whoever resumes: without a name, who held the call."""
    protocol = Protocol(name="p", scripts={"r20.back": {"es": "Disculpe, {title} {given_name}."}})
    caller = f.CallerIdentified(standing="customer", title="don", given_name="José", name="José Pérez")
    world = begun(protocol, caller, HELD)
    (prompt,) = then(world, resumed)
    assert isinstance(prompt, e.PromptIssued)
    assert (prompt.rule, prompt.text, prompt.agent) == ("R20", "Disculpe, don José.", by)


def test_each_return_is_an_occasion_of_its_own() -> None:
    """R20: the second time the caller waited they hear an apology too."""
    world = begun(scripted("r20.back"))
    assert [keys(then(world, HELD, f.CallResumed())) for _ in range(2)] == [["r20.back"]] * 2


@pytest.mark.parametrize(
    ("before", "fact", "rule"),
    [
        ([HELD], HELD, "call-held"),
        ([], f.CallResumed(), "not-held"),
        ([], f.HoldRefreshed(), "not-held"),
        ([HELD, f.CallResumed()], f.HoldRefreshed(), "not-held"),
        ([HELD, f.CallEnded()], f.CallResumed(), "call-over"),
    ],
)
def test_what_contradicts_the_hold_is_refused(before: list[Data], fact: Data, rule: str) -> None:
    """A caller waits or does not."""
    with pytest.raises(Refused) as refused:
        then(begun(PLAIN, *before), fact)
    assert refused.value.rule == rule


def test_nobody_is_held_before_the_answer() -> None:
    """There is no agent who could."""
    world = given(domain)
    then(world, OFFERED)
    with pytest.raises(Refused, match="answered"):
        then(world, HELD)
