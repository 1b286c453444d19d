"""Of a protocol: kinds of caller, how they are recognised, which lines they dial, and who takes what."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from contracts.base import Category, Data, Language, Name, Phone

Weight = Annotated[float, Field(gt=0, le=1)]
Wording = dict[Language, Annotated[str, Field(min_length=1)]]


class Kind(Data):
    """A kind of caller: its group, how it is named, and the words in a statement that speak for it.

    `names_itself`: such callers say who they are, and are not asked whether they call for a company.
    """

    group: Name
    titles: Wording
    party: Literal["individual", "company"] | None = None
    names_itself: bool = False
    signals: dict[Name, Weight] = {}
    asks_for: tuple[Name, ...] = ()


class Classification(Data):
    """What each source of evidence weighs, and from which confidence on no question is asked."""

    sure: Weight = 0.8
    number: Weight = 0.5
    directory: Weight = 0.9
    party: Weight = 0.3
    asked_for: Weight = 0.85


class Row(Data):
    """A row of the routing table; the first that matches holds, and what is not named all match.

    Who is asked must have the `skill` and at least the `tier`; when the desk cannot, the desks of `fallback` are
    asked in their order, and then the supervisors.
    """

    kinds: tuple[Name, ...] = ()
    categories: tuple[Category, ...] = ()
    products: tuple[Name, ...] = ()
    queues: tuple[Name, ...] = ()
    desk: Name
    fallback: tuple[Name, ...] = ()
    skill: Name | None = None
    tier: int = Field(default=1, ge=1, le=9)
    priority: int = Field(default=5, ge=1, le=9)
    direct_transfer: bool = False
    owner_needed: bool = True


class Line(Data):
    """A number that callers dial, or the beginning of several, and what it may be used for from a day on.

    `premium`: the caller pays by the minute. `never` are the categories that must not be handled on it: whoever
    calls about one is given `instead`. `queues` are those that it leads to; none named: all.
    """

    number: Phone
    line: Literal["general", "sales_only", "geographic", "freephone"]
    premium: bool = False
    never: tuple[Category, ...] = ()
    instead: Phone | None = None
    queues: tuple[Name, ...] = ()
    since: date | None = None
