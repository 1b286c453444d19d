"""What queries are answered with; readers pass over fields that they do not know."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.answers import intake, routing, sla, tickets
from contracts.answers.common import Answer, Status

ANSWERS: Mapping[str, Mapping[str, type[Answer]]] = {
    "intake": {
        "status": Status,
        "directory": intake.Directory,
        "dossier": intake.Dossiers,
        "blocks": intake.Blocks,
    },
    "routing": {
        "status": Status,
        "assignments": routing.Assignments,
        "agents": routing.Agents,
        "queues": routing.Queues,
        "shares": routing.Shares,
    },
    "tickets": {
        "status": Status,
        "history": tickets.History,
        "ticket": tickets.TicketTold,
        "tickets": tickets.Tickets,
        "profile": tickets.Profile,
        "problem": tickets.ProblemTold,
        "reviews": tickets.Reviews,
    },
    "sla": {"status": Status, "figures": sla.Figures, "deadlines": sla.Deadlines},
}
"""By service and query."""
