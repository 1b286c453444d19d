"""What can go wrong: it was refused, and a problem says why; or nobody answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from centralita.client.events import Accepted

__all__ = ["Problem", "Refusal", "Unavailable", "error_of"]


@dataclass(frozen=True, slots=True)
class Problem:
    """An RFC 9457 problem: `rule` is a stable name or the id of a rule such as R13.

    `field` is what was wrong, `expected` what should have been there; after `retry_after` seconds another try is
    worth it.
    """

    title: str
    status: int = 400
    detail: str = ""
    type: str = "about:blank"
    rule: str | None = None
    field: str | None = None
    expected: str | None = None
    retry_after: float | None = None

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> Problem:
        """The problem with these members; those that are not known here are passed over."""
        known = {field.name: members[field.name] for field in fields(cls) if field.name in members}
        return cls(**{"title": "Refused", **known})

    def members(self) -> dict[str, Any]:
        """The members that say something, as they stand in JSON."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in found.items() if value is not None}

    def counted(self, before: int) -> Problem:
        """The same, with `[2].data.from` counted behind so many facts that came before."""
        if not (self.field and self.field.startswith("[") and before):
            return self
        number, bracket, rest = self.field[1:].partition("]")
        field = f"[{int(number) + before}{bracket}{rest}"
        return replace(self, field=field, detail=self.detail.replace(self.field, field, 1))


class Refusal(Exception):
    """What was asked was not done; `problem` says why, `accepted` which facts were stored before it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail or problem.title)
        self.problem = problem
        self.accepted: Sequence[Accepted] = ()


class Unavailable(Exception):
    """Nobody answered in time: whether it was done is not known.

    Asking again does no harm: facts and commands are known by their ids. `accepted` are the facts that are stored
    for certain; `retry_after` says after how many seconds the server wants to be asked again, if it said so.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.accepted: Sequence[Accepted] = ()


def error_of(problem: Problem) -> Refusal | Unavailable:
    """What is raised of a problem: 503 says that nobody could do it just now."""
    if problem.status == 503:
        return Unavailable(problem.detail or problem.title, problem.retry_after)
    return Refusal(problem)
