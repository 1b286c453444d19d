"""Facts that should not be sent, as bytes, and what is answered to them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.e2e.centre import advanced, fact, offered, signed_in

ACCEPTED, REPEAT = "accepted", "repeat"
REFUSED = "refused when published"
"""The publisher is told at once, and nothing is stored; `field` is a part of what it is told."""

BEFORE = [
    fact("customer.registered", "42", 0, name="Sol", kind="supplier"),
    *signed_in("ana"),
    *signed_in("gone"),
    fact("agent.signed_out", "gone", 1),
    offered("ringing", 2),
    *(offered("waiting", 2), fact("call.queued", "waiting", 3)),
    *(offered("talking", 2), fact("call.answered", "talking", 4)),
    *(offered("over", 2), fact("call.answered", "over", 4), fact("call.ended", "over", 5)),
    *(offered("left", 2), fact("call.abandoned", "left", 6)),
    advanced(1_000),
]
"""What has happened before any of this arrives."""

ATTRIBUTES = {
    "ce-specversion": "1.0",
    "ce-id": "",
    "ce-source": "/tests/bad",
    "ce-type": "call.offered",
    "ce-time": "2026-03-02T09:10:00Z",
    "content-type": "application/json",
}


def _lines(attributes: dict[str, str]) -> bytes:
    return b"NATS/1.0\r\n" + "".join(f"{k}: {v}\r\n" for k, v in attributes.items()).encode() + b"\r\n"


@dataclass(frozen=True)
class Bad:
    """A fact: its bytes, and the rule and field that its rejection names; `id` None: a call never heard of.

    `headers` change or (None) take away attributes of a good one; `block` stands for the whole header block.
    """

    what: str
    rule: str
    field: str | None = None
    type: str = "call.offered"
    id: str | None = None
    body: bytes | dict[str, Any] = b"{}"
    topic: str = "call"
    headers: dict[str, str | None] | None = None
    block: bytes | None = None
    bare: bool = False
    centre: str = ""

    def subject(self, centre: str, number: int) -> bytes:
        """Where it is published."""
        return f"inbox.{self.centre or centre}.{self.topic}.{self.id or f'n{number}'}".encode()

    def header_block(self, number: int) -> bytes | None:
        """Its headers, None for a message that has none at all."""
        if self.bare or self.block is not None:
            return self.block
        attributes: dict[str, str | None] = {**ATTRIBUTES, "ce-id": f"bad-{number}", "ce-type": self.type}
        attributes |= self.headers or {}
        return _lines({name: value for name, value in attributes.items() if value is not None})

    @property
    def content(self) -> bytes:
        """Its body."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


M, U = "malformed", "unknown-type"
_GOOD = _lines(ATTRIBUTES | {"ce-id": "whole"})


def _with(line: bytes, without: bytes = b"\0") -> bytes:
    """A good header block with a line more, and without the lines that begin so."""
    kept = [each for each in _GOOD.split(b"\r\n") if each and not each.startswith(without)]
    return b"\r\n".join([*kept, line]) + b"\r\n\r\n"


def structured(
    what: str,
    rule: str,
    field: str | None = None,
    *,
    kind: str = "application/cloudevents+json",
    without: str = "",
    about: str | None = None,
    body: bytes | None = None,
    beside: dict[str, str] | None = None,
    **members: Any,
) -> Bad:
    """A fact in the structured mode: a good one with other members, or without one, or another body altogether."""
    good = {"specversion": "1.0", "id": f"structured {what}", "source": "/tests/bad", "type": "call.offered",
            "data": {"queue": "main"}}  # fmt: skip
    event = {name: value for name, value in (good | members).items() if name != without or name in members}
    content = json.dumps(event).encode() if body is None else body
    block = _lines({"Content-Type": kind} | (beside or {}))
    return Bad(f"structured: {what}", rule, field, id=about, body=content, block=block)


FACTS = [
    # bodies that are no JSON object of the right shape
    Bad("no JSON", M, "data", body=b"hello"),
    Bad("an empty body", M, "data", body=b""),
    Bad("JSON cut short", M, "data", body=b'{"queue": "ma'),
    Bad("two JSON texts", M, "data", body=b"{}{}"),
    Bad("a JSON list", M, "data", body=b"[]"),
    Bad("a JSON null", M, "data", body=b"null"),
    Bad("a byte order mark", M, "data", body=b"\xef\xbb\xbf{}"),
    Bad("UTF-16", M, "data", body='{"queue": "main"}'.encode("utf-16")),
    Bad("invalid UTF-8 in a text", M, "data", body=b'{"queue": "ma\xffin"}'),
    Bad("a lone surrogate", M, "data", body=b'{"queue": "\\ud800"}'),
    Bad("a control character in a text", M, "data", body=b'{"queue": "ma\x01in"}'),
    Bad("NUL bytes", M, "data", body=b"\0" * 100),
    Bad("lists in lists", M, "data", body=b"[" * 100_000),
    Bad("objects in objects", M, "x", body=b'{"x":' * 150 + b"1" + b"}" * 150),
    Bad("a field that nobody knows", M, "colour", body={"colour": "red"}),
    Bad("a field whose name is blank", M, None, body={"   ": 1}),
    Bad("a field with a very long name", M, "x" * 200, body={"x" * 5_000: 1}),
    Bad("a number for a text", M, "queue", body={"queue": 7}),
    Bad("a text that is only blanks", M, "queue", body={"queue": "   "}),
    Bad("a text that is too long", M, "queue", body={"queue": "q" * 201}),
    Bad("a list for a text", M, "queue", body={"queue": ["main"]}),
    Bad("a language that nobody speaks", M, "language", body={"language": "tlh"}),
    Bad("a number that is no number", M, "special_treatment", body=b'{"special_treatment": NaN}'),
    Bad("a number without end", M, "tier", "agent.signed_in", body=b'{"name":"x","tier":Infinity}',
        topic="agent"),
    Bad("a number of a thousand digits", M, "tier", "agent.signed_in", topic="agent",
        body=b'{"name":"x","tier":' + b"9" * 1000 + b"}"),
    Bad("a phone that is none", M, "from", body={"from": "call me"}),
    Bad("a required field missing", M, "category", "request.stated", "talking", {"text": "fuga"}),
    Bad("a kind of matter that is none", M, "category", "request.stated", "talking", {"text": "x",
        "category": "x"}),
    Bad("duplicate keys, of which the last counts", ACCEPTED, body=b'{"queue": "main", "queue": "other"}'),
    Bad("an escaped control character", ACCEPTED, body=b'{"queue": "a\\u0000b\\u001bc"}'),
    Bad("half of a megabyte of nothing", M, "data", body=b" " * 300_000 + b"{"),
    Bad("tens of thousands of phones", M, "data", "customer.registered", topic="customer",
        body={"name": "x", "kind": "supplier", "phones": ["600123456"] * 30_000}),
    # attributes missing one by one, wrong, or far too long
    Bad("no headers at all", M, "headers", bare=True),
    Bad("headers without a line", M, "headers", block=b"NATS/1.0\r\n\r\n"),
    *(Bad(f"no {name}", M, name, headers={name: None})
      for name in ("ce-specversion", "ce-id", "ce-source", "ce-type")),
    *(Bad(f"an empty {name}", M, name, headers={name: ""}) for name in ("ce-id", "ce-source", "ce-type")),
    Bad("no time: it occurs now", ACCEPTED, headers={"ce-time": None}),
    Bad("no content type: it is JSON", ACCEPTED, headers={"content-type": None}),
    Bad("an old version of CloudEvents", M, "ce-specversion", headers={"ce-specversion": "0.3"}),
    Bad("a type that nobody knows", U, "ce-type", "call.teleported"),
    Bad("a type that is only blanks", U, "ce-type", headers={"ce-type": "%20%20"}),
    Bad("a later version of a type", U, "ce-dataversion", headers={"ce-dataversion": "2"}),
    Bad("version nought", U, "ce-dataversion", headers={"ce-dataversion": "0"}),
    Bad("a version that is no number", M, "ce-dataversion", headers={"ce-dataversion": "one"}),
    Bad("a version below nought", M, "ce-dataversion", headers={"ce-dataversion": "-1"}),
    Bad("a version in other digits", M, "ce-dataversion", headers={"ce-dataversion": "\uff11"}),
    Bad("a version of thirty digits", M, "ce-dataversion", headers={"ce-dataversion": "1" * 30}),
    Bad("an event's type", U, "ce-type", "caller.classified", "talking"),
    Bad("a rejection's type", U, "ce-type", "fact.rejected", "talking"),
    Bad("the log's own type", U, "ce-type", "term.taken"),
    Bad("an agent's fact on the topic of calls", U, "ce-type", "agent.available", "ana"),
    Bad("a call's fact on the topic of agents", U, "ce-type", "call.offered", "ana", topic="agent"),
    Bad("a time without an offset", M, "ce-time", headers={"ce-time": "2026-03-02T09:00:00"}),
    Bad("a date", M, "ce-time", headers={"ce-time": "2026-03-02"}),
    Bad("a time that is none", M, "ce-time", headers={"ce-time": "yesterday"}),
    Bad("the 30th of February", M, "ce-time", headers={"ce-time": "2026-02-30T09:00:00Z"}),
    Bad("a time in the year 9999", M, "ce-time", headers={"ce-time": "9999-12-31T23:59:59Z"}),
    Bad("a time beyond all years", M, "ce-time", headers={"ce-time": "9999-12-31T23:59:59-23:00"}),
    Bad("a time in the year 1", M, "ce-time", headers={"ce-time": "0001-01-01T00:00:00+23:00"}),
    Bad("plain text", M, "content-type", headers={"content-type": "text/plain"}),
    Bad("something that begins like JSON", M, "content-type",
        headers={"content-type": "application/json-seq"}),
    Bad("a content type with a parameter", ACCEPTED,
        headers={"content-type": "application/json; charset=utf-8"}),
    # the structured mode
    structured("a whole event in JSON", ACCEPTED),
    structured("an event in JSON, by the shorter name", ACCEPTED, kind="Application/CloudEvents; charset=utf-8"),
    structured("attributes that are null", ACCEPTED, subject=None, time=None, note=None),
    structured("data in base64", ACCEPTED, without="data", data_base64="eyJxdWV1ZSI6ICJtYWluIn0=",
               datacontenttype="application/json"),
    structured("no data where none is needed", ACCEPTED, without="data"),
    structured("its own headers beside it", ACCEPTED, beside={"ce-id": "other", "ce-type": "x"}),
    structured("told before, in the other mode", REPEAT, about="ringing", id="call.offered-ringing-2.000",
               source="/centralita/client"),
    structured("a batch", M, "content-type", kind="application/cloudevents-batch+json"),
    structured("another format", M, "content-type", kind="application/cloudevents+avro"),
    structured("no JSON", M, "body", body=b"specversion: 1.0"),
    structured("no object", M, "body", body=b"[]"),
    structured("UTF-16", M, "body", body='{"specversion": "1.0"}'.encode("utf-16")),
    structured("a byte order mark", M, "body", body=b'\xef\xbb\xbf{"specversion": "1.0"}'),
    structured("invalid UTF-8", M, "body", body=b'{"specversion": "1.0", "id": "\xff"}'),
    structured("lists in lists", M, "body", body=b'{"data": ' + b"[" * 100_000),
    structured("a number that is none", M, "body", body=b'{"data": {"from": NaN}}'),
    *(structured(f"no {name}", M, f"ce-{name}", without=name)
      for name in ("specversion", "id", "source", "type")),
    structured("another version of CloudEvents", M, "ce-specversion", specversion="0.3"),
    structured("a type that nobody knows", U, "ce-type", type="call.teleported"),
    structured("a time that is none", M, "ce-time", time="yesterday"),
    structured("an attribute that is an object", M, "ce-actor", actor={"name": "ana"}),
    structured("an attribute with a fraction", M, "ce-place", place=1.5),
    structured("a number beyond 32 bits", M, "ce-resends", resends=2**31),
    structured("an attribute that is half a character", M, "ce-id", id="\ud800"),
    structured("an attribute with a control character", M, "ce-id", id="a\x07"),
    structured("a name that no attribute may have", M, "ce-dataContentType", dataContentType="text/xml"),
    structured("a name that is half a character", M, "ce-\\ud800", **{"\ud800": "x"}),
    structured("an attribute twice", M, "ce-id", body=b'{"id": "1", "specversion": "1.0", "id": "2"}'),
    structured("attributes without end", M, "headers", id="x" * 10_000),
    structured("data of another type", M, "content-type", datacontenttype="text/plain", data="hello"),
    structured("bytes of no type", M, "content-type", without="data", data_base64="e30="),
    structured("bytes that are none", M, "data_base64", without="data", data_base64="?"),
    structured("data twice", M, "data_base64", data_base64="e30="),
    structured("data that is a text with JSON in it", M, "data", data='{"queue": "main"}'),
    structured("data that is null", M, "data", data=None),
    structured("data with a field that nobody knows", M, "colour", data={"colour": "red"}),
    Bad("a control character in an id", M, "ce-id", headers={"ce-id": "a%07"}),
    Bad("an id of ten thousand characters", M, "headers", headers={"ce-id": "x" * 10_000}),
    Bad("an id of 20,000 letters that grow when escaped", M, "headers", headers={"ce-id": "ñ" * 20_000}),
    Bad("as many headers as the server takes", M, "headers",
        headers={f"x-{n}": "x" * 1_000 for n in range(60)}),
    Bad("an actor without end", REFUSED, "maximum allowed of 64k", headers={"ce-actor": "x" * 100_000}),
    # header blocks that no client library would send
    Bad("invalid UTF-8 in the id", M, "ce-id", block=_with(b"ce-id: \xff\xfe", b"ce-id")),
    Bad("invalid UTF-8, escaped", M, "ce-id", headers={"ce-id": "%FF%FE"}),
    Bad("invalid UTF-8 in a header nobody reads", ACCEPTED, block=_with(b"x-note: \xff\r\nce-id: note",
        b"ce-id")),
    Bad("a header line without a colon", ACCEPTED, block=_with(b"nonsense\r\nce-id: colon", b"ce-id")),
    Bad("a header name with a blank", M, "ce-type", block=_with(b"bad name: x", b"ce-type")),
    Bad("a header name that is no ASCII", M, "ce-type", block=_with(b"\xc3\xb1: x", b"ce-type")),
    Bad("a header without a name", M, "ce-type", block=_with(b": x", b"ce-type")),
    Bad("control characters in the type", U, "ce-type", block=_with(b"ce-type: call\x01\x1b[31m",
        b"ce-type")),
    Bad("the same attribute twice", M, "ce-type", block=_with(b"x-a: 1\r\nX-A: 2\r\nx-a: 3", b"ce-type")),
    Bad("a header that pretends to be the server's", ACCEPTED,
        block=_with(b"Status: 409\r\nDescription: Consumer Deleted\r\nce-id: status", b"ce-id")),
    Bad("a heartbeat", ACCEPTED, block=_with(b"Status: 100\r\nce-id: heartbeat", b"ce-id")),
    Bad("a status line", M, "headers", block=b"NATS/1.0 409 Consumer Deleted\r\n\r\n"),
    Bad("a status line with attributes", ACCEPTED,
        block=_with(b"ce-id: inline", b"ce-id").replace(b"NATS/1.0", b"NATS/1.0 100 Idle", 1)),
    Bad("no status line", M, "headers", block=b"ce-id: 1\r\n\r\n"),
    Bad("a header block of two bytes", M, "headers", block=b"\r\n"),
    # ids that cannot stand in a subject, and places where nobody reads
    Bad("an id of two tokens", M, "subject", id="a.b"),
    Bad("an id that is reserved: term", M, "subject", id="term"),
    Bad("an id that is reserved: rejected", M, "subject", id="rejected"),
    Bad("an id that is another aggregate's", M, "subject", id="ticket:1"),
    Bad("an id that is a telephone number", M, "subject", id="+34600123456"),
    Bad("an id that is too long", M, "subject", id="x" * 97),
    Bad("an id beyond ASCII", M, "subject", id="señor"),
    Bad("an id with a wildcard", M, "subject", id="a*"),
    Bad("a topic that nobody reads", REFUSED, "503", topic="weather"),
    Bad("a topic without an id", REFUSED, "503", topic="call.x", id="y", centre="nowhere"),
    Bad("a centre that does not exist", REFUSED, "503", centre="nowhere"),
    Bad("more than a message may have", REFUSED, "message size exceeds", body=b" " * 600_000 + b"{}"),
    Bad("as much as a message may have", M, "data", body=b" " * (512 * 1024 - 200) + b"{"),
    # what contradicts what is recorded
    Bad("the same call again", "call-known", None, id="ringing"),
    Bad("an answer to no call", "call-unknown", None, "call.answered"),
    Bad("the end of no call", "call-unknown", None, "call.ended"),
    Bad("a caller on no call", "call-unknown", None, "caller.identified", body={"standing": "new"}),
    Bad("a try for no call", "call-unknown", None, "assignment.attempted", body={"by": "ana",
        "outcome": "accepted"}),
    Bad("a second answer", "call-answered", None, "call.answered", "talking"),
    Bad("abandoned when answered", "call-answered", None, "call.abandoned", "talking"),
    Bad("answered when over", "call-over", None, "call.answered", "over"),
    Bad("ended twice", "call-over", None, "call.ended", "over"),
    Bad("queued when over", "call-over", None, "call.queued", "over"),
    Bad("transferred when over", "call-over", None, "call.transferred", "over", {"to": "ana",
        "mode": "blind"}),
    Bad("answered when abandoned", "call-over", None, "call.answered", "left"),
    Bad("abandoned twice", "call-over", None, "call.abandoned", "left"),
    Bad("queued twice", "call-queued", None, "call.queued", "waiting"),
    Bad("dequeued without a queue", "not-queued", None, "call.dequeued", "ringing"),
    Bad("a kind that the protocol lacks", "kind-unknown", "kind", "kind.confirmed", "talking",
        {"kind": "king", "answer": True}),
    Bad("a customer of no kind", "kind-unknown", "kind", "customer.registered", "7", {"name": "x",
        "kind": "king"}, "customer"),
    Bad("a contact number that is none", "not-a-number", "phone", "contact.given", "talking",
        {"phone": "12"}),
    Bad("a customer's number that is none", "not-a-number", "phones.1", "customer.registered", "7",
        {"name": "x", "kind": "supplier", "phones": ["600123456", "(-)"]}, "customer"),
    Bad("an e-mail address that is none", M, "email", "contact.given", "talking", {"email": "nobody"}),
    Bad("a customer removed who never was", "customer-unknown", None, "customer.removed", "nobody",
        topic="customer"),
    Bad("an agent who never signed in", "agent-unknown", None, "agent.available", "nobody", topic="agent"),
    Bad("an agent who has gone", "agent-unknown", None, "agent.busy", "gone", topic="agent"),
    Bad("a clock that runs backwards", "clock-backwards", "to", "clock.advanced", "clock",
        {"to": "2026-03-02T09:00:01Z"}, "clock"),
    Bad("a clock without an offset", M, "to", "clock.advanced", "clock", {"to": "2026-03-02T10:00:00"},
        "clock"),
    Bad("a clock in the year 9999", M, "to", "clock.advanced", "clock", {"to": "9999-12-31T23:59:59Z"},
        "clock"),
    Bad("a fact told before", REPEAT, id="ringing",
        headers={"ce-id": "call.offered-ringing-2.000", "ce-source": "/centralita/client"}),
]  # fmt: skip
