"""Tickets, wired: the case history."""

from eventlog.view import Reading
from services.decider import Service, all_but
from services.tickets import answers, domain, history, search

SERVICE = Service(
    name="tickets",
    domain=domain,
    heeds=domain.HEEDS,
    upstream=("intake", "routing"),
    subject_of=domain.subject_of,
    reading=Reading(
        name="history",
        schema=history.SCHEMA,
        services=("tickets",),
        apply=history.apply,
        answers={
            "history": search.history,
            "ticket": search.ticket,
            "tickets": search.tickets,
            "profile": answers.profile,
            "problem": answers.problem,
            "reviews": answers.reviews,
        },
        passes=all_but(history.READS),
        short=frozenset({"history", "ticket", "profile", "problem"}),
    ),
)
