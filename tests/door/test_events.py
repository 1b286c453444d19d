"""Facts through the door: three modes of CloudEvents, judged at once, stored once."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.door.conftest import START, Http, fact

BINARY = {
    "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/pbx", "ce-type": "call.offered", "ce-subject": "c-1",
    "ce-time": START, "content-type": "application/json",
}  # fmt: skip
STRUCTURED = {"content-type": "application/cloudevents+json"}


async def test_every_mode_leads_to_the_same(centre: Http) -> None:
    """A fact in binary, structured and batched mode is accepted with its position and leaves the same events."""
    path, data = f"{centre.centre}/events", {"queue": "general"}
    binary = await centre.http.post(path, headers=BINARY, json=data)
    event = fact("call.offered", "c-2", "2", **data)
    structured = await centre.http.post(path, headers=STRUCTURED, content=json.dumps(event))
    batch = await centre.events(fact("call.offered", "c-3", "3", **data), fact("call.abandoned", "c-3", "4"))
    assert [answer.status_code for answer in (binary, structured, batch)] == [202, 202, 202]
    accepted = [it for answer in (binary, structured, batch) for it in answer.json()["accepted"]]
    assert accepted == [{"id": str(n), "source": "/pbx", "position": n} for n in (1, 2, 3, 4)]
    stories = [await centre.log(about=f"c-{n}", service="intake") for n in (1, 2, 3)]
    told = [[(event.event, event.json()["data"]) for event in story[:2]] for story in stories]
    assert told[0] == told[1] == told[2]
    assert [name for name, _ in told[0]] == ["call.offered", "caller.classified"]


async def test_the_same_again_is_accepted_and_done_once(centre: Http) -> None:
    """A source and id that come again, alone or in a batch, are accepted and lead to nothing more."""
    event = fact("call.offered", id="1")
    for events in ([event], [event], [event, event, fact("call.abandoned", id="2")]):
        assert (await centre.events(*events)).status_code == 202
    names = await centre.names(service="intake", about="c-1")
    assert (names.count("call.offered"), names.count("call.abandoned")) == (1, 1)


async def test_percent_encoded_headers_are_read(centre: Http) -> None:
    """Attributes in headers are percent-encoded, those in JSON are not, and both are the same repeat."""
    headers = BINARY | {"ce-id": "caf%C3%A9%20%25%22", "ce-subject": "c%2D1"}
    assert (await centre.http.post(f"{centre.centre}/events", headers=headers, json={})).status_code == 202
    again = await centre.events(fact("call.offered", id='café %"'))
    assert again.json()["accepted"][0]["id"] == 'café %"'
    assert (await centre.names(service="intake", about="c-1")).count("call.offered") == 1


GOOD = fact("call.offered")


@pytest.mark.parametrize(
    ("events", "field", "rule"),
    [
        ([GOOD, GOOD | {"data": {"from": 3}}], "[1].data.from", "malformed"),
        ([GOOD | {"data": {"colour": "red"}}], "[0].data.colour", "malformed"),
        ([GOOD | {"type": "call.danced"}], "[0].type", "unknown-type"),
        ([GOOD | {"type": "caller.classified"}], "[0].type", "unknown-type"),
        ([GOOD | {"dataversion": "9"}], "[0].dataversion", "unknown-type"),
        ([GOOD | {"specversion": "0.3"}], "[0].specversion", "malformed"),
        ([GOOD | {"id": ""}], "[0].id", "malformed"),
        ([GOOD | {"source": None}], "[0].source", "malformed"),
        ([GOOD | {"time": "yesterday"}], "[0].time", "malformed"),
        ([GOOD | {"time": "1969-12-31T23:59:59Z"}], "[0].time", "malformed"),
        ([GOOD | {"subject": "+34600"}], "[0].subject", "malformed"),
        ([GOOD | {"subject": "a.b"}], "[0].subject", "malformed"),
        ([GOOD | {"subject": "term"}], "[0].subject", "malformed"),
        ([GOOD | {"subject": {}}], "[0].subject", "malformed"),
        ([GOOD | {"datacontenttype": "text/xml"}], "[0].datacontenttype", "malformed"),
        ([GOOD | {"data_base64": "e30="}], "[0].data_base64", "malformed"),
        ([3], "[0]", "malformed"),
    ],
)
async def test_a_wrong_fact_is_told(nowhere: Http, events: list[Any], field: str, rule: str) -> None:
    """The field is named by its place in the batch, with what was expected there."""
    answer = await nowhere.events(*events)
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["status"]) == (400, 400)
    assert (problem["field"], problem["rule"]) == (field, rule)
    assert problem["expected"]


async def test_beside_a_wrong_fact_nothing_is_stored(centre: Http) -> None:
    """Of a batch with one wrong fact none is stored."""
    assert (await centre.events(GOOD, GOOD | {"id": "2"}, GOOD | {"id": ""})).status_code == 400
    assert (await centre.http.get(centre.centre)).json()["facts"] == 0


@pytest.mark.parametrize(
    ("changes", "body", "field", "status"),
    [
        ({"ce-type": ""}, b"{}", "ce-type", 400),
        ({"ce-time": "soon"}, b"{}", "ce-time", 400),
        ({"ce-subject": "a b"}, b"{}", "ce-subject", 400),
        ({"ce-id": "%ff"}, b"{}", "ce-id", 400),
        ({"ce-actor": "x" * 9000}, b"{}", "headers", 400),
        ({}, b'{"from": 3}', "from", 400),
        ({}, b"{", "data", 400),
        ({}, b"", "data", 400),
        ({"content-type": "text/plain"}, b"{}", "content-type", 415),
        ({"content-type": "application/cloudevents+avro"}, b"{}", "content-type", 415),
        (STRUCTURED, b"{", "body", 400),
        (STRUCTURED, b'{"id": NaN}', "body", 400),
        (STRUCTURED, b"[" * 10_000, "body", 400),
        (STRUCTURED, b'{"id": "\\ud800"}', "id", 400),
        (STRUCTURED, b"[]", "body", 400),
        ({"content-type": "application/cloudevents-batch+json"}, b"{}", "body", 400),
    ],
)
async def test_a_wrong_request_is_told(
    nowhere: Http, changes: dict[str, str], body: bytes, field: str, status: int
) -> None:
    """Headers and body that are no CloudEvent are answered with the header or field that is wrong."""
    answer = await nowhere.http.post(f"{nowhere.centre}/events", headers=BINARY | changes, content=body)
    assert (answer.status_code, answer.json()["field"]) == (status, field)


async def test_a_fact_for_nobody_is_refused(http: httpx.AsyncClient) -> None:
    """A centre that is not open, or whose name could be none, is 404, also for no facts at all."""
    for name in (f"c{uuid4().hex[:8]}", "Acme", "*", "a" * 40, "%3E"):
        for events in ([], [fact("call.offered")]):
            answer = await Http(http, name).events(*events)
            assert (answer.status_code, answer.json()["rule"]) == (404, "unknown-centre")


async def test_an_inbox_that_is_full_says_when_to_come_again(http: httpx.AsyncClient) -> None:
    """Beyond what the inbox holds the answer is 429 with Retry-After, and of a batch nothing is stored."""
    name = f"c{uuid4().hex[:8]}"
    assert (await http.put(name, json={"clock": "virtual", "max_waiting": 3})).status_code == 201
    full = Http(http, name)
    for count, status in ((4, 429), (3, 202), (1, 429)):
        answer = await full.events(*(fact("call.offered", f"c-{n}") for n in range(count)))
        assert answer.status_code == status, answer.text
    assert answer.json()["rule"] == "inbox-full"
    assert answer.headers["retry-after"] == "1"
    await http.delete(name)


async def test_what_is_too_large_is_refused(centre: Http) -> None:
    """A body beyond the door's limit, a fact beyond the inbox's and a batch of too many are 413."""
    huge = fact("call.ended", note="x" * (5 << 20))
    for events in ([huge], [fact("call.offered", f"c-{n}") for n in range(1001)]):
        answer = await centre.events(*events)
        assert (answer.status_code, answer.json()["rule"]) == (413, "request-too-large"), answer.text
    wide = b"{" + b" " * 600_000 + b"}"
    answer = await centre.http.post(f"{centre.centre}/events", headers=BINARY, content=wide)
    assert (answer.status_code, answer.json()["rule"]) == (413, "request-too-large"), answer.text

    async def endless() -> Any:
        for _ in range(100):
            yield b"x" * (1 << 16)

    answer = await centre.http.post(f"{centre.centre}/events", headers=BINARY, content=endless())
    assert answer.status_code == 413


async def test_a_trace_goes_from_request_to_event(centre: Http) -> None:
    """The traceparent of the request, or of the event itself, stands in what was recorded of it."""
    outer, own = (f"00-{n * 32}-{n * 16}-01" for n in "ab")
    path = f"{centre.centre}/events"
    await centre.http.post(path, headers=BINARY | {"traceparent": outer}, json={})
    more = {"traceparent": outer, "ce-traceparent": own, "ce-subject": "c-2", "ce-id": "2"}
    await centre.http.post(path, headers=BINARY | more, json={})
    for about, trace in (("c-1", outer), ("c-2", own)):
        for event in await centre.log(about=about):
            assert event.json()["traceparent"] == trace
