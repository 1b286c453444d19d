"""Of a protocol: how long things may take, and which figures are watched. Durations in seconds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.base import Category, Data, Name
from contracts.facts.callers import Complexity

Seconds = Annotated[float, Field(gt=0, le=315_360_000)]
"""At most ten years, so that no due time is out of reach."""
Share = Annotated[float, Field(ge=0, le=1)]


class Limits(Data):
    """How long things may take; what is absent is not watched."""

    answer_s: Seconds | None = None
    handling_s: dict[Complexity, Seconds] = {}
    handling_warning_s: Seconds | None = None
    premium_handling_s: Seconds | None = None
    hold_s: Seconds | None = None
    hold_warning_s: Seconds | None = None
    """How long before the mark the agent is told to go back to the held caller."""
    wrap_up_s: Seconds | None = None
    offer_s: Seconds | None = None
    """How long a colleague who is asked has for an answer."""
    retry_s: Seconds | None = None
    contact_s: Seconds | None = None
    contact_retry_s: Seconds | None = None
    supervisor_s: Seconds | None = None
    """How long an escalation may wait for a supervisor."""
    simple_question_s: Seconds | None = None
    callback_s: Seconds | None = None
    next_step_s: dict[Literal["email_reply", "escalation_reply"], Seconds] = {}


class Target(Data):
    """Levels for some queues and products, beside those of the centre; the first that matches holds."""

    queues: tuple[Name, ...] = ()
    products: tuple[Name, ...] = ()
    answer_s: Seconds | None = None
    handling_s: Seconds | None = None
    service_level_s: Seconds | None = None


class Promise(Data):
    """How soon a ticket (or a message) of some categories is to be answered, in the open time of a calendar.

    Either `within_s` of open time, or by the end of the `day` or `shift`. `warn_s` before the due time it warns;
    `escalate_s` after the due time each further level of the line hears of it, all in open time.
    """

    name: Name
    rule: Annotated[str, Field(pattern=r"^R\d\d$")]
    about: Literal["ticket", "message", "next_step"] = "ticket"
    categories: tuple[Category, ...] = ()
    channels: tuple[Literal["phone", "email", "post", "web"], ...] = ()
    calendar: Name | None = None
    within_s: Seconds | None = None
    end_of: Literal["day", "shift"] | None = None
    met_by: Literal["answered", "resolved", "reply_formalised"] = "resolved"
    warn_s: Seconds | None = None
    escalate_s: tuple[Seconds, ...] = ()
    pauses: bool = True


class Watched(Data):
    """A figure that alerts beyond its bound: a mean that may not exceed, or a share that may not fall below it.

    Counted by the day of the protocol's time zone, from `least` calls on; `reported_above` is only reported.
    """

    figure: Literal["premium_aht", "answer_rate"]
    rule: Annotated[str, Field(pattern=r"^R\d\d$")]
    bound: Annotated[float, Field(gt=0)]
    reported_above: Share | None = None
    least: int = Field(default=1, ge=1)
