"""Facts out of a request: CloudEvents in the binary, structured and batched modes of the HTTP binding."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from centralita.door.endpoint import header, media, unsupported
from centralita.door.limits import Limits
from centralita.door.problems import JSON, Wrong, malformed
from contracts import registry
from eventlog.codec import Malformed, Message, around, check_size, check_texts, message_of
from eventlog.headers import plain
from eventlog.structured import STRUCTURED, event_in, unpacked
from services import facts
from services.limits import Exceeded

BATCH = "application/cloudevents-batch+json"
Fact = tuple[str, Message]
"""Topic and message."""


def facts_of(request: Request, body: bytes, limits: Limits) -> list[Fact]:
    """The facts of a request, each judged; Wrong says which field of which is not as expected."""
    kind, trace = media(request), around(request.headers)
    if kind == STRUCTURED:
        return [structured(_parsed(body), trace, "")]
    if kind == BATCH:
        events = _parsed(body)
        if not isinstance(events, list):
            raise malformed("body", "an array of events")
        if len(events) > limits.events:
            found = f"the batch has {len(events)} events"
            raise Exceeded("request-too-large", 413, found, f"at most {limits.events}")
        return [structured(event, trace, f"[{number}].") for number, event in enumerate(events)]
    if kind.startswith("application/cloudevents") or kind not in ("", JSON):
        raise unsupported(kind, f"{JSON} with ce- headers, {STRUCTURED} or {BATCH}")
    names = {name for name in request.headers if name.startswith("ce-") and name != "ce-datacontenttype"}
    headers = {name: header(request, name) for name in names}
    headers |= {"ce-datacontenttype": header(request, "content-type") or JSON}
    return [_judged(headers, body, trace, "", "ce-")]


def _parsed(body: bytes) -> Any:
    try:
        return event_in(body)
    except Malformed as wrong:
        raise _wrong("", "", wrong) from None


def structured(event: Any, trace: str, where: str) -> Fact:
    """A fact out of a CloudEvent in JSON form, judged; `trace` is that of the request, `where` it stands."""
    try:
        headers, data = unpacked(event)
    except Malformed as wrong:
        raise _wrong(where, "", wrong) from None
    return _judged(headers, data, trace, where, "")


def _judged(headers: dict[str, str], data: bytes, trace: str, where: str, prefix: str) -> Fact:
    try:
        check_size(headers)
        about = plain(headers, "ce-subject")
        message = message_of(about, headers, data)
        check_texts(message)
        topic = facts.topic_of(message)
        if topic == registry.CLOCK and not about:
            about = registry.CLOCK
        facts.fact_of(message, topic)
    except Malformed as wrong:
        raise _wrong(where, prefix, wrong) from None
    try:
        facts.aggregate_of(topic, about)
    except Malformed as wrong:
        raise _wrong(where, prefix, Malformed("ce-subject", wrong.expected, wrong.found)) from None
    return topic, message._replace(aggregate=about, trace=message.trace or trace)


def _wrong(where: str, prefix: str, wrong: Malformed) -> Wrong:
    """The field as `fact.rejected` would name it; in a body that holds more than data, where it stands there."""
    field = wrong.field
    if not prefix and field == "content-type":
        field = "datacontenttype"
    elif not prefix and field.startswith("ce-"):
        field = field.removeprefix("ce-")
    elif not prefix and field == "body":
        field, where = where.rstrip(".") or field, ""
    elif not prefix and field not in ("data", "data_base64", "headers"):
        field = f"data.{field}"
    detail = f"{where}{field}: expected {wrong.expected}" + (f", found {wrong.found}" if wrong.found else "")
    rule, title = ("unknown-type", "Unknown type") if wrong.unknown else ("malformed", "Malformed")
    return Wrong(400, rule, title, detail, field=where + field, expected=wrong.expected)
