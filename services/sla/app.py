"""Sla, wired: promises, clocks and figures."""

import json

from contracts.registry import beside, name_of_type
from eventlog.codec import Message
from eventlog.view import Reading
from services.decider import Service, all_but
from services.sla import domain, figures

BESIDE = {name_of_type(kind): kept for kind, kept in domain.BESIDE.items()}


def touches(message: Message) -> tuple[str, ...]:
    """What is kept beside a call, where its clocks are there, and the call of a ticket."""
    if (kept := BESIDE.get(message.name)) and ":" not in message.aggregate:
        return (beside(kept, message.aggregate),)
    if message.name == "ticket.registered" and (call := json.loads(message.data).get("call")):
        return (call,)
    return ()


SERVICE = Service(
    name="sla",
    domain=domain,
    heeds=domain.HEEDS,
    upstream=("intake", "routing", "tickets"),
    timer=domain.next_timer,
    answers={"deadlines": domain.deadlines},
    touches=touches,
    reading=Reading(
        name="figures",
        schema=figures.SCHEMA,
        services=("centre", "intake", "routing", "tickets", "sla"),
        apply=figures.apply,
        answers={"figures": figures.figures},
        passes=all_but(figures.READS),
    ),
)
