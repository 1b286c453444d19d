"""Of a protocol: how callers who misbehave are met, and which words nobody may say or write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from contracts.base import Data, Name
from contracts.facts.calls import Offence
from contracts.wording import heard

GRAVEST_FIRST: tuple[Offence, ...] = ("obscene", "offence", "threat", "refuses_to_end")
"""Which one is proposed of several: the one that would end the call sooner; a threat never does."""


Pattern = Annotated[str, StringConstraints(min_length=1, max_length=600)]


class Phrases(Data):
    """Phrases as whole words, accents and capitals aside (ñ is no n), and what contains one but is clean.

    Both may use `/`, `*` and `…`, as `contracts.wording.found` says.
    """

    phrases: tuple[Pattern, ...] = ()
    exceptions: tuple[Pattern, ...] = ()


class ConductLadder(Data):
    """What the centre does about misconduct; without one nothing follows from a report.

    `phrases` propose an offence, a person's report advances the ladder: `warnings` before the release.
    `blocked_for_s` is how long an approved block lasts unless the supervisor says otherwise.
    """

    warnings: int = Field(default=2, ge=0, le=9)
    greetings: int = Field(default=3, ge=1, le=9)
    phrases: dict[Offence, Phrases] = {}
    blocked_for_s: Annotated[float, Field(gt=0, le=315_360_000)] | None = None


class Forbidden(Data):
    """Wording that a rule forbids, in scripts and notes, and on the line when an agent is transcribed."""

    rule: Annotated[str, Field(pattern=r"^R\d\d$")]
    phrases: Annotated[tuple[Name, ...], Field(min_length=1)]
    exceptions: tuple[Name, ...] = ()
    where: tuple[Literal["script", "note", "speech"], ...] = ("script", "note", "speech")


def proposed(phrases: Mapping[Offence, Phrases], text: str) -> tuple[Offence, str] | None:
    """The gravest offence that words look like, with those that do (at most 200 characters); or None. R34."""
    for offence in GRAVEST_FIRST:
        if each := phrases.get(offence):
            for _, words in heard(text, each.phrases, each.exceptions):
                return offence, words[:200]
    return None
