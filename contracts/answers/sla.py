"""What sla answers."""

from __future__ import annotations

from datetime import date

from pydantic import AwareDatetime

from contracts.answers.common import Answer


class Sums(Answer):
    """The figures of a queue or day, or of `all`: counts, rates from 0 to 1, means in seconds; null over nothing.

    Handling time (`aht_s`), speed of answer (`asa_s`), after-call work (`acw_s`); `fcr` is the share settled on it.
    """

    offered: int
    answered: int
    abandoned: int
    answer_rate: float | None
    abandonment_rate: float | None
    aht_s: float | None
    asa_s: float | None
    service_level: float | None
    acw_s: float | None
    fcr: float | None


class Kept(Answer):
    """What became of the promises of a rule; `share` is that of those kept."""

    met: int
    breached: int
    cancelled: int
    running: int
    share: float | None


class TicketSums(Answer):
    """The figures of tickets: mean times from the registration to the first resolution, and to the latest."""

    registered: int
    resolved: int
    reopened: int
    first_resolution_s: float | None
    total_resolution_s: float | None


class WatchedFigure(Answer):
    """A figure that is watched, on a day, and whether it was reported."""

    figure: str
    day: date
    calls: int
    value: float
    alerted: bool
    above: bool


class Figures(Answer):
    """The figures by queue (`queues`) or by day (`days`), each with `all`; promises by rule, tickets, watched ones.

    `ignored` and `refused` count the rows of imports that were none, and that could not be read.
    """

    queues: dict[str, Sums] | None = None
    days: dict[str, Sums] | None = None
    ignored: int
    refused: int
    deadlines: dict[str, Kept]
    tickets: TicketSums
    watched: tuple[WatchedFigure, ...]


class Deadline(Answer):
    """A promise: `about` is what it is of, `call` that call, if it is one; a paused one has `left_s` seconds left."""

    call: str | None
    about: str
    deadline: str
    rule: str
    since: AwareDatetime
    due: AwareDatetime
    limit_s: float
    inclusive: bool
    warning: bool
    warn: AwareDatetime | None
    calendar: str | None
    protocol: int
    left_s: float | None
    state: str


class Deadlines(Answer):
    """The deadlines asked for, by due time."""

    deadlines: tuple[Deadline, ...]
