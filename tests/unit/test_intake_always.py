"""What holds of a call whatever happens on it, in whichever order."""

from collections import Counter

from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from services.intake import domain
from services.intake.classify import consequences
from services.intake.ladder import STEPS
from tests.unit.given import START, happen, when
from tests.unit.on_a_call import HELD, begun, request
from tests.unit.test_intake_release import centre

KEYS = st.sampled_from(sorted(STEPS))
AGENTS = st.sampled_from(["ana", "eva"])
FACTS = st.one_of(
    st.builds(
        f.ConductReported,
        conduct=st.sampled_from(["offence", "threat", "refuses_to_end", "obscene", "silent"]),
        by=AGENTS,
    ),
    st.builds(f.ScriptDelivered, key=KEYS, by=AGENTS),
    st.builds(f.CallerInsisted, on=st.sampled_from(["complaint", "staying"])),
    st.builds(f.SupervisorJoined, supervisor=AGENTS, mode=st.sampled_from(["barge", "takeover"])),
    st.builds(f.UtteranceTranscribed, by=st.sampled_from(["caller", "agent"]), text=st.just("hola")),
    st.sampled_from(
        [
            f.CallGreeted(),
            f.CallerResponded(),
            f.ContainmentExhausted(actions=("x",), next_step="dispatch"),
            f.CallTransferred(to="Eva", mode="blind", agent="eva"),
            HELD,
            f.CallResumed(),
            request(),
            f.NoteTaken(points=("x",)),
            f.RecapConfirmed(),
            f.CallEnded(by="agent"),
        ]
    ),
)


@settings(deadline=None)
@examples(facts=st.lists(FACTS, max_size=25))
def test_the_ladder_goes_up_step_by_step_and_ends_once(facts: list[Data]) -> None:
    """R34-R50: each step once and in order, one release, one block, and never a step after the release."""
    world, recorded = begun(centre()), list[Data]()
    for fact in facts:
        try:
            decided = happen(domain, world, when("c1", fact, origin="call"))
        except Refused:
            continue
        assert decided[0] == ("c1", fact)
        recorded += [event for _, event in decided[1:]]
    steps: dict[str, list[int]] = {}
    for event in recorded:
        if isinstance(event, e.ConductAdvanced):
            steps.setdefault(event.conduct, []).append(event.step)
    for taken in steps.values():
        assert taken == sorted(set(taken))
    count = Counter(type(event) for event in recorded)
    once = (e.CallReleased, e.BlockRequested, e.SupervisorNeeded, e.RequestPrioritised, e.FollowUpRequested)
    assert all(count[kind] <= 1 for kind in once)
    released = [at for at, event in enumerate(recorded) if isinstance(event, e.CallReleased)]
    later = recorded[released[0] :] if released else []
    assert not any(isinstance(event, e.ConductAdvanced | e.ReleaseAllowed) for event in later)
    prompts = Counter(event.key for event in recorded if isinstance(event, e.PromptIssued))
    assert all(n == 1 for key, n in prompts.items() if key != "r49.greeting")


@settings(deadline=None)
@examples(facts=st.lists(FACTS, max_size=15))
def test_deciding_is_pure_and_leaves_nothing_outstanding(facts: list[Data]) -> None:
    """The same decision each time, an unchanged world, and nothing that should have been said by now."""
    protocol = centre()
    world, again = begun(protocol), begun(protocol)
    for fact in facts:
        try:
            decision = domain.decide(world, when("c1", fact))
        except Refused:
            continue
        assert decision == domain.decide(world, when("c1", fact))
        for aggregate, event in decision:
            world.evolve(domain.evolve, aggregate, event, START)
            again.evolve(domain.evolve, aggregate, event, START)
        assert consequences(protocol, world.index, world.aggregates["c1"], START) == []
    assert world == again
