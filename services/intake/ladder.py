"""How far a call has gone against misconduct: what was reported, what was spoken, who may finish the call."""

from __future__ import annotations

from typing import NamedTuple

from contracts import events as e
from contracts import facts as f
from contracts.base import Data

RELEASE = {"r37.release": "R37", "r45.release": "R45", "r47.release": "R47", "r50.statement": "R50"}
"""The scripts with which a call is finished, and under which rule."""
STEPS = {
    "r35.first": "R35",
    "r36.second": "R36",
    "r39.next_step": "R39",
    "r41.continue": "R41",
    "r43.next_steps": "R43",
    "r44.release_please": "R44",
} | RELEASE
"""The scripts that the next step waits for, and the rule whose turn it must be when one is spoken."""


class Ladder(NamedTuple):
    """Where a call stands: `steps` by conduct, the rules whose step was `reached`, the scripts `spoken` in turn.

    `warned` is how many of the warnings were spoken, `responded` whether the caller said anything to the agent.
    """

    steps: dict[str, int]
    reached: frozenset[str] = frozenset()
    spoken: frozenset[str] = frozenset()
    warned: int = 0
    threatened: bool = False
    contained: f.ContainmentExhausted | None = None
    supervisor: str | None = None
    greetings: int = 0
    responded: bool = False
    allowed: tuple[e.ReleaseAllowed, ...] = ()
    released: str | None = None

    def step(self, conduct: str) -> int:
        """The step reached against this conduct, 0 before the first."""
        return self.steps.get(conduct, 0)

    @property
    def silent(self) -> bool:
        """Whether the caller was reported silent and has said nothing."""
        return bool(self.step("silent")) and not self.responded

    def in_turn(self, key: str) -> bool:
        """Whether it is this script's turn to be spoken; others than those of the ladder may be at any time."""
        rule = STEPS.get(key)
        return rule is None or (rule in self.reached and (rule != "R50" or not self.responded))


AT_FIRST = Ladder({})
"""Nothing has happened yet."""


def evolve(ladder: Ladder, event: Data) -> Ladder:
    """The ladder after an event of the call; the same one where it does not concern it."""
    match event:
        case f.CallGreeted():
            return ladder._replace(greetings=ladder.greetings + 1)
        case f.SupervisorJoined():
            return ladder._replace(supervisor=event.supervisor)
        case f.ConductReported(conduct="threat"):
            return ladder._replace(threatened=True)
        case f.ContainmentExhausted():
            return ladder._replace(contained=event)
        case f.ScriptDelivered() if ladder.in_turn(event.key):
            return _spoken(ladder, event.key)
        case e.ConductAdvanced():
            steps = ladder.steps | {event.conduct: event.step}
            return ladder._replace(steps=steps, reached=ladder.reached | {event.rule})
        case e.ReleaseAllowed():
            return ladder._replace(allowed=(*ladder.allowed, event))
        case e.CallReleased():
            return ladder._replace(released=event.rule)
    return ladder


def _spoken(ladder: Ladder, key: str) -> Ladder:
    warned, step = ladder.warned, ladder.step("offence")
    if (key == "r35.first" and warned == 0) or (key == "r36.second" and warned == step - 1 > 0):
        warned += 1
    return ladder._replace(spoken=ladder.spoken | {key}, warned=warned)
