"""Sla, wired: promises, clocks and figures."""

from eventlog.view import Reading
from services.decider import Service
from services.sla import domain, figures

SERVICE = Service(
    name="sla",
    domain=domain,
    heeds=domain.HEEDS,
    upstream=("intake", "routing", "tickets"),
    timer=domain.next_timer,
    answers={"deadlines": domain.deadlines},
    reading=Reading(
        name="figures",
        schema=figures.SCHEMA,
        services=("centre", "intake"),
        apply=figures.apply,
        answers={"figures": figures.figures},
    ),
)
