"""Problems: what the asker is told of what went wrong, mapped here and nowhere else."""

from __future__ import annotations

from pydantic import ValidationError

from contracts import registry
from contracts.base import Problem, Refused
from eventlog import errors
from eventlog.codec import Malformed
from services.limits import Exceeded


def problem_of(reason: Exception) -> Problem:
    """The one place where what went wrong becomes what the asker is told."""
    match reason:
        case Refused():
            return Problem(
                type=f"/problems/{reason.rule}", title="Refused by a rule", status=409, detail=reason.detail,
                rule=reason.rule, field=reason.field or None, expected=reason.expected or None,
            )  # fmt: skip
        case ValidationError():
            unreadable = registry.unreadable(reason)
            return Problem(
                type="/problems/malformed", title="Malformed", status=400, detail=str(unreadable),
                rule="malformed", field=unreadable.field, expected=unreadable.expected,
            )  # fmt: skip
        case Malformed():
            return Problem(
                type="/problems/malformed", title="Malformed", status=400, detail=str(reason),
                rule="malformed", field=reason.field, expected=reason.expected,
            )  # fmt: skip
        case errors.Taken():
            return Problem(
                type="/problems/id-taken",
                title="The id is taken",
                status=409,
                detail=str(reason),
                rule="id-taken",
                field="ce-id",
            )
        case errors.Conflict():
            return Problem(
                type="/problems/nothing-to-do", title="Nothing to do", status=409, detail=str(reason)
            )
        case Exceeded():
            return Problem(
                type=f"/problems/{reason.rule}", title="Beyond a limit", status=reason.status, detail=str(reason),
                rule=reason.rule, expected=reason.expected, retry_after=reason.retry_after or None,
            )  # fmt: skip
        case errors.Crowded():
            return Problem(
                type="/problems/too-many-open", title="Beyond a limit", status=429, detail=str(reason),
                rule="too-many-open", retry_after=10,
            )  # fmt: skip
        case errors.LogError():
            return Problem(
                type="/problems/unavailable", title="Not available", status=503, detail=str(reason),
                retry_after=0.5 if isinstance(reason, errors.Moved) else None,
            )  # fmt: skip
    return Problem(
        type="/problems/internal", title="Internal error", status=500, detail=type(reason).__name__
    )
