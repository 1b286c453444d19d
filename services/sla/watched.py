"""Figures that alert when the day's value leaves its bound."""

from __future__ import annotations

from contracts import events as e
from contracts.protocol import Watched
from services.sla import policy
from services.sla.draft import Draft
from services.sla.state import Figure


def count(draft: Draft, figure: str, amount: float, calls: int = 1) -> None:
    """R59, R60: one more call: the seconds it took, or 1 if it was answered and 0 if not.

    `calls` 0: one that was counted already.
    """
    watched = next((it for it in draft.protocol.watched if it.figure == figure), None)
    if watched is None:
        return
    id, day = f"figure:{figure}", policy.day_of(draft.protocol, draft.at)
    known = draft.world.aggregates.get(id)
    _, before, total, alerted = (known if isinstance(known, Figure) else Figure()).of(day)
    # to the microsecond, so that a mean of exactly the bound is one
    calls, total = before + calls, round(total + amount, 6)
    value = total / calls
    draft.decision.append(
        (id, e.FigureCounted(figure=figure, day=day, calls=calls, amount=total, value=value))
    )
    beyond = calls >= watched.least and is_beyond(watched, value)
    if beyond and not alerted:
        bound, rule = watched.bound, watched.rule
        alert = e.FigureAlerted(figure=figure, day=day, rule=rule, value=value, bound=bound, calls=calls)
        draft.decision.append((id, alert))
    elif alerted and not beyond:
        draft.decision.append((id, e.FigureRecovered(figure=figure, day=day, rule=watched.rule, value=value)))


def is_beyond(watched: Watched, value: float) -> bool:
    """R59: a mean above its bound; R60: a share below it. The bound itself is fine."""
    return value > watched.bound if watched.figure == "premium_aht" else value < watched.bound
