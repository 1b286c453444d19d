"""Changes to facts and events that break their publishers or readers, and how what is said of each begins."""

from __future__ import annotations

from tests.contracts.planting import (
    GONE,
    TEXT,
    Change,
    add,
    all_of,
    cut,
    drop,
    free,
    moved,
    need,
    put,
    raised,
)

LANGUAGES = ["es", "pt", "en"]
RECORDED: dict[str, tuple[str, Change]] = {
    # facts and events: one version is the same for ever
    "a fact is gone": ("call.offered", cut("recorded", "call.offered")),
    "an event is gone": ("deadline.set", cut("recorded", "deadline.set")),
    "a fact's optional field is gone": ("call.offered.v1: queue", drop("call.offered", "queue")),
    "a fact's required field is gone": ("call.transferred.v1: mode", drop("call.transferred", "mode")),
    "an event's field is gone": ("deadline.set.v1: escalate", drop("deadline.set", "escalate")),
    "an optional field is added within a version": ("call.offered.v1: trunk", add("call.offered", "trunk")),
    "a required field is added within a version": (
        "call.offered.v1: trunk",
        add("call.offered", "trunk", TEXT, True),
    ),
    "a field is renamed": (
        "call.answered.v1: agent",
        all_of(drop("call.answered", "agent"), add("call.answered", "operator")),
    ),
    "an optional field becomes required": ("call.offered.v1: from", need("call.offered", "from")),
    "a required field becomes optional": ("call.transferred.v1: mode", free("call.transferred", "mode")),
    "a text becomes a number": (
        "agent.signed_in.v1: name",
        put("agent.signed_in", "name", type="number", minLength=GONE, maxLength=GONE),
    ),
    "a whole number becomes any": (
        "ticket.registered.v1: number",
        put("ticket.registered", "number", type="number"),
    ),
    "any number becomes a whole one": (
        "deadline.set.v1: limit_s",
        put("deadline.set", "limit_s", type="integer"),
    ),
    "null is taken no longer": (
        "call.offered.v1: from",
        put("call.offered", "from", True, anyOf=[{"type": "string", "pattern": "^[+0-9 ().-]{2,32}$"}]),
    ),
    "null may come": ("deadline.set.v1: due", put("deadline.set", "due", True, type=["string", "null"])),
    "a value of an enumeration is gone": (
        "call.transferred.v1: mode",
        put("call.transferred", "mode", enum=["blind"]),
    ),
    "an enumeration has a new value": (
        "call.offered.v1: language",
        put("call.offered", "language", enum=[*LANGUAGES, "fr"]),
    ),
    "an enumeration becomes any text": (
        "call.offered.v1: language",
        put("call.offered", "language", enum=GONE),
    ),
    "a value of a list's enumeration is gone": (
        "agent.signed_in.v1: languages[]",
        put("agent.signed_in", "languages[]", enum=["es", "pt"]),
    ),
    "a text may be shorter than before": (
        "agent.signed_in.v1: name",
        put("agent.signed_in", "name", minLength=0),
    ),
    "a text must be longer than before": (
        "agent.signed_in.v1: name",
        put("agent.signed_in", "name", minLength=2),
    ),
    "a text may be longer than before": (
        "agent.signed_in.v1: name",
        put("agent.signed_in", "name", maxLength=201),
    ),
    "a text has no limit any more": (
        "agent.signed_in.v1: name",
        put("agent.signed_in", "name", maxLength=GONE),
    ),
    "a text must be shorter than before": (
        "agent.signed_in.v1: name",
        put("agent.signed_in", "name", maxLength=199),
    ),
    "a text must match a pattern": (
        "call.offered.v1: queue",
        put("call.offered", "queue", pattern="^[a-z]+$"),
    ),
    "a pattern is another": ("call.offered.v1: from", put("call.offered", "from", pattern="^[+0-9]{2,32}$")),
    "a pattern is gone": ("call.offered.v1: from", put("call.offered", "from", pattern=GONE)),
    "a format is gone": ("deadline.set.v1: due", put("deadline.set", "due", format=GONE)),
    "a format is another": ("deadline.set.v1: due", put("deadline.set", "due", format="date")),
    "a format is new": ("call.offered.v1: queue", put("call.offered", "queue", format="uuid")),
    "a least value is raised": (
        "ticket.registered.v1: priority",
        put("ticket.registered", "priority", minimum=2),
    ),
    "a least value is lowered": (
        "ticket.registered.v1: priority",
        put("ticket.registered", "priority", minimum=0),
    ),
    "a greatest value is lowered": (
        "ticket.registered.v1: priority",
        put("ticket.registered", "priority", maximum=8),
    ),
    "a greatest value is raised": (
        "ticket.registered.v1: priority",
        put("ticket.registered", "priority", maximum=10),
    ),
    "a bound is taken itself": (
        "deadline.set.v1: limit_s",
        put("deadline.set", "limit_s", exclusiveMinimum=GONE, minimum=0),
    ),
    "a number must be a multiple": (
        "ticket.registered.v1: number",
        put("ticket.registered", "number", multipleOf=10),
    ),
    "a list may be empty": (
        "containment.exhausted.v1: actions",
        put("containment.exhausted", "actions", minItems=GONE),
    ),
    "a list may be longer": (
        "containment.exhausted.v1: actions",
        put("containment.exhausted", "actions", maxItems=21),
    ),
    "a list must be shorter": (
        "containment.exhausted.v1: actions",
        put("containment.exhausted", "actions", maxItems=19),
    ),
    "a list must have no item twice": (
        "agent.signed_in.v1: desks",
        put("agent.signed_in", "desks", uniqueItems=True),
    ),
    "items are shorter": ("agent.signed_in.v1: desks[]", put("agent.signed_in", "desks[]", maxLength=20)),
    "a list becomes one": (
        "agent.signed_in.v1: desks",
        put("agent.signed_in", "desks", type="string", items=GONE, default=""),
    ),
    "something else is assumed": ("call.offered.v1: queue", put("call.offered", "queue", default="service")),
    "something is assumed where nothing was": (
        "call.offered.v1: language",
        put("call.offered", "language", True, default="es"),
    ),
    "another number is assumed": ("agent.signed_in.v1: tier", put("agent.signed_in", "tier", default=2)),
    "a boolean is true if left out": (
        "deadline.set.v1: inclusive",
        put("deadline.set", "inclusive", default=False),
    ),
    "a field is personal no longer": (
        "call.offered.v1: from",
        put("call.offered", "from", True, x_personal=GONE),
    ),
    "a field becomes personal": ("call.offered.v1: to", put("call.offered", "to", True, x_personal=True)),
    "a field within a list's object is gone": (
        "caller.classified.v1: evidence[].seen",
        drop("caller.classified", "evidence[].seen"),
    ),
    "a value within a list's object is gone": (
        "caller.classified.v1: evidence[].source",
        put("caller.classified", "evidence[].source", enum=["number", "directory"]),
    ),
    "a bound within a list's object": (
        "caller.classified.v1: evidence[].weight",
        put("caller.classified", "evidence[].weight", minimum=0),
    ),
    "unknown fields are let in": ("call.answered.v1: *", put("call.answered", "", additionalProperties=True)),
    "a keyword that is not compared": (
        "call.queued.v1",
        put("call.queued", "", dependentRequired={"queue": ["since"]}),
    ),
    "a union in which alternatives overlap": (
        "call.answered.v1: agent",
        put(
            "call.answered",
            "agent",
            True,
            anyOf=GONE,
            oneOf=[{"type": "string", "maxLength": 5}, {"type": "string", "minLength": 3}],
        ),
    ),
    "a protocol's field is gone from what is recorded": (
        "protocol.published.v1: protocol.queues",
        drop("protocol.published", "protocol.queues"),
    ),
    "a fact has another topic": ("call.offered", lambda c: moved(c, "call.offered", "topic", "agent")),
    "an event is of another service": ("deadline.set", lambda c: moved(c, "deadline.set", "of", "routing")),
    # versions
    "a new version without an upcaster": ("call.offered.v1", raised("call.offered", upcast=False)),
    "a new version that old readers cannot read": (
        "call.offered.v1: language",
        raised("call.offered", put("call.offered", "language", enum=["es", "fr"])),
    ),
    "a new version lacks what was always there": (
        "deadline.set.v1: due",
        raised("deadline.set", drop("deadline.set", "due")),
    ),
    "a new version assumes something else": (
        "call.offered.v1: queue",
        raised("call.offered", put("call.offered", "queue", default="x")),
    ),
    "a new version of another type": (
        "ticket.registered.v1: number",
        raised("ticket.registered", put("ticket.registered", "number", type="string")),
    ),
    "a new version is personal no longer": (
        "call.held.v1: reason",
        raised("call.held", put("call.held", "reason", True, x_personal=GONE)),
    ),
    "an old version's schema is gone": (
        "call.offered.v1",
        all_of(raised("call.offered"), lambda c: c["recorded"]["call.offered"]["versions"].pop("1")),
    ),
    "an old version's schema is edited": (
        "call.offered.v1: queue",
        all_of(
            put("call.offered", "queue", maxLength=10),
            raised("call.offered", put("call.offered", "queue", maxLength=200)),
        ),
    ),
}
"""By what is changed: how the complaint about it begins, and the change."""
