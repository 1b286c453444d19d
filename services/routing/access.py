"""Portal access: who at reception is to send it."""

from __future__ import annotations

from contracts import events as e
from services.routing.draft import Draft


def on_requested(draft: Draft, id: str, event: e.AccessRequested) -> None:
    """R75: a receptionist at work is told, one who is not occupied if there is one; else it waits."""
    if draft.call(id).access is None:
        draft.add(id, e.AccessHandedOver(to=_receptionist(draft, event.desk), desk=event.desk))


def on_sent(draft: Draft, id: str, event: e.AccessSent) -> None:
    """R75: somebody has sent it before reception was told."""
    if desk := draft.call(id).access:
        draft.add(id, e.AccessHandedOver(to=event.by, desk=desk))


def on_signed_in(draft: Draft, name: str) -> None:
    """R75: a receptionist who comes is told what waits."""
    agent = draft.agent(name)
    if agent is None or agent.role != "reception":
        return
    for desk in agent.desks:
        for id in list(draft.index.ids("access", desk)):
            draft.add(id, e.AccessHandedOver(to=name, desk=desk))


def _receptionist(draft: Draft, desk: str) -> str | None:
    at_work = [(name, draft.agent(name)) for name in draft.index.ids("at_work", desk)]
    found = [(it.occupied(draft.at), name) for name, it in at_work if it and it.role == "reception"]
    return min(found)[1] if found else None
