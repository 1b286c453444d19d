"""Facts out of a request: CloudEvents in the binary, structured and batched modes of the HTTP binding."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from centralita.door.endpoint import header, media, parsed, trace, unsupported
from centralita.door.limits import Limits
from centralita.door.problems import JSON, Wrong, malformed
from contracts import registry
from eventlog.codec import Malformed, Message, check_size, message_of
from services import facts
from services.limits import Exceeded

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
Fact = tuple[str, Message]
"""Topic and message."""


def facts_of(request: Request, body: bytes, limits: Limits) -> list[Fact]:
    """The facts of a request, each judged; Wrong says which field of which is not as expected."""
    kind, around = media(request), trace(request)
    if kind == STRUCTURED:
        return [_structured(parsed(body), around, "")]
    if kind == BATCH:
        events = parsed(body)
        if not isinstance(events, list):
            raise malformed("body", "an array of events")
        if len(events) > limits.events:
            found = f"the batch has {len(events)} events"
            raise Exceeded("request-too-large", 413, found, f"at most {limits.events}")
        return [_structured(event, around, f"[{number}].") for number, event in enumerate(events)]
    if kind.startswith("application/cloudevents") or kind not in ("", JSON):
        raise unsupported(kind, f"{JSON} with ce- headers, {STRUCTURED} or {BATCH}")
    names = {name for name in request.headers if name.startswith("ce-") and name != "ce-datacontenttype"}
    headers = {name: header(request, name) for name in names}
    headers |= {"ce-datacontenttype": header(request, "content-type") or JSON}
    return [_judged(headers, body, around, "", "ce-")]


def _structured(event: Any, around: str, where: str) -> Fact:
    if not isinstance(event, dict):
        raise malformed(where.rstrip(".") or "body", "an object, a CloudEvent in JSON")
    if "data_base64" in event:
        raise malformed(f"{where}data_base64", "data, in JSON")
    headers = {}
    for name, value in event.items():
        if name == "data" or value is None:
            continue
        if isinstance(value, dict | list | float):
            raise malformed(f"{where}{name}", "a text, a whole number or a boolean")
        text = value if isinstance(value, str) else json.dumps(value)
        headers[f"ce-{name}"] = text
    headers.setdefault("ce-datacontenttype", JSON)
    data = json.dumps(event.get("data", {}), ensure_ascii=False).encode()
    return _judged(_escaped(headers), data, around, where, "")


def _escaped(attributes: Mapping[str, str]) -> dict[str, str]:
    """Attributes as the headers of the binary mode hold them, where a percent sign and quotes mean something."""
    return {name: value.replace("%", "%25").replace('"', "%22") for name, value in attributes.items()}


def _judged(headers: dict[str, str], data: bytes, around: str, where: str, prefix: str) -> Fact:
    about = headers.get("ce-subject", "")
    try:
        check_size(headers)
        message = message_of(about, headers, data)
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
    return topic, message._replace(aggregate=about, trace=message.trace or around)


def _wrong(where: str, prefix: str, wrong: Malformed) -> Wrong:
    """The field as `fact.rejected` would name it; in a body that holds more than data, where it stands there."""
    field = wrong.field
    if not prefix and field == "content-type":
        field = "datacontenttype"
    elif not prefix and field.startswith("ce-"):
        field = field.removeprefix("ce-")
    elif not prefix and field not in ("data", "headers"):
        field = f"data.{field}"
    detail = f"{where}{field}: expected {wrong.expected}" + (f", found {wrong.found}" if wrong.found else "")
    rule, title = ("unknown-type", "Unknown type") if wrong.unknown else ("malformed", "Malformed")
    return Wrong(400, rule, title, detail, field=where + field, expected=wrong.expected)
