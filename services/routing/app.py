"""Routing, wired: who owns the call."""

from services.decider import Service
from services.routing import domain, queries

SERVICE = Service(
    name="routing",
    domain=domain,
    heeds=domain.HEEDS,
    upstream=("intake",),
    subject_of=domain.subject_of,
    answers={
        "assignments": queries.assignments,
        "agents": queries.agents,
        "queues": queries.queues,
        "shares": queries.shares,
    },
)
