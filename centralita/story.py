"""A quarter of an hour at a company that keeps cold rooms cold: the facts of the demo, by second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Told = tuple[float, str, str, Mapping[str, Any]]
"""Second, type of the fact, whom it is about, data."""

STAFF: list[Told] = [
    (
        0,
        "agent.signed_in",
        "marta",
        {"name": "Marta Vidal", "desks": ["technical-service"], "languages": ["es", "pt"]},
    ),
    (0, "agent.signed_in", "bruno", {"name": "Bruno Sá", "desks": ["technical-service", "sales"]}),
    (0, "agent.signed_in", "carmen", {"name": "Carmen Ruiz", "desks": ["accounts", "management"]}),
    (1, "agent.available", "marta", {}),
    (1, "agent.available", "bruno", {}),
    (1, "agent.available", "carmen", {}),
]
CUSTOMERS: list[Told] = [
    (
        0,
        "customer.registered",
        "2041",
        {
            "name": "Fincas Alameda",
            "kind": "property-manager",
            "phones": ["+34 600 555 101"],
            "emails": ["fincas@alameda.example"],
            "special_treatment": True,
        },
    ),
    (
        0,
        "customer.registered",
        "3307",
        {"name": "Frigo Norte", "kind": "key-account", "phones": ["+34 910 555 220"]},
    ),
]
CALLS: list[Told] = [
    # a property manager with special treatment: recognised by the number, confirmed by asking
    (5, "call.offered", "c-1001", {"from": "600 555 101", "queue": "general"}),
    (10, "call.answered", "c-1001", {"agent": "lucia"}),
    (
        24,
        "caller.identified",
        "c-1001",
        {"standing": "customer", "customer": "2041", "title": "Sra.", "name": "Alameda", "party": "company"},
    ),
    (
        41,
        "request.stated",
        "c-1001",
        {"text": "La cámara de la comunidad no enfría", "category": "complaint"},
    ),
    (55, "complexity.assessed", "c-1001", {"complexity": "low"}),
    (88, "assignment.attempted", "c-1001", {"by": "marta", "outcome": "accepted"}),
    (140, "call.ended", "c-1001", {"by": "agent", "disposition": "handed-over"}),
    (410, "contact.made", "c-1001", {"owner": "marta", "channel": "phone", "outcome": "reached"}),
    # somebody at home, answered a second too late; what they say gives away who they are
    (30, "call.offered", "c-1002", {"from": "+34 600 555 733", "queue": "general"}),
    (39, "call.answered", "c-1002", {"agent": "pablo"}),
    (
        52,
        "caller.identified",
        "c-1002",
        {"standing": "new", "title": "Sr.", "name": "Ferrer", "party": "individual"},
    ),
    (
        70,
        "request.stated",
        "c-1002",
        {"text": "Quiero saber si instalan en mi casa", "category": "information"},
    ),
    (80, "contact.given", "c-1002", {"phone": "600 555 733", "email": "ferrer@correo.example"}),
    (150, "call.ended", "c-1002", {"by": "caller", "disposition": "informed"}),
    # a cold store in Portuguese: a doubt, a question, a colleague who does not pick up, another who does
    (100, "call.offered", "c-1003", {"from": "+351 912 555 018", "queue": "general", "language": "pt"}),
    (104, "call.answered", "c-1003", {"agent": "lucia"}),
    (
        118,
        "caller.identified",
        "c-1003",
        {"standing": "new", "name": "Moreira", "title": "Eng.", "language": "pt"},
    ),
    (
        140,
        "request.stated",
        "c-1003",
        {"text": "O evaporador parou e os moradores queixam-se", "category": "error"},
    ),
    (150, "kind.confirmed", "c-1003", {"kind": "property-manager", "answer": False}),
    (162, "kind.confirmed", "c-1003", {"kind": "industrial-refrigeration", "answer": True}),
    (170, "complexity.assessed", "c-1003", {"complexity": "high"}),
    (200, "assignment.attempted", "c-1003", {"by": "bruno", "outcome": "no_answer"}),
    (260, "call.ended", "c-1003", {"by": "agent", "disposition": "handed-over"}),
    (330, "assignment.attempted", "c-1003", {"by": "marta", "outcome": "declined"}),
    (640, "assignment.attempted", "c-1003", {"by": "bruno", "outcome": "accepted"}),
    (700, "contact.made", "c-1003", {"owner": "bruno", "channel": "phone", "outcome": "reached"}),
    # nobody waited long enough for this one
    (210, "call.offered", "c-1004", {"queue": "sales"}),
    (211, "call.queued", "c-1004", {}),
    (268, "call.dequeued", "c-1004", {}),
    (269, "call.abandoned", "c-1004", {}),
    # a bank asks for the chief executive; and a simple matter that takes too long
    (300, "call.offered", "c-1005", {"from": "+34 930 555 900", "queue": "general"}),
    (304, "call.answered", "c-1005", {"agent": "pablo"}),
    (320, "caller.asked_for", "c-1005", {"person": "Consejero Delegado"}),
    (
        333,
        "request.stated",
        "c-1005",
        {"text": "Llamo de su banco por un aval bancario", "category": "administrative"},
    ),
    (345, "complexity.assessed", "c-1005", {"complexity": "low"}),
    (
        400,
        "assignment.attempted",
        "c-1005",
        {"by": "carmen", "outcome": "instructed", "instruction": "Cita el jueves"},
    ),
    (560, "call.ended", "c-1005", {"by": "caller", "disposition": "appointment"}),
    # the property manager again, while the first case is open
    (720, "call.offered", "c-1006", {"from": "+34 600 555 101", "queue": "general"}),
    (724, "call.answered", "c-1006", {"agent": "lucia"}),
    (735, "caller.identified", "c-1006", {"standing": "customer", "customer": "2041", "party": "company"}),
    (
        750,
        "request.stated",
        "c-1006",
        {"text": "¿Cuándo viene el técnico a la comunidad?", "category": "complaint"},
    ),
    (800, "assignment.attempted", "c-1006", {"by": "marta", "outcome": "accepted"}),
    (810, "call.ended", "c-1006", {"by": "agent", "disposition": "informed"}),
    # what cannot be: an answer to a call that was never offered, and a complexity nobody knows
    (815, "call.answered", "c-9999", {"agent": "lucia"}),
    (816, "complexity.assessed", "c-1006", {"complexity": "enormous"}),
]
COMMANDS: list[tuple[float, str, str, Mapping[str, Any]]] = [
    (
        90,
        "tickets",
        "register",
        {
            "category": "complaint",
            "need": "Cámara sin frío",
            "customer": "2041",
            "call": "c-1001",
            "by": "lucia",
        },
    ),
    (415, "tickets", "comment", {"ticket": 1, "text": "Técnico en camino, compresor parado", "by": "marta"}),
    (420, "routing", "close", {"call": "c-1001", "by": "marta"}),
    (690, "routing", "close", {"call": "c-1003", "by": "bruno"}),  # too early: the client was not reached yet
    (705, "routing", "close", {"call": "c-1003", "by": "bruno"}),
    (820, "tickets", "resolve", {"ticket": 1, "resolution": "Compresor cambiado", "by": "marta"}),
    (830, "tickets", "close", {"ticket": 1, "by": "marta"}),
]
LAST = 900.0
