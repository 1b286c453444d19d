"""The log as server-sent events: nothing left out, nothing twice, and no reader keeps anything for itself."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from httpx_sse import EventSource

from tests.door.conftest import Http, fact


async def test_a_reader_goes_on_after_the_last_event(centre: Http) -> None:
    """Read in pieces, each after the last id of the one before, the log is the same as in one piece."""
    await centre.events(*(fact("call.offered", f"c-{n}") for n in range(5)))
    whole = await centre.log()
    pieces, last = [], "0"
    while len(pieces) < len(whole):
        part = (await centre.log(headers={"Last-Event-ID": last}, after=99))[:3]
        pieces += part
        last = part[-1].id
    assert [(it.id, it.event, it.data) for it in pieces] == [(it.id, it.event, it.data) for it in whole]
    positions = [int(it.id) for it in whole]
    assert positions == sorted(set(positions))
    assert await centre.log(after=positions[-1]) == []


async def test_an_event_is_a_cloudevent_with_all_it_says(centre: Http) -> None:
    """Each is a CloudEvent in JSON: type, source and subject as on the log, cause and positions beside them."""
    await centre.events(fact("call.offered", id="first", queue="general"))
    (offered, classified) = (event.json() for event in await centre.log(about="c-1", service="intake"))
    assert offered["specversion"] == "1.0"
    assert (offered["type"], offered["subject"]) == ("call.offered", "c-1")
    assert offered["source"] == f"/{centre.centre}/intake"
    assert (offered["cause"], offered["causesource"], offered["place"]) == ("first", "/pbx", "1/2")
    assert (offered["sequence"], offered["inbox"]) == ("0000000001", "1")
    assert classified["place"] == "2/2"
    assert offered["data"]["queue"] == "general"


async def test_no_text_ends_a_line(centre: Http) -> None:
    """What is told is ASCII: readers that take U+2028 or U+0085 for the end of a line read events whole."""
    text = "No enfría\u2028desde\x85ayer"
    await centre.events(fact("call.offered"), fact("request.stated", text=text, category="error"))
    query = {"until": await centre.settled(), "about": "c-1"}
    told = (await centre.http.get(f"{centre.centre}/log", params=query)).content
    assert told.isascii()
    assert text in [event.json()["data"].get("text") for event in await centre.log()]


async def test_what_is_wanted_is_chosen(centre: Http) -> None:
    """By service, by several, by what it is about and up to a position; terms are nobody's concern."""
    await centre.events(fact("call.offered", "c-1"), fact("call.offered", "c-2"))
    sources = {event.json()["source"].rpartition("/")[2] for event in await centre.log()}
    assert {"centre", "intake", "sla"} <= sources
    of_two = await centre.log(service=["intake", "centre"])
    assert {it.json()["source"].rpartition("/")[2] for it in of_two} == {"intake", "centre"}
    assert {it.json()["subject"] for it in await centre.log(about="c-2")} == {"c-2"}
    assert [it.event for it in await centre.log(until=2)] == ["centre.opened", "protocol.published"]
    assert not any(name.startswith("term.") for name in await centre.names())


async def test_a_reader_hears_what_happens(centre: Http) -> None:
    """A stream without an end tells an event within a moment, and one with a later end ends there."""
    end = await centre.settled() + 2
    until = asyncio.create_task(centre.log(about="c-1", until=end))
    async with centre.http.stream("GET", f"{centre.centre}/log", params={"about": "c-1"}) as told:
        coming = EventSource(told).aiter_sse()
        first = asyncio.ensure_future(anext(coming))
        await asyncio.sleep(0.1)
        await centre.events(fact("call.offered"))
        event = await asyncio.wait_for(first, 5)
        assert event.event == "call.offered"
    assert "call.offered" in [event.event for event in await asyncio.wait_for(until, 5)]


@pytest.mark.parametrize(
    ("query", "headers", "field"),
    [
        ({"after": "x"}, {}, "after"),
        ({"after": -1}, {}, "after"),
        ({"until": "9" * 30}, {}, "until"),
        ({"service": "weather"}, {}, "service.0"),
        ({"about": "a.>"}, {}, "about"),
        ({"about": "*"}, {}, "about"),
        ({"after": [1, 2]}, {}, "after"),
        ({"colour": "red"}, {}, "colour"),
        ({}, {"Last-Event-ID": "x"}, "last-event-id"),
    ],
)
async def test_a_wrong_wish_is_told(
    nowhere: Http, query: dict[str, str], headers: dict[str, str], field: str
) -> None:
    """A parameter that is unknown or wrong is named, with 400, before anything is sent."""
    answer = await nowhere.http.get(f"{nowhere.centre}/log", params=query, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


async def test_the_log_of_a_removed_centre_ends(http: httpx.AsyncClient) -> None:
    """A reader of a centre that is removed is let go, and one that comes after is told 404."""
    await http.put("removed", json={"clock": "virtual"})
    async with http.stream("GET", "removed/log") as told:
        coming = EventSource(told).aiter_sse()
        assert (await anext(coming)).event == "centre.opened"
        assert (await http.delete("removed")).status_code == 204
        async with asyncio.timeout(10):
            assert [event.event async for event in coming][:1] == ["protocol.published"]
    assert (await http.get("removed/log")).status_code == 404
