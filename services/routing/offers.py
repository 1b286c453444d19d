"""Offers: who is asked about a call, and which call is put to somebody who has become free."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Refused
from services.routing import escalations
from services.routing.aggregates import Agent, Assignment, agent_id, bare
from services.routing.draft import Draft
from services.routing.index import ANYWHERE
from services.routing.policy import next_of


def ask_next(draft: Draft, id: str, *, renew: bool, last: str | None = None) -> None:
    """R11: ask the next colleague, or nobody yet. With `renew` all may be asked again, who was asked `last` last."""
    call = draft.call(id)
    last = call.offered_to or last
    ask(draft, id, next_of(_candidates(draft, id, call), call.tried, last, renew=renew))


def ask(draft: Draft, id: str, to: str | None) -> None:
    """Ask this colleague."""
    draft.add(id, offer_of(draft.call(id), to))


def offer_of(call: Assignment, to: str | None) -> e.OfferMade:
    """The next offer of a call."""
    return e.OfferMade(to=to, desk=call.desk, attempt=call.attempt + 1, protocol=call.protocol)


def suits(draft: Draft, call: Assignment, agent: Agent) -> bool:
    """R53: whether the call is for this agent's desk, skill, tier and language; a supervisor takes any."""
    return agent.role == "supervisor" or _fits(call, agent, _language(draft, call))


def settle(draft: Draft) -> None:
    """Whoever has become free by what is decided so far is called to an escalation, or asked about a call."""
    if not draft.events:
        return
    for id, before in draft.changed().items():
        after = draft.world.aggregates[id]
        if isinstance(before, Agent) and isinstance(after, Agent) and _speaks_no_more(before, after):
            _offer_what_only_they_could_take(draft, before)
    for agent, anew in _freed(draft).items():
        if not escalations.call_freed(draft, agent):
            _ask_freed(draft, agent, anew)


def offer(draft: Draft, id: str, command: c.OfferCall) -> None:
    """R16: nobody on a call is asked; R24: nor anybody in wrap-up, but at its very end."""
    call, agent = draft.call(id), draft.agent(command.to)
    if not call.open:
        raise Refused("assignment-unknown", "the call is not waiting for an owner", field="call")
    if agent is None:
        raise Refused("agent-unknown", "the agent has not signed in", field="to")
    if agent.calls or agent.state == "busy":
        raise Refused("R16", f"{command.to} is on a call", field="to", expected="an agent who is free")
    if agent.resting(draft.at) or agent.state == "wrapping":
        raise Refused("R24", f"{command.to} is in wrap-up", field="to", expected="an agent who is free")
    if agent.state != "available":
        raise Refused("agent-unavailable", f"{command.to} is not available", field="to")
    if command.to == call.offered_to:
        raise Refused("offer-same", f"{command.to} is being asked already", field="to")
    if not _askable(draft, command.to, agent, id):
        raise Refused("agent-taken", f"{command.to} is asked elsewhere or owns enough", field="to")
    ask(draft, id, command.to)


def _candidates(draft: Draft, id: str, call: Assignment) -> Iterator[str]:
    """Who can be asked, desk by desk and then the supervisors: lowest tier first, then longest idle. R53."""
    language = _language(draft, call)
    seen: set[str] = set()
    for desk in (*call.desks, ANYWHERE):
        for _, _, name in draft.index.under("available", desk):
            agent = draft.agent(name)
            if agent is None or name in seen or not _askable(draft, name, agent, id):
                continue
            if desk == ANYWHERE or _fits(call, agent, language):
                seen.add(name)
                yield name


def _askable(draft: Draft, name: str, agent: Agent, id: str | None = None) -> bool:
    """Whether the agent is free, is asked about no other call, called nowhere, and may own one more call."""
    if not agent.free(draft.at) or draft.index.asked_about(name) not in (None, id):
        return False
    full = agent.capacity is not None and len(draft.index.under("owned", name)) >= agent.capacity
    return not full and draft.index.called_to(name) is None


def _fits(call: Assignment, agent: Agent, language: str | None) -> bool:
    able = agent.tier >= call.tier and (call.skill is None or call.skill in agent.skills)
    at_desk = any(desk in agent.desks for desk in call.desks)
    return able and at_desk and (language is None or language in agent.languages)


def _language(draft: Draft, call: Assignment) -> str | None:
    """The language that who takes the call must speak: the caller's, if anybody at work could take it so."""
    for desk in call.desks if call.language else ():
        for name in draft.index.ids("speakers", f"{desk} {call.language}"):
            agent = draft.agent(name)
            if agent and _fits(call, agent, call.language):
                return call.language
    return None


def _freed(draft: Draft) -> dict[str, bool]:
    """Who may have become free, in the order of events; and whether they begin anew with calls they were asked about.

    Who has just left a call is not asked again about those: they wait for their retry. Who took it is not freed.
    """
    freed: dict[str, bool] = {}
    for id, before in draft.changed().items():
        after = draft.world.aggregates[id]
        if isinstance(after, Agent) and (after != before or isinstance(draft.input.body, f.AgentAvailable)):
            freed[bare(id)] = True  # who says so again is asked again, having taken a call in between
        if not isinstance(before, Assignment) or not isinstance(after, Assignment):
            continue
        if before.offered_to and before.offered_to not in (after.offered_to, after.owner):
            freed.setdefault(before.offered_to, False)
        if before.summoned and before.summoned != after.summoned:
            freed.setdefault(before.summoned, False)
        if before.state == "assigned" and before.owner and _has_capacity(draft, before.owner):
            freed.setdefault(before.owner, False)
    return freed


def _has_capacity(draft: Draft, owner: str) -> bool:
    agent = draft.agent(owner)
    return agent is not None and agent.capacity is not None


def _ask_freed(draft: Draft, name: str, anew: bool) -> None:
    """The most urgent call that they can take; those that they were asked about in this round come last."""
    agent = draft.agent(name)
    if agent is None or not _askable(draft, name, agent):
        return
    asked_about: str | None = None
    desks = dict.fromkeys((ANYWHERE,) if agent.role == "supervisor" else agent.desks)
    for _, _, id in merge(*(draft.index.under("waiting", desk) for desk in desks)):
        call = draft.call(id)
        if not suits(draft, call, agent):
            continue
        if name not in call.tried:
            asked_about = id
            break
        if anew:
            asked_about = asked_about or id
    if asked_about:
        ask(draft, asked_about, name)


def _speaks_no_more(before: Agent, after: Agent) -> bool:
    if not before.at_work or not before.languages:
        return False
    abilities = ("at_work", "desks", "skills", "languages", "tier")
    return any(getattr(before, each) != getattr(after, each) for each in abilities)


def _offer_what_only_they_could_take(draft: Draft, left: Agent) -> None:
    """Calls that waited for somebody who speaks the caller's language are for others, if nobody does any more."""
    waiting = [id for desk in left.desks for id in draft.index.ids("waiting", desk)]
    for id in dict.fromkeys(waiting):
        call = draft.call(id)
        if call.language in left.languages and _language(draft, call) is None:
            to = next_of(_candidates(draft, id, call), call.tried, None, renew=False)
            if to:
                ask(draft, id, to)


def leave(draft: Draft, agent: str) -> None:
    """Who leaves is asked no longer."""
    assert agent_id(agent) in draft.world.aggregates
    asked = draft.index.asked_about(agent)
    if asked:
        ask_next(draft, asked, renew=False)
