"""Tickets, wired: the case history."""

from eventlog.view import Reading
from services.decider import Service
from services.tickets import domain, history

SERVICE = Service(
    name="tickets",
    domain=domain,
    heeds=domain.HEEDS,
    upstream=("intake", "routing"),
    subject_of=domain.ticket_of,
    reading=Reading(
        name="history",
        schema=history.SCHEMA,
        services=("tickets",),
        apply=history.apply,
        answers={"history": history.history, "ticket": history.ticket, "tickets": history.tickets},
    ),
)
