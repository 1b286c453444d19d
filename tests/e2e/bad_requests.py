"""Commands and queries that should not be sent, as bodies, and what is answered to them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

M = "malformed"
NOBODY = "nobody answers"


@dataclass(frozen=True)
class Asked:
    """A command or query as bytes, and the answer: a problem's status, rule and field, or 200: done."""

    what: str
    status: int | str
    rule: str | None = None
    field: str | None = None
    body: bytes | dict[str, Any] = b"{}"
    to: str = "command tickets register"
    headers: dict[str, str] | None = None

    def subject(self, centre: str) -> str:
        """Where it is sent."""
        kind, service, name = self.to.split()
        return f"{kind}.{centre}.{service}.{name}"

    @property
    def content(self) -> bytes:
        """Its body."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


CASE: dict[str, Any] = {"category": "error", "need": "nada funciona", "by": "ana"}
_CLOSE = "command tickets close"
_FIGURES = "query sla figures"

ASKED = [
    Asked("no JSON", 400, M, "data", b"close it"),
    Asked("an empty body", 400, M, "data", b""),
    Asked("a list", 400, M, "data", b"[1]"),
    Asked("invalid UTF-8", 400, M, "data", b'{"need": "\xff"}'),
    Asked("lists in lists", 400, M, "data", b"[" * 100_000),
    Asked("NaN for a number", 400, M, "ticket", b'{"ticket": NaN, "by": "ana"}', _CLOSE),
    Asked("a number with a fraction", 400, M, "ticket", {"ticket": 1.5, "by": "ana"}, _CLOSE),
    Asked("a number of thirty digits", 409, "ticket-unknown", "ticket", {"ticket": 10**30, "by": "ana"},
        _CLOSE),
    Asked("ticket nought", 400, M, "ticket", {"ticket": 0, "by": "ana"}, _CLOSE),
    Asked("a ticket that is a word", 400, M, "ticket", {"ticket": "one", "by": "ana"}, _CLOSE),
    Asked("a ticket that there is not", 409, "ticket-unknown", "ticket", {"ticket": 999, "by": "ana"},
        _CLOSE),
    Asked("nobody's", 400, M, "by", {"ticket": 1}, _CLOSE),
    Asked("by somebody with a blank", 400, M, "by", CASE | {"by": "a na"}),
    Asked("by somebody with a line end", 400, M, "by", CASE | {"by": "a\nna"}),
    Asked("a field that nobody knows", 400, M, "colour", CASE | {"colour": "red"}),
    Asked("a category that is none", 400, M, "category", CASE | {"category": "misc"}),
    Asked("no need", 400, M, "need", CASE | {"need": "  "}),
    Asked("too much need", 400, M, "need", CASE | {"need": "n" * 4_001}),
    Asked("a call that cannot be one", 400, M, "call", CASE | {"call": "a.b"}),
    Asked("a verb that nobody knows", NOBODY, to="command tickets burn"),
    Asked("a service that has no such verb", NOBODY, to="command intake register"),
    Asked("a service that is none", NOBODY, to="command oracle register"),
    Asked("a time that is none", 400, M, "ce-time", CASE, headers={"ce-time": "noon"}),
    Asked("a time without an offset", 400, M, "ce-time", CASE, headers={"ce-time": "2026-03-02T09:00:00"}),
    Asked("a time in the year 9999", 400, M, "ce-time", CASE, headers={"ce-time": "9999-12-31T23:59:59Z"}),
    Asked("an id without end", 400, M, "headers", CASE, headers={"ce-id": "x" * 100_000}),
    Asked("an actor without end", 400, M, "headers", CASE, headers={"ce-actor": "ñ" * 20_000}),
    Asked("a call without an owner to be found", 409, "assignment-unknown", "call",
          {"call": "never", "owner": "ana", "by": "ana"}, "command routing assign"),
    Asked("closing what was not contacted", 409, "assignment-unknown", "call",
          {"call": "talking", "by": "ana"}, "command routing close"),
    Asked("a reserved word for a call", 409, "assignment-unknown", "call",
          {"call": "term", "owner": "ana", "by": "ana"}, "command routing assign"),
    Asked("an agent for a call", 409, "assignment-unknown", "call",
          {"call": "agent:ana", "owner": "ana", "by": "ana"}, "command routing assign"),
    Asked("a reserved word for what a letter is about", 400, M, "about",
          {"about": "term", "kind": "rejected", "position": 1, "by": "ana", "why": "x"}, "command sla discard"),
    Asked("a reserved word for what is to be decided again", 400, M, "about",
          {"about": "term", "kind": "event", "position": 1, "by": "ana", "why": "x"}, "command sla resend"),
    Asked("no headers, no id", 200, body=CASE),
    Asked("duplicate keys, of which the last counts", 200,
        body=b'{"by": "x", ' + json.dumps(CASE).encode()[1:]),
    Asked("a query with a field nobody knows", 400, M, "colour", {"colour": 1}, "query tickets tickets"),
    Asked("a query for no customer", 400, M, "customer", {}, "query tickets history"),
    Asked("a query for nothing", 400, M, "limit", {"limit": 0}, "query tickets tickets"),
    Asked("a query before the beginning", 400, M, "position", {"position": -1}, "query sla status"),
    Asked("a day that is none", 400, M, "day", {"day": "2026-13-45"}, _FIGURES),
    Asked("the first day of all", 400, M, "day", {"day": "0001-01-01"}, _FIGURES),
    Asked("the last day of all", 400, M, "day", {"day": "9999-12-31"}, _FIGURES),
    Asked("a query that nobody answers", NOBODY, to="query tickets weather"),
    Asked("no question", 200, body=b"", to="query sla deadlines"),
]  # fmt: skip
