"""Routing, wired: who owns the call."""

from services.decider import Service
from services.routing import domain

SERVICE = Service(
    name="routing",
    domain=domain,
    heeds=domain.HEEDS,
    upstream=("intake",),
    subject_of=domain.call_of,
    answers={"assignments": domain.assignments, "agents": domain.agents},
)
