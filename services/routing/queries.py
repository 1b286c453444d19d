"""What is asked of routing: assignments, agents, queues and shares."""

from __future__ import annotations

from typing import Any

from contracts.commands import AgentsQuery, AssignmentsQuery, QueuesQuery, SharesQuery
from services.routing.aggregates import Agent, Assignment, Queue, Shares, bare
from services.routing.state import Routing


def assignments(world: Routing, query: AssignmentsQuery) -> dict[str, Any]:
    """The calls that need or have an owner, most urgent first; closed ones as long as they are in memory."""
    found = [
        (call.priority, call.since, key, call)
        for key, call in world.aggregates.items()
        if isinstance(call, Assignment)
        and call.state is not None
        and query.state in (None, call.state)
        and query.owner in (None, call.owner)
    ]
    return {
        "assignments": [
            {
                "call": key,
                "state": call.state,
                "desk": call.desk,
                "shared_from": call.shared_from,
                "priority": call.priority,
                "kind": call.kind,
                "since": call.since.isoformat(),
                "attempt": call.attempt,
                "offered_to": call.offered_to,
                "owner": call.owner,
                "instruction": call.instruction,
            }
            for _, _, key, call in sorted(found, key=lambda each: each[:3])
        ]
    }


def agents(world: Routing, query: AgentsQuery) -> dict[str, Any]:
    """The agents who are signed in, by id, and the call each is being asked about."""
    at_work = {
        bare(key): agent
        for key, agent in world.aggregates.items()
        if isinstance(agent, Agent)
        and agent.state != "signed_out"
        and (query.desk is None or query.desk in agent.desks)
    }
    return {
        "agents": [
            {
                "agent": name,
                "name": agent.name,
                "role": agent.role,
                "desks": list(agent.desks),
                "skills": list(agent.skills),
                "languages": list(agent.languages),
                "tier": agent.tier,
                "capacity": agent.capacity,
                "state": agent.state,
                "reason": agent.reason,
                "since": agent.since.isoformat(),
                "calls": list(agent.calls),
                "rests_until": agent.rests_until.isoformat() if agent.rests_until else None,
                "asked_about": world.index.asked_about(name),
                "called_to": world.index.called_to(name),
            }
            for name, agent in sorted(at_work.items(), key=lambda each: each[0])
        ]
    }


def queues(world: Routing, query: QueuesQuery) -> dict[str, Any]:
    """How many calls wait in each queue, since when, and whether the agents were told."""
    found = [it for it in world.aggregates.values() if isinstance(it, Queue)]
    return {
        "queues": [
            {
                "queue": queue.name,
                "waiting": len(queue.waiting),
                "since": min(since for _, since in queue.waiting).isoformat() if queue.waiting else None,
                "alerted": queue.alerted is not None,
            }
            for queue in sorted(found, key=lambda each: each.name)
        ]
    }


def shares(world: Routing, query: SharesQuery) -> dict[str, Any]:
    """How the work of desks is shared: the plans, since when, and how many each desk got under each."""
    known = {it.desk: it for it in world.aggregates.values() if isinstance(it, Shares)}
    rows = []
    for desk in sorted({*known, *world.protocol.shares}):
        if query.desk not in (None, desk):
            continue
        it = known.get(desk, Shares(desk))
        by_protocol = (None, tuple(sorted(world.protocol.shares.get(desk, {}).items())))
        plans = [by_protocol, *it.plans, *(plan for plan, _ in it.taken)]
        for since, parts in dict.fromkeys(plan for plan in plans if plan[1]):
            taken = it.taken_under((since, parts))
            row = {"desk": desk, "since": since.isoformat() if since else None, "shares": dict(parts)}
            rows.append({**row, "taken": taken})
    return {"shares": rows}
