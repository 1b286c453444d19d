"""Changes to all that is no fact or event that break somebody, and how what is said of each begins."""

from __future__ import annotations

from tests.contracts.planted import RECORDED
from tests.contracts.planting import GONE, TEXT, Change, Json, add, cut, drop, free, need, put, set_to

OTHERS: dict[str, tuple[str, Change]] = {
    # commands and queries: what was taken is taken
    "a command is gone": ("command tickets register", cut("commands", "tickets register")),
    "a query is gone": ("query sla figures", cut("queries", "sla figures")),
    "a verb is renamed": (
        "command tickets close",
        lambda c: c["commands"].update(finish=c["commands"].pop("tickets close")),
    ),
    "a command's optional field is gone": (
        "command tickets register: place",
        drop("command tickets register", "place"),
    ),
    "a command has a new required field": (
        "command tickets register: urgency",
        add("command tickets register", "urgency", TEXT, True),
    ),
    "a command's field becomes required": (
        "command tickets register: call",
        need("command tickets register", "call"),
    ),
    "a command's enumeration is narrower": (
        "command tickets register: channel",
        put("command tickets register", "channel", enum=["phone", "email"]),
    ),
    "a command's text is shorter": (
        "command tickets register: need",
        put("command tickets register", "need", maxLength=1000),
    ),
    "a command assumes something else": (
        "command routing transfer: mode",
        put("command routing transfer", "mode", default="consult"),
    ),
    "a command's null is refused": (
        "command tickets register: call",
        put("command tickets register", "call", True, anyOf=[TEXT]),
    ),
    "a command's map takes less": (
        "command routing change_shares: shares.*",
        put("command routing change_shares", "shares.*", maximum=99),
    ),
    "a command's map has other names": (
        "command routing change_shares: shares",
        put("command routing change_shares", "shares", propertyNames={"enum": ["a"]}),
    ),
    "a command's field is sealed no longer": (
        "command routing transfer: to",
        put("command routing transfer", "to", x_personal=GONE),
    ),
    "a query's limit is lower": (
        "query tickets tickets: limit",
        put("query tickets tickets", "limit", maximum=100),
    ),
    "a query gives less by default": (
        "query tickets tickets: limit",
        put("query tickets tickets", "limit", default=10),
    ),
    "a query's state is gone": (
        "query tickets tickets: state",
        put("query tickets tickets", "state", enum=["pending"]),
    ),
    "a query's filter is gone": ("query tickets tickets: desk", drop("query tickets tickets", "desk")),
    "a query needs a field": ("query sla figures: day", need("query sla figures", "day")),
    "a query's time is a date": (
        "query tickets tickets: since",
        put("query tickets tickets", "since", format="date"),
    ),
    # answers and problems: what was there is there
    "an answer lacks a field": ("answer recorded: position", drop("answer recorded", "position")),
    "an answer lacks an optional field": ("answer recorded: time", drop("answer recorded", "time")),
    "an answer's field may be missing": ("answer recorded: type", free("answer recorded", "type")),
    "an answer's position may be zero": (
        "answer recorded: position",
        put("answer recorded", "position", minimum=0),
    ),
    "a query's answer is gone": ("answer sla figures", cut("answers", "sla figures")),
    "an answer's list is gone": (
        "answer tickets history: repeats",
        drop("answer tickets history", "repeats"),
    ),
    "what an answer lists lacks a field": (
        "answer sla deadlines: deadlines[].due",
        drop("answer sla deadlines", "deadlines[].due"),
    ),
    "what an answer lists may be null": (
        "answer routing agents: agents[].state",
        put("answer routing agents", "agents[].state", type=["string", "null"]),
    ),
    "an answer's rate is a text": (
        "answer sla figures: deadlines.*.share",
        put("answer sla figures", "deadlines.*.share", type="string"),
    ),
    "an answer is personal no longer": (
        "answer intake directory: customers[].name",
        put("answer intake directory", "customers[].name", x_personal=GONE),
    ),
    "a problem lacks a member": ("problem: rule", drop("problem", "rule")),
    "a problem's title may be missing": ("problem: title", free("problem", "title")),
    "a problem's status is a text": (
        "problem: status",
        put("problem", "status", type="string", default="400"),
    ),
    "a problem has another status": ("problems malformed", set_to("problems", "malformed", 422)),
    "a kind of problem is gone": ("problems rate-exceeded", cut("problems", "rate-exceeded")),
    # http
    "a resource is gone": ("http GET /v1/{centre}/log", lambda c: _none_of(c, "GET /v1/{centre}/log")),
    "a body is read no longer": (
        "http POST /v1/{centre}/events taking application/cloudevents+json",
        cut("http", "POST /v1/{centre}/events taking application/cloudevents+json"),
    ),
    "a body is required": (
        "http PUT /v1/{centre} taking application/json",
        set_to("http", "PUT /v1/{centre} taking application/json", "required"),
    ),
    "a header is read no longer": (
        "http POST /v1/{centre}/commands/tickets/close reading Idempotency-Key",
        cut("http", "POST /v1/{centre}/commands/tickets/close reading Idempotency-Key"),
    ),
    "a status is another": (
        "http POST /v1/{centre}/events giving 202 application/json",
        cut("http", "POST /v1/{centre}/events giving 202 application/json"),
    ),
    "a problem is plain JSON": (
        "http problem 400 giving application/problem+json",
        cut("http", "problem 400 giving application/problem+json"),
    ),
    "nobody says when to try again": (
        "http problem 429 giving Retry-After",
        cut("http", "problem 429 giving Retry-After"),
    ),
    "a token is always asked for": ("http token is", set_to("http", "token is", "required")),
    "a token is another": ("http token as", set_to("http", "token as", "http basic")),
    "the log cannot be read up to a position": ("query http log: until", drop("query http log", "until")),
    "an answer of the door lacks a field": (
        "answer http accepted: accepted[].position",
        drop("answer http accepted", "accepted[].position"),
    ),
    # protocols
    "a protocol's part is gone": ("protocol: scorecard", drop("protocol", "scorecard")),
    "a protocol needs more": ("protocol: timezone", need("protocol", "timezone")),
    "a protocol's bound is narrower": (
        "protocol: classification.sure",
        put("protocol", "classification.sure", maximum=0.9),
    ),
    "a protocol assumes something else": (
        "protocol: classification.sure",
        put("protocol", "classification.sure", default=0.9),
    ),
    "a weekday is gone": (
        "protocol: calendars.*.slots",
        put("protocol", "calendars.*.slots", propertyNames={"enum": ["mon", "tue"]}),
    ),
    "a protocol's default is another whole": (
        "protocol: privacy",
        put("protocol", "privacy", True, default={"non_customers": "nothing"}),
    ),
    "a protocol's map starts out filled": (
        "protocol: kinds",
        put("protocol", "kinds", default={"a": {"group": "b", "titles": {}}}),
    ),
    # subjects, ids, headers
    "a subject is another": ("subjects fact", set_to("subjects", "fact", "inbox.<centre>.<id>.<topic>")),
    "a stream has another name": ("subjects log stream", set_to("subjects", "log stream", "LOG-<centre>")),
    "a subject is gone": ("subjects query", cut("subjects", "query")),
    "a topic is gone": ("topics message", cut("topics", "message")),
    "a topic is read by another service": ("topics agent", set_to("topics", "agent", "intake")),
    "ids are narrower": ("ids any", set_to("ids", "any", "[a-z]{1,96}")),
    "one more word is no id of a call": (
        "ids not of a call",
        set_to("ids", "not of a call", ": term clock rejected now"),
    ),
    "a header of facts is required": ("headers of facts: ce-time", need("headers of facts", "ce-time")),
    "a header of facts is not read": (
        "headers of facts: ce-dataversion",
        drop("headers of facts", "ce-dataversion"),
    ),
    "a header of facts has a pattern": (
        "headers of facts: ce-id",
        put("headers of facts", "ce-id", pattern="^[0-9]+$"),
    ),
    "a header of commands is required": (
        "headers of commands and queries: ce-actor",
        need("headers of commands and queries", "ce-actor"),
    ),
    "a header of the log may be missing": (
        "headers of the log: ce-sequence",
        free("headers of the log", "ce-sequence"),
    ),
    "a header of the log is gone": ("headers of the log: ce-cause", drop("headers of the log", "ce-cause")),
    "a header of the log looks otherwise": (
        "headers of the log: ce-chain",
        put("headers of the log", "ce-chain", pattern="^[0-9a-f]{64}$"),
    ),
}


def _none_of(contract: Json, operation: str) -> None:
    """Take a resource's method away, with all that it offers."""
    for name in [name for name in contract["http"] if name.startswith(operation)]:
        del contract["http"][name]


BREAKING = RECORDED | OTHERS
"""By what is changed: how the complaint about it begins, and the change."""
