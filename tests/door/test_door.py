"""Centres, commands, queries and how things stand, over HTTP; and what is answered where something is wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from centralita.stack import running
from tests.door.conftest import Http, fact

PROBLEM = "application/problem+json"


async def test_a_centre_is_opened_once(http: httpx.AsyncClient) -> None:
    """PUT opens with 201, says 200 of one that is open, and GET shows it; DELETE takes it away for good."""
    name = f"c{uuid4().hex[:8]}"
    wanted = {"protocol": "insurer", "clock": "virtual"}
    first, again = [await http.put(name, json=wanted) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 200)
    shown = (await http.get(name)).json()
    assert shown.pop("position") >= 2
    assert shown == {
        "centre": name, "clock": "virtual", "protocol": {"name": "insurer", "version": 1}, "facts": 0,
        "max_waiting": 1_000_000,
    }  # fmt: skip
    assert name in (await http.get("")).json()["centres"]
    assert [(await http.delete(name)).status_code for _ in range(2)] == [204, 404]
    assert name not in (await http.get("")).json()["centres"]


async def test_a_centre_of_the_real_clock_is_not_removed(stack: Any, http: httpx.AsyncClient) -> None:
    """What was really recorded is not taken away over HTTP; without a body a centre is plain and real."""
    name = f"c{uuid4().hex[:8]}"
    assert (await http.put(name)).json()["protocol"]["name"] == "plain"
    answer = await http.delete(name)
    assert (answer.status_code, answer.json()["rule"]) == (409, "real-clock")
    assert (await http.get(name)).json()["clock"] == "real"


async def test_a_protocol_comes_whole(http: httpx.AsyncClient) -> None:
    """A centre works by a protocol of its own that comes with the request."""
    name = f"c{uuid4().hex[:8]}"
    protocol = {"name": "ours", "version": 3, "limits": {"answer_s": 6}}
    opened = await http.put(name, json={"protocol": protocol, "clock": "virtual"})
    assert (opened.status_code, opened.json()["protocol"]) == (201, {"name": "ours", "version": 3})
    await http.delete(name)


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("Acme", {}, "centre"),
        ("a" * 33, {}, "centre"),
        ("acme", [], "data"),
        ("acme", {"protocol": "/etc/passwd"}, "protocol"),
        ("acme", {"protocol": {"name": "x", "limits": {"answer_s": "x"}}}, "protocol.limits.answer_s"),
        ("acme", {"clock": "broken"}, "clock"),
        ("acme", {"colour": "red"}, "colour"),
    ],
)
async def test_a_wrong_centre_is_told(http: httpx.AsyncClient, name: str, body: Any, field: str) -> None:
    """What cannot be opened is answered with the field, and is not there afterwards."""
    answer = await http.put(name, json=body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


async def test_a_command_is_done_once(centre: Http) -> None:
    """A command answers what was recorded and by whom; under the same key it answers the same again."""
    path = f"{centre.centre}/commands/tickets/register"
    body = {"category": "complaint", "need": "No cooling", "call": "c-1", "by": "lucia"}
    headers = {"Idempotency-Key": "k-1", "X-Actor": "ana", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    await centre.events(fact("call.offered"))
    await centre.settled()
    first, again = [await centre.http.post(path, json=body, headers=headers) for _ in range(2)]
    assert first.status_code == 200, first.text
    assert first.json() == again.json()
    assert first.json()["type"] == "ticket.registered"
    (event,) = [it for it in await centre.log(service="tickets") if it.event == "ticket.registered"]
    assert int(event.id) == first.json()["position"]
    told = event.json()
    assert (told["actor"], told["cause"], told["traceparent"]) == ("ana", "k-1", headers["traceparent"])
    path, body = f"{centre.centre}/commands/tickets/comment", {"ticket": 1, "text": "Late", "by": "lucia"}
    other = await centre.http.post(path, json=body, headers=headers)
    assert (other.status_code, other.json()["rule"]) == (409, "id-taken")


async def test_a_key_is_taken_as_it_is_meant(centre: Http) -> None:
    """Quotes around it do not belong to it, encoded quotes and blanks do: none is taken for another."""
    path = f"{centre.centre}/commands/tickets/register"
    body = {"category": "complaint", "need": "No cooling", "by": "lucia"}
    keys = ("k", '"k"', "%22k%22", '"%22k%22"', "%20k%20", "%22", "%22")
    answers = [await centre.http.post(path, json=body, headers={"Idempotency-Key": key}) for key in keys]
    assert [answer.json()["data"]["number"] for answer in answers] == [1, 1, 2, 2, 3, 4, 4]


@pytest.mark.parametrize(
    ("sent", "actor"),
    [
        (b"Jos%C3%A9", "José"),
        ("José".encode(), "José"),
        (b"5%e0A", "5%e0A"),
        (b"5%0A", "5%0A"),
        (b"\xff", None),
        (b"a\tb", None),
    ],
)
async def test_an_actor_may_have_any_name(centre: Http, sent: bytes, actor: str | None) -> None:
    """Percent-encoded or in UTF-8; what only looks percent-encoded is taken as it is, what is no text is refused."""
    path = f"{centre.centre}/commands/tickets/register"
    body = {"category": "complaint", "need": "No cooling", "by": "lucia"}
    answer = await centre.http.post(path, json=body, headers={b"X-Actor": sent})
    if actor is None:
        assert (answer.status_code, answer.json()["field"]) == (400, "x-actor")
        return
    assert answer.status_code == 200, answer.text
    (event,) = [it for it in await centre.log(service="tickets") if it.event == "ticket.registered"]
    assert event.json()["actor"] == actor


async def test_a_query_waits_for_its_position(centre: Http) -> None:
    """Fields are query parameters, numbers and booleans among them; the answer is the service's own."""
    await centre.events(fact("call.offered"))
    position = await centre.settled()
    answer = await centre.http.get(
        f"{centre.centre}/queries/sla/deadlines", params={"call": "c-1", "position": position}
    )
    assert answer.status_code == 200
    assert [it["deadline"] for it in answer.json()["deadlines"]] == ["answer"]
    later = await centre.http.get(f"{centre.centre}/queries/sla/deadlines", params={"position": position + 1})
    assert (later.status_code, later.headers["retry-after"]) == (503, "1")
    status = (await centre.http.get(f"{centre.centre}/queries/intake/status")).json()
    assert (status["service"], status["centre"]) == ("intake", centre.centre)


async def test_what_nothing_is_numbered_by_is_not_there(shared: Http) -> None:
    """A number beyond all that can be stored finds nothing, as any other that was not given out."""
    for name, field in (("ticket", "ticket"), ("problem", "problem"), ("tickets", "number")):
        path, number = f"{shared.centre}/queries/tickets/{name}", 10**24
        answer = await shared.http.get(path, params={field: number})
        assert (answer.status_code, answer.json()[name]) == (200, [] if name == "tickets" else None)


UNKNOWN = {"ticket": 9, "resolution": "Mended", "by": "lucia"}


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "rule"),
    [
        ("GET", "{c}/queries/weather/status", {}, 404, "unknown-query"),
        ("GET", "{c}/queries/sla/weather", {}, 404, "unknown-query"),
        ("POST", "{c}/commands/sla/status", {"json": {}}, 404, "unknown-command"),
        ("GET", "{c}/queries/sla/deadlines?ticket=x", {}, 400, "malformed"),
        ("GET", "{c}/queries/sla/deadlines?ticket=1&ticket=2", {}, 400, "malformed"),
        ("GET", "{c}/queries/sla/deadlines?colour=red", {}, 400, "malformed"),
        ("POST", "{c}/commands/tickets/register", {"json": {}}, 400, "malformed"),
        ("POST", "{c}/commands/tickets/register", {"json": []}, 400, "malformed"),
        ("POST", "{c}/commands/tickets/register", {"content": b"{}"}, 415, "unsupported-type"),
        ("POST", "{c}/commands/tickets/register", {"json": {"x": "x" * 200_000}}, 413, "request-too-large"),
        ("POST", "{c}/commands/tickets/resolve", {"json": UNKNOWN}, 409, "ticket-unknown"),
        ("POST", "{c}/commands/tickets/resolve", {"json": UNKNOWN | {"ticket": "9"}}, 400, "malformed"),
        ("POST", "{c}/commands/tickets/resolve", {"json": UNKNOWN | {"ticket": True}}, 400, "malformed"),
        ("GET", "{c}/settled?timeout=61", {}, 400, "malformed"),
        ("GET", "{c}/settled?timeout=nan", {}, 400, "malformed"),
        ("GET", "nowhere", {}, 404, "unknown-centre"),
        ("GET", "nowhere/log", {}, 404, "unknown-centre"),
        ("GET", "nowhere/settled", {}, 404, "unknown-centre"),
        ("GET", "nowhere/queries/sla/status", {}, 404, "unknown-centre"),
        ("GET", "{c}/weather", {}, 404, "unknown-resource"),
        ("GET", "{c}/", {}, 404, "unknown-resource"),
        ("PATCH", "{c}", {}, 405, "unknown-method"),
        ("DELETE", "{c}/log", {}, 405, "unknown-method"),
        ("BREW", "", {}, 405, "unknown-method"),
    ],
)
async def test_every_error_is_a_problem(
    shared: Http, method: str, path: str, more: dict[str, Any], status: int, rule: str
) -> None:
    """Whatever is wrong, unknown paths and methods included, is told as application/problem+json."""
    answer = await shared.http.request(method, path.format(c=shared.centre), **more)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM), answer.text
    assert (answer.json()["rule"], answer.json()["status"]) == (rule, status)
    assert ("allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize("path", ["", "{c}", "{c}/log", "{c}/queries/sla/status"])
async def test_a_head_is_a_get_without_a_body(shared: Http, path: str) -> None:
    """HEAD answers at once with status and type, also where a GET would go on for ever."""
    async with asyncio.timeout(5):
        answer = await shared.http.head(path.format(c=shared.centre))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith(("application/json", "text/event-stream"))


async def test_what_is_not_settled_says_why(centre: Http) -> None:
    """Where something is left to do, the answer is 503 with what is waited for, and when to ask again."""
    await centre.events(*(fact("call.offered", f"c-{n}") for n in range(300)))
    answer = await centre.http.get(f"{centre.centre}/settled", params={"timeout": 0.001})
    assert (answer.status_code, answer.json()["rule"]) == (503, "not-settled")
    assert centre.centre in answer.json()["detail"]
    assert answer.headers["retry-after"] == "1"
    await centre.settled()


async def test_a_token_is_asked_for(tmp_path: Path) -> None:
    """Where one is set, everything below /v1 wants it, and what only says that the door lives does not."""
    async with running(tmp_path, services=("intake",), door_port=0, door_token="geheim") as stack:
        assert stack.door
        async with httpx.AsyncClient(base_url=stack.door, trust_env=False) as http:
            for given in ("", "geheim", "Bearer", "Bearer falsch", "Basic geheim", "Bearer ge\u00e9"):
                answer = await http.get("", headers={"authorization": given.encode()})
                assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
                assert answer.headers["content-type"] == PROBLEM
            assert (await http.put("acme", json={})).status_code == 401
            assert (await http.get("", headers={"authorization": "bearer geheim"})).status_code == 200
            assert (await http.get(stack.door.replace("/v1", "/healthz"))).json() == {"status": "alive"}
            ready = await http.get(stack.door.replace("/v1", "/readyz"))
            assert ready.json() == {"ready": True, "services": ["intake"]}
