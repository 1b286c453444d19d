"""Escalations: a supervisor is brought to a call that its agent may not finish."""

from __future__ import annotations

from contracts import events as e
from contracts import facts as f
from services.routing.draft import Draft
from services.routing.index import ANYWHERE


def on_needed(draft: Draft, id: str, event: e.SupervisorNeeded) -> None:
    """R46: call a supervisor who is free; if none is, the escalation waits."""
    if draft.call(id).escalated is None:
        summon(draft, id, protocol=event.protocol)


def on_breached(draft: Draft, id: str) -> None:
    """R46: no supervisor came in time: another is called, or the same again."""
    if draft.call(id).escalated:
        summon(draft, id)


def on_joined(draft: Draft, id: str, fact: f.SupervisorJoined) -> None:
    """R46: a supervisor is on the line."""
    end(draft, id, fact.supervisor)


def end(draft: Draft, id: str, supervisor: str | None = None) -> None:
    """The escalation, if there is one, is over."""
    if draft.call(id).escalated:
        draft.add(id, e.EscalationEnded(supervisor=supervisor))


def leave(draft: Draft, supervisor: str) -> None:
    """R46: who was called cannot come any more: another is called."""
    for id in draft.index.ids("escalated", supervisor):
        summon(draft, id)


def call_freed(draft: Draft, name: str) -> bool:
    """R46: whether who has become free is a supervisor and is called to the escalation that waits longest."""
    agent, waiting = draft.agent(name), draft.index.ids("escalated", ANYWHERE)
    if agent is None or agent.role != "supervisor" or not agent.free(draft.at) or not waiting:
        return False
    if draft.index.called_to(name):
        return False
    _call(draft, waiting[0], name, draft.call(waiting[0]).protocol)
    return True


def summon(draft: Draft, id: str, protocol: int | None = None) -> None:
    """R16: call a supervisor who is free, longest idle first, another than before if there is one; or nobody yet."""
    call = draft.call(id)
    free = [name for name in draft.index.ids("available") if _can_come(draft, name, id)]
    to = next((name for name in free if name != call.summoned), next(iter(free), None))
    _call(draft, id, to, call.protocol or protocol)


def _can_come(draft: Draft, name: str, id: str) -> bool:
    agent = draft.agent(name)
    return agent is not None and agent.free(draft.at) and draft.index.called_to(name) in (None, id)


def _call(draft: Draft, id: str, to: str | None, protocol: int | None) -> None:
    draft.add(id, e.SupervisorCalled(to=to, attempt=draft.call(id).summons + 1, protocol=protocol))
