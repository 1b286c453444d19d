"""What the JSON event format demands, of the facts that are read and of the events that are written."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

import pytest

from eventlog.codec import Malformed, headers_of
from eventlog.structured import event_in, packed, unpacked
from tests.cloudevents.judged import EVENT, structured
from tests.cloudevents.test_core import WRITTEN

WITHOUT = {name: value for name, value in EVENT.items() if name != "data"}


def written(data: bytes, content_type: str) -> dict[str, Any]:
    """An event in JSON with such data."""
    message = WRITTEN._replace(data=data, content_type=content_type)
    return packed(headers_of(message), data)


def test_all_attributes_are_members_of_the_object() -> None:
    """Extensions stand beside the others, at the top, under their own names, as texts."""
    event = written(b"{}", "application/json")
    assert {f"ce-{name}" for name in event} - {"ce-data"} == set(headers_of(WRITTEN))
    assert event["traceparent"] == WRITTEN.trace
    assert event["causesource"] == "/pbx/Málaga"  # nothing is percent-encoded in JSON
    assert event["sequence"] == "0000000003"


def test_null_is_as_good_as_absent() -> None:
    """For any attribute; where it is required, it is missing."""
    told = structured(EVENT | {"time": None, "subject": None, "actor": None, "comexample": None})[0]
    assert (told.time, told.actor) == (None, "")
    with pytest.raises(Malformed) as wrong:
        structured(EVENT | {"source": None})
    assert wrong.value.field == "ce-source"


def test_json_data_is_a_json_value() -> None:
    """Written as such, not as a text with JSON in it; so it is read, whatever JSON type it is declared to be."""
    assert written(b'{"agent": "ana"}', "application/json")["data"] == {"agent": "ana"}
    assert written(b"[1, null]", "application/problem+json; x=y")["data"] == [1, None]
    for kind in ("application/json", "text/json", "application/vnd.acme+json"):
        headers, data = unpacked(WITHOUT | {"datacontenttype": kind, "data": {"a": [1, "ñ", None]}})
        assert json.loads(data) == {"a": [1, "ñ", None]}
        assert headers["ce-datacontenttype"] == kind


def test_a_text_in_json_data_is_a_text() -> None:
    """It is not taken for a JSON document: such data is no object, and is refused."""
    assert unpacked(WITHOUT | {"data": '{"queue": "main"}'})[1] == b'"{\\"queue\\": \\"main\\"}"'
    with pytest.raises(Malformed) as wrong:
        structured(WITHOUT | {"data": '{"queue": "main"}'})
    assert wrong.value.field == "data"


def test_null_data_is_not_absent_data() -> None:
    """An explicit null is refused as no object; absent data is an object without members."""
    assert unpacked(WITHOUT | {"data": None})[1] == b"null"
    with pytest.raises(Malformed) as wrong:
        structured(WITHOUT | {"data": None})
    assert wrong.value.field == "data"
    assert structured(WITHOUT)[0].data == b"{}"


def test_other_data_is_written_in_base64() -> None:
    """With the type of what it was; data and data_base64 are never there both."""
    event = written(b"\xff\0", "application/octet-stream")
    assert b64decode(event["data_base64"]) == b"\xff\0"
    assert event["datacontenttype"] == "application/octet-stream"
    assert "data" not in event
    assert "data_base64" not in written(b"{}", "application/json")


def test_base64_is_decoded() -> None:
    """JSON that comes as bytes is read if it is declared to be JSON."""
    event = WITHOUT | {
        "datacontenttype": "application/json",
        "data_base64": b64encode(b'{"queue": "a"}').decode(),
    }
    assert structured(event)[0].data == b'{"queue": "a"}'
    for bad in ("?", "e30", 7, ["e30="]):
        with pytest.raises(Malformed) as wrong:
            structured(event | {"data_base64": bad})
        assert wrong.value.field == "data_base64"
    with pytest.raises(Malformed) as wrong:
        structured(event | {"data": {}})
    assert wrong.value.field == "data_base64"


def test_bytes_of_no_type_are_not_taken_for_json() -> None:
    """Though they look like it."""
    with pytest.raises(Malformed) as wrong:
        structured(WITHOUT | {"data_base64": b64encode(b"{}").decode()})
    assert wrong.value.field == "content-type"


def test_data_without_a_type_is_json() -> None:
    """As if application/json had been said; and so it says from here on."""
    assert unpacked(WITHOUT | {"data": 1.5})[0]["ce-datacontenttype"] == "application/json"
    assert structured(EVENT)[0].content_type == "application/json"


def test_text_data_of_another_type_is_that_text() -> None:
    """It comes out in UTF-8 as it is, for whoever takes such data: no fact does."""
    headers, data = unpacked(WITHOUT | {"datacontenttype": "text/xml", "data": "<ñ/>"})
    assert (headers["ce-datacontenttype"], data) == ("text/xml", "<ñ/>".encode())


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b'"text"', b"{", b"{}{}", b'{"a": NaN}', b'{"a": -Infinity}', b"[" * 100_000, b"\0",
     b'{"a":' * 100_000, b'{"id": ' + b"9" * 5000 + b"}", b"'"],
)  # fmt: skip
def test_a_body_that_is_no_event_is_refused(body: bytes) -> None:
    """No JSON, no object, or more of it than can be told: the body is what is wrong, and nothing breaks."""
    with pytest.raises(Malformed) as wrong:
        structured(body)
    assert wrong.value.field == "body"


def test_what_is_written_can_be_read() -> None:
    """An event in JSON comes back with the same headers and data."""
    headers = headers_of(WRITTEN)
    event = json.dumps(packed(headers, WRITTEN.data), ensure_ascii=False).encode()
    assert unpacked(event_in(event)) == (headers, WRITTEN.data)
