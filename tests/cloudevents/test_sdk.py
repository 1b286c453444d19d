"""Events of the official Python SDK are read, and those of the log are read by it, in every format that it has."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings import amqp, http, kafka, rabbitmq
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1.conversion import to_binary as older_to_binary
from cloudevents.v1.conversion import to_dict
from cloudevents.v1.conversion import to_json as older_to_json
from cloudevents.v1.conversion import to_structured as older_to_structured
from cloudevents.v1.http import CloudEvent as OlderEvent
from cloudevents.v1.http import from_http as older_from_http
from cloudevents.v1.http import from_json as older_from_json
from cloudevents.v1.pydantic import CloudEvent as Model
from hypothesis import given
from hypothesis import strategies as st

from contracts.facts import CallOffered
from eventlog.codec import headers_of
from eventlog.structured import STRUCTURED, packed
from tests.cloudevents.judged import binary, structured
from tests.cloudevents.test_core import WRITTEN

FORMAT = JSONFormat()
TIME = datetime(2026, 3, 2, 9, 10, 0, 250_000, tzinfo=UTC)
DATA = {"from": "600 100 200", "queue": "main – ñ"}
ATTRIBUTES: dict[str, Any] = {
    "id": 'a "b" 5% ñ 😀',
    "source": "/pbx/Málaga",
    "type": "call.offered",
    "time": TIME,
    "datacontenttype": "application/json",
    "actor": "ana",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}
PLAIN = {**ATTRIBUTES, "id": "a", "source": "/pbx", "time": "2026-03-02T09:10:00.250000Z"}
"""As the older interface has them, which encodes nothing in headers."""


def event() -> CloudEvent:
    """An event of the SDK."""
    return CloudEvent({**ATTRIBUTES, "specversion": "1.0"}, DATA)


def _http(message: http.HTTPMessage) -> tuple[dict[str, str], bytes]:
    return message.headers, message.body


WRITERS: dict[str, Callable[[], tuple[dict[str, str], bytes]]] = {
    "http, binary": lambda: _http(http.to_binary(event(), FORMAT)),
    "http, structured": lambda: _http(http.to_structured(event(), FORMAT)),
    "json": lambda: ({"content-type": FORMAT.get_content_type()}, FORMAT.write(event())),
    "kafka, structured": lambda: ({"content-type": STRUCTURED}, kafka.to_structured(event(), FORMAT).value),
    "amqp, structured": lambda: (
        {"content-type": STRUCTURED},
        amqp.to_structured(event(), FORMAT).application_data,
    ),
    "rabbitmq, structured": lambda: (
        {"content-type": STRUCTURED},
        rabbitmq.to_structured(event(), FORMAT).body,
    ),
    "bytes, structured": lambda: _http(
        http.to_structured(
            CloudEvent({**ATTRIBUTES, "specversion": "1.0"}, json.dumps(DATA).encode()), FORMAT
        )
    ),
}
OLDER: dict[str, Callable[[], tuple[dict[str, str], bytes]]] = {
    "binary": lambda: older_to_binary(OlderEvent(PLAIN, DATA)),
    "structured": lambda: older_to_structured(OlderEvent(PLAIN, DATA)),
    "json": lambda: ({"content-type": STRUCTURED}, older_to_json(OlderEvent(PLAIN, DATA))),
    "pydantic": lambda: (
        {"content-type": STRUCTURED},
        Model(attributes=PLAIN, data=DATA).model_dump_json().encode(),
    ),
}


@pytest.mark.parametrize("form", WRITERS)
def test_what_the_sdk_writes_is_read(form: str) -> None:
    """Each of its formats comes to the same fact, character by character."""
    message, data = binary(*WRITERS[form]())
    assert (message.id, message.source, message.name) == (
        ATTRIBUTES["id"],
        ATTRIBUTES["source"],
        "call.offered",
    )
    assert (message.time, message.actor, message.trace) == (TIME, "ana", ATTRIBUTES["traceparent"])
    assert data == CallOffered.model_validate(DATA)


@pytest.mark.parametrize("form", OLDER)
def test_what_the_older_interface_writes_is_read(form: str) -> None:
    """That of version 1, which the SDK still has, in each of its formats."""
    message, data = binary(*OLDER[form]())
    assert (message.id, message.source, message.time) == ("a", "/pbx", TIME)
    assert data == CallOffered.model_validate(DATA)


def as_read(read: BaseCloudEvent) -> dict[str, str]:
    """The attributes of an event of the SDK as headers."""
    message = http.to_binary(read, FORMAT)
    headers = {"ce-datacontenttype": message.headers.pop("content-type")}
    return headers | message.headers


@pytest.mark.parametrize("form", ["binary", "structured", "json", "kafka", "amqp", "rabbitmq"])
def test_what_the_log_holds_is_read_by_the_sdk(form: str) -> None:
    """An event of the log, with all its extensions, comes back from each format as it went in."""
    headers, body = headers_of(WRITTEN), WRITTEN.data
    kind = {"content-type": STRUCTURED}
    content = json.dumps(packed(headers, body), ensure_ascii=False).encode()
    media = {"content-type": headers["ce-datacontenttype"]}
    read: BaseCloudEvent
    match form:
        case "binary":
            named = {name: value for name, value in headers.items() if name != "ce-datacontenttype"}
            read = http.from_http(http.HTTPMessage(media | named, body), FORMAT)
        case "structured":
            read = http.from_http(http.HTTPMessage(kind, content), FORMAT)
        case "json":
            read = FORMAT.read(None, content)
        case "kafka":
            header = {"content-type": STRUCTURED.encode()}
            read = kafka.from_kafka(kafka.KafkaMessage(header, None, content), FORMAT)
        case "amqp":
            read = amqp.from_amqp(amqp.AMQPMessage({"content-type": STRUCTURED}, {}, content), FORMAT)
        case _:
            read = rabbitmq.from_rabbitmq(rabbitmq.RabbitMQMessage({}, STRUCTURED, content), FORMAT)
    assert as_read(read) == headers
    assert read.get_data() == json.loads(body)


@pytest.mark.parametrize("form", ["json", "structured"])
def test_what_the_log_holds_is_read_by_the_older_interface(form: str) -> None:
    """Attributes and data come back as they were."""
    event = packed(headers_of(WRITTEN), WRITTEN.data)
    content = json.dumps(event).encode()
    read = (
        older_from_json(content) if form == "json" else older_from_http({"content-type": STRUCTURED}, content)
    )
    assert to_dict(read) == event


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), min_size=1, max_size=30)


@given(TEXT, TEXT)
def test_any_text_survives_both_modes(id: str, actor: str) -> None:
    """What the SDK puts into headers, or into JSON, is what is read."""
    made = CloudEvent({**ATTRIBUTES, "specversion": "1.0", "id": id, "actor": actor}, DATA)
    for read in (
        binary(*_http(http.to_binary(made, FORMAT)))[0],
        structured(FORMAT.write(made))[0],
    ):
        assert (read.id, read.actor) == (id, actor)
