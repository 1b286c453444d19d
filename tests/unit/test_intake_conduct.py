"""The ladder against offences, threats, obscenity and silence: what a report leads to, step by step."""

from typing import Any

import pytest

from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from contracts.protocol import Cases, ConductLadder, Forbidden, Phrases, Protocol
from tests.unit.on_a_call import begun, keys, names, prompted, request, scripted, then

LADDER = (
    "r35.first", "r36.second", "r37.release", "r39.next_step", "r40.frame", "r41.continue", "r47.release",
    "r49.greeting", "r50.statement",
)  # fmt: skip
OFFENCE = f.ConductReported(conduct="offence", by="ana")
THREAT = f.ConductReported(conduct="threat", by="ana", to="regulator")
OBSCENE = f.ConductReported(conduct="obscene", by="ana")
SILENT = f.ConductReported(conduct="silent", by="ana")
GREETED = f.CallGreeted(agent="ana")
CONTAINED = f.ContainmentExhausted(actions=("reinicio", "visita"), next_step="dispatch")
INSISTED = f.CallerInsisted(on="complaint")


def spoken(key: str, by: str = "ana") -> f.ScriptDelivered:
    """The script of this key was spoken."""
    return f.ScriptDelivered(key=key, by=by)


def centre(**more: Any) -> Protocol:
    """A protocol with the whole ladder."""
    return scripted(*LADDER, **({"conduct": ConductLadder()} | more))


WARNED_ONCE = [OFFENCE, spoken("r35.first")]
WARNED_TWICE = [*WARNED_ONCE, OFFENCE, spoken("r36.second")]
FIRST = ["ConductAdvanced R35", "r35.first"]
SECOND = ["ConductAdvanced R36", "r36.second"]
THIRD = ["ConductAdvanced R37", "r37.release", "ReleaseAllowed R37"]


# offences


@pytest.mark.parametrize(
    ("before", "follows"),
    [
        ([], FIRST),
        ([OFFENCE], []),
        ([OFFENCE, OFFENCE], []),
        (WARNED_ONCE, SECOND),
        ([*WARNED_ONCE, OFFENCE], []),
        ([*WARNED_ONCE, OFFENCE, spoken("r35.first")], []),
        (WARNED_TWICE, THIRD),
        ([*WARNED_TWICE, OFFENCE], []),
        ([spoken("r35.first")], FIRST),
        ([spoken("r35.first"), OFFENCE], []),
        ([OFFENCE, f.CallTransferred(to="Eva", mode="blind", agent="eva")], []),
        ([*WARNED_ONCE, f.CallTransferred(to="Eva", mode="blind", agent="eva")], SECOND),
    ],
)
def test_an_offence_leads_on_only_from_a_warning_that_was_spoken(
    before: list[Data], follows: list[str]
) -> None:
    """R35, R36, R37: three in one breath give one warning; the count survives a transfer."""
    assert names(then(begun(centre(), *before), OFFENCE)) == follows


def test_the_count_does_not_survive_the_call() -> None:
    """R35: the same caller begins anew on the next call."""
    world = begun(centre(), *WARNED_TWICE, f.CallEnded())
    then(world, f.CallOffered(), f.CallAnswered(agent="ana"), call="c2")
    assert names(then(world, OFFENCE, call="c2")) == FIRST


def test_supervisors_apply_the_same_ladder() -> None:
    """R34: whoever reports it."""
    assert names(then(begun(centre()), f.ConductReported(conduct="offence", by="eva"))) == FIRST


def test_the_third_offence_is_released_with_its_words_and_no_block() -> None:
    """R37: once the words were spoken; the number may call again."""
    world = begun(centre(), *WARNED_TWICE, OFFENCE)
    assert then(world, spoken("r37.release")) == [e.CallReleased(rule="R37", by="ana")]
    assert then(world, spoken("r37.release")) == []
    assert world.index.blocks == {}
    assert then(world, f.CallEnded(by="agent")) == []


@pytest.mark.parametrize(
    ("before", "key", "rule"),
    [
        ([], "r36.second", "R36"),
        ([OFFENCE], "r36.second", "R36"),
        (WARNED_ONCE, "r37.release", "R37"),
        (WARNED_TWICE, "r37.release", "R37"),
        ([], "r47.release", "R47"),
    ],
)
def test_words_spoken_before_their_turn_are_a_violation_and_count_for_nothing(
    before: list[Data], key: str, rule: str
) -> None:
    """R36, R37, R47: the ladder stands where it stood."""
    world = begun(centre(), *before)
    assert names(then(world, spoken(key))) == [f"RuleViolated {rule}"]
    assert world.aggregates["c1"].ladder.released is None


@pytest.mark.parametrize(("warnings", "follows"), [(0, THIRD), (1, FIRST), (2, FIRST)])
def test_how_many_warnings_there_are_is_data(warnings: int, follows: list[str]) -> None:
    """R35-R37: the first offence meets a warning where there is one."""
    world = begun(centre(conduct=ConductLadder(warnings=warnings)))
    assert names(then(world, OFFENCE)) == follows
    if warnings == 1:
        assert names(then(world, spoken("r35.first"), OFFENCE)) == THIRD


def test_without_a_ladder_a_report_is_recorded_and_nothing_else() -> None:
    """R34: the centre's protocol says whether it has one."""
    world = begun(centre(conduct=None))
    assert then(world, OFFENCE, OBSCENE, THREAT, SILENT, CONTAINED, spoken("r37.release")) == []


# words


PHRASES = ConductLadder(
    phrases={
        "offence": Phrases(phrases=("puta", "estafador"), exceptions=("de puta madre",)),
        "threat": Phrases(phrases=("sernac",)),
    }
)


@pytest.mark.parametrize(
    ("by", "text", "proposed"),
    [
        ("caller", "Es usted una PUTA", [("offence", "puta")]),
        ("caller", "la disputa, la computadora y mi reputación", []),
        ("caller", "funciona de puta madre", []),
        ("caller", "esto es una estafa", []),
        ("caller", "voy al SERNAC", [("threat", "sernac")]),
        ("caller", "estafador, voy al SERNAC", [("offence", "estafador")]),
        ("agent", "puta", []),
    ],
)
def test_words_propose_and_never_advance(by: Any, text: str, proposed: list[tuple[str, str]]) -> None:
    """R34: whole words outside of the exceptions, of the caller's alone, and nothing follows but the proposal."""
    world = begun(centre(conduct=PHRASES))
    events = then(world, f.UtteranceTranscribed(by=by, text=text))
    assert [(event.conduct, event.phrase) for event in events] == proposed  # type: ignore[attr-defined]
    assert names(then(world, OFFENCE)) == FIRST


FORBIDDEN = (
    Forbidden(rule="R32", phrases=("¿ya?", "¿sí?"), where=("speech",)),
    Forbidden(rule="R38", phrases=("corte de llamado",), exceptions=("sin corte de llamado",)),
    Forbidden(rule="R42", phrases=("reclame donde quiera",)),
)


@pytest.mark.parametrize(
    ("by", "text", "rules"),
    [
        ("agent", "Deme su número, ¿ya?", ["R32"]),
        ("agent", "Muy bien, ¿sí?", ["R32"]),
        ("agent", "Ya veo. Sí, perfecto. ¿Ya lo tiene?", []),
        ("agent", "Haré un corte de llamado; reclame donde quiera", ["R38", "R42"]),
        ("agent", "Es por el corte de suministro", []),
        ("caller", "¿ya?", []),
    ],
)
def test_what_an_agent_may_not_say_is_a_violation(by: Any, text: str, rules: list[str]) -> None:
    """R32, R38, R42: only of the agent's own words, and only the question forms."""
    events = then(begun(Protocol(name="p", forbidden=FORBIDDEN)), f.UtteranceTranscribed(by=by, text=text))
    assert [(event.rule, event.by) for event in events] == [(rule, "ana") for rule in rules]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("note", "rules"),
    [
        ("Corte de llamado por insultos", ["R38"]),
        ("Le dije: reclame donde quiera. Corte de llamado.", ["R38", "R42"]),
        ("Se finaliza sin corte de llamado", []),
        ("Corte de suministro. ¿ya?", []),
        (None, []),
    ],
)
def test_a_note_in_forbidden_words_is_a_violation(note: str | None, rules: list[str]) -> None:
    """R38, R42: the call is over all the same; the same holds for notes taken meanwhile."""
    protocol = Protocol(name="p", forbidden=FORBIDDEN)
    assert names(then(begun(protocol), f.CallEnded(note=note))) == [f"RuleViolated {rule}" for rule in rules]
    if note:
        taken = then(begun(protocol), f.NoteTaken(points=(note,)))
        assert names(taken) == [f"RuleViolated {rule}" for rule in rules]


# threats


NEXT_STEP = ["ConductAdvanced R39", "r39.next_step", "r40.frame", "RequestPrioritised R39"]


@pytest.mark.parametrize(
    ("before", "fact", "follows"),
    [
        ([], THREAT, []),
        ([], CONTAINED, []),
        ([THREAT], CONTAINED, NEXT_STEP),
        ([CONTAINED], THREAT, NEXT_STEP),
        ([CONTAINED, THREAT], THREAT, []),
        ([CONTAINED, THREAT], CONTAINED, []),
    ],
)
def test_a_threat_is_answered_once_everything_was_done(
    before: list[Data], fact: Data, follows: list[str]
) -> None:
    """R39, R40: threat and exhausted procedures, in either order, and once."""
    assert names(then(begun(centre(), *before), fact)) == follows


def test_the_answer_to_a_threat_says_what_was_done_and_what_comes_next() -> None:
    """R39: name, actions, next step; the request that goes first says which step was promised."""
    protocol = Protocol(
        name="p",
        conduct=ConductLadder(),
        scripts={"r39.next_step": {"es": "{name}: {actions}. {next_step}"}},
        next_steps={"dispatch": {"es": "Irá un camión hoy"}},
    )
    world = begun(protocol, f.CallerIdentified(standing="customer", name="Ruiz"), THREAT)
    events = then(world, CONTAINED)
    assert [text for _, _, text in prompted(events)] == ["Ruiz: reinicio; visita. Irá un camión hoy"]
    assert events[-1] == e.RequestPrioritised(rule="R39", next_step="dispatch", agent="ana", protocol=1)


@pytest.mark.parametrize(("before", "broken"), [([THREAT], ["RuleViolated R39"]), ([THREAT, CONTAINED], [])])
def test_the_answer_to_a_threat_before_its_time_is_a_violation(before: list[Data], broken: list[str]) -> None:
    """R39: there was something left to do."""
    assert names(then(begun(centre(), *before), spoken("r39.next_step"))) == broken


@pytest.mark.parametrize(
    ("before", "follows"),
    [
        ([THREAT], []),
        ([THREAT, CONTAINED], []),
        ([THREAT, spoken("r39.next_step"), CONTAINED], []),
        (
            [THREAT, CONTAINED, spoken("r39.next_step")],
            ["ConductAdvanced R41", "r41.continue", "FollowUpRequested R41"],
        ),
        ([THREAT, CONTAINED, spoken("r39.next_step"), INSISTED], []),
    ],
)
def test_who_insists_hears_that_the_departments_go_on(before: list[Data], follows: list[str]) -> None:
    """R41: only after the first script was spoken, and once."""
    assert names(then(begun(centre(), *before), INSISTED)) == follows


# obscenity


def test_an_obscene_caller_is_released_at_once_and_the_number_goes_to_a_supervisor() -> None:
    """R47, R48: no warnings; the block is asked for beside the call."""
    world = begun(centre())
    assert names(then(world, OBSCENE)) == [
        "ConductAdvanced R47", "r47.release", "ReleaseAllowed R47", "BlockRequested",
    ]  # fmt: skip
    assert then(world, OBSCENE) == []
    assert then(world, spoken("r47.release")) == [e.CallReleased(rule="R47", by="ana")]


# silence


AGAIN = ["ConductAdvanced R49", "r49.greeting"]
STATEMENT = ["ConductAdvanced R50", "r50.statement"]


def silence(greetings: int, *more: Data) -> list[Data]:
    """So many greetings, each unanswered, and reported."""
    return [fact for _ in range(greetings) for fact in (GREETED, SILENT)] + list(more)


@pytest.mark.parametrize(
    ("before", "follows"),
    [
        ([], AGAIN),
        ([GREETED], AGAIN),
        ([GREETED, SILENT], []),
        ([*silence(1), GREETED], AGAIN),
        ([*silence(2), GREETED], STATEMENT),
        (silence(3), []),
        ([*silence(3), GREETED], []),
        ([GREETED, GREETED, GREETED], STATEMENT),
        ([*silence(2), GREETED, f.CallerResponded()], []),
        ([*silence(2), GREETED, request()], []),
        ([*silence(2), GREETED, f.UtteranceTranscribed(by="caller", text="hola")], []),
        ([*silence(2), GREETED, f.UtteranceTranscribed(by="agent", text="hola")], STATEMENT),
    ],
)  # fmt: skip
def test_a_silent_caller_is_greeted_three_times(before: list[Data], follows: list[str]) -> None:
    """R49, R50: once for each greeting, until the third; any sign of the caller ends the ladder."""
    assert names(then(begun(centre(), *before), SILENT)) == follows


@pytest.mark.parametrize(
    ("before", "follows"),
    [
        (silence(2), ["RuleViolated R49"]),
        (silence(3), ["ReleaseAllowed R50", "CallReleased R50"]),
        ([*silence(3), f.CallerResponded()], ["RuleViolated R50"]),
    ],
)
def test_the_statement_releases_after_the_third_greeting(before: list[Data], follows: list[str]) -> None:
    """R49, R50: not after two, and not when the caller replied after the third."""
    assert names(then(begun(centre(), *before), spoken("r50.statement"))) == follows


def test_a_reply_after_the_third_greeting_ends_the_ladder() -> None:
    """R50: the call goes on as any other, and may end as any other."""
    world = begun(centre(), *silence(3), f.CallerResponded())
    assert then(world, f.CallEnded(by="agent")) == []
    assert keys(then(begun(centre(), *silence(3), f.CallerResponded()), SILENT)) == []


def test_the_department_of_a_follow_up_is_named() -> None:
    """R43: the one that the protocol names for the matter."""
    protocol = Protocol(
        name="p",
        conduct=ConductLadder(),
        scripts={"r43.next_steps": {"es": "{department}"}},
        cases=Cases(follow_up_departments={"error": ("ops",)}),
        departments={"ops": {"es": "Operaciones"}},
    )
    world = begun(protocol, request(category="error"))
    refused = f.ConductReported(conduct="refuses_to_end", by="ana")
    assert prompted(then(world, refused, f.SupervisorJoined(supervisor="eva"))) == [
        ("R43", "r43.next_steps", "Operaciones")
    ]
