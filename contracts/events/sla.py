"""What sla records: what was promised, how each promise ended, and which figure alerts."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, Field

from contracts.base import Data, Name
from contracts.facts.callers import Complexity


class CallWatched(Data):
    """The clocks of this call follow this version of the protocol; its queue and line decide which there are."""

    queue: Name
    premium: bool = False
    protocol: int = Field(ge=1)


class ComplexityNoted(Data):
    """How hard the matter was found before anybody answered: from the answer on its limit counts."""

    complexity: Complexity


class ProductNoted(Data):
    """What the call is about, as far as was known before anybody answered: from the answer on its level counts."""

    product: Name


class DeadlineSet(Data):
    """A promise: `due` by when, under which rule; `limit_s` seconds from `since`.

    `inclusive`: at the very instant of `due` it is still met. `warning`: passing it breaks nothing. `warn`: when a
    warning comes before. `calendar`: whose open time is counted, as name@version. `escalate`: when each level of
    the line hears that it is still broken.
    """

    deadline: Name
    rule: Name
    since: AwareDatetime
    due: AwareDatetime
    limit_s: float = Field(gt=0)
    inclusive: bool = True
    warning: bool = False
    warn: AwareDatetime | None = None
    calendar: Name | None = None
    escalate: tuple[AwareDatetime, ...] | None = None
    protocol: int = Field(ge=1)


class DeadlineMet(Data):
    """The promise was kept, at this time."""

    deadline: Name
    rule: Name
    at: AwareDatetime


class DeadlineBreached(Data):
    """The promise was broken: its time passed."""

    deadline: Name
    rule: Name
    due: AwareDatetime


class DeadlineCancelled(Data):
    """The promise no longer applies, and why."""

    deadline: Name
    rule: Name
    reason: Name


class DeadlineWarned(Data):
    """The time set for a warning has passed; nothing is broken."""

    deadline: Name
    rule: Name
    due: AwareDatetime


class DeadlineCorrected(Data):
    """A fact that arrived after the verdict shows that it was otherwise; the verdict stands beside it."""

    deadline: Name
    rule: Name
    verdict: Literal["met", "breached", "cancelled"]
    at: AwareDatetime


class StageEnded(Data):
    """A stage is over whose deadline had ended before: nothing of it can become due any more.

    The escalation of a broken promise (`deadline`) ends when what was promised is done, or not wanted any more.
    """

    stage: Literal["ringing", "handling", "escalation"]
    deadline: Name | None = None


class DeadlinePaused(Data):
    """The time stands still, because somebody else must act; `left_s` seconds of it remain."""

    deadline: Name
    rule: Name
    reason: Name
    left_s: float


class DeadlineResumed(Data):
    """The time goes on, to a later due time; so do a warning that is still to come, and the escalation."""

    deadline: Name
    rule: Name
    due: AwareDatetime
    warn: AwareDatetime | None = None
    escalate: tuple[AwareDatetime, ...] | None = None


class DeadlineEscalated(Data):
    """The promise is still not kept, this long after: the next level hears of it."""

    deadline: Name
    rule: Name
    level: int = Field(ge=1)


class FigureCounted(Data):
    """One more call in a figure that is watched, with what has come together on the day."""

    figure: Name
    day: date
    calls: int = Field(ge=0)
    amount: float
    value: float


class FigureAlerted(Data):
    """The figure of the day has passed its bound."""

    figure: Name
    day: date
    rule: Name
    value: float
    bound: float
    calls: int = Field(ge=1)


class FigureRecovered(Data):
    """The figure of the day is within its bound again."""

    figure: Name
    day: date
    rule: Name
    value: float
