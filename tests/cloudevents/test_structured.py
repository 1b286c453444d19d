"""Facts in the structured mode among services that run: known again, rejected, set aside, resent, kept secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from centralita import deadletters
from centralita.verify import verify
from contracts import facts as f
from contracts.protocol import Protocol
from services.intake import domain as intake
from tests.cloudevents.conftest import publish
from tests.cloudevents.told import advanced, event
from tests.e2e.centre import Centre
from tests.e2e.conftest import Open

WHO = ("eva", "mended")
CALL = [
    event("agent.signed_in", "ana", 0, name="Ana", desks=["technical-service"]),
    event("agent.available", "ana", 0.5),
    event("call.offered", "c-1", 1, from_="600 100 200", queue="main"),
    event("call.answered", "c-1", 4, agent="ana"),
    event("call.greeted", "c-1", 5, agent="ana"),
    event("request.stated", "c-1", 20, text="hay una fuga de agua – ñ", category="complaint"),
    event("call.ended", "c-1", 60, by="caller"),
    advanced(900),
]


async def told(centre: Centre, events: list[dict[str, Any]], mode: str) -> dict[str, Any]:
    """What was recorded of these, by service and aggregate."""
    for each in events:
        await publish(centre, each, mode)
    await centre.client.settle(centre.name)
    return await centre.story()


async def test_the_log_is_the_same_in_either_mode(open_centre: Open) -> None:
    """A call told in binary, in structured and in both, each fact twice, leads to the same events."""
    binary = await told(await open_centre(), CALL, "binary")
    centre = await open_centre()
    structured = await told(centre, CALL, "structured")
    assert structured == binary
    assert "sla c-1 answer" in binary
    before = len(await centre.log())
    assert await told(centre, CALL, "binary") == binary  # known by source and id, whatever mode it comes in
    assert len(await centre.log()) == before
    assert (await verify(centre.client, centre.name)).wrong == []


async def test_a_rejected_event_is_kept_as_it_came_and_sent_again_mended(centre: Centre) -> None:
    """Field and reason are those of the binary mode; the original stays whole, and what is mended is its data."""
    wrong = event("call.offered", "c-9", 1, from_="call me") | {"actor": "pbx-operator"}
    await publish(centre, wrong, "structured")
    await publish(centre, wrong | {"subject": "c-8"}, "binary")
    await centre.client.settle(centre.name)
    for call in ("c-8", "c-9"):
        (rejected,) = await centre.events("intake", call, "fact.rejected")
        assert (rejected["rule"], rejected["field"]) == ("malformed", "from")
    letter = next(it for it in await deadletters.letters(centre.client, centre.name) if it.about == "c-9")
    kept = await deadletters.original(centre.client, centre.name, letter)
    assert kept
    assert json.loads(kept.data) == wrong
    mended = json.dumps({"from": "600 100 200"}).encode()
    outcome = await deadletters.resend(centre.client, centre.name, letter, *WHO, data=mended)
    assert outcome.what == "resent"
    (offered,) = await centre.events("intake", "c-9", "call.offered")
    assert offered["from"] == "+34600100200"


async def test_a_structured_event_is_set_aside_and_sent_again(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a service fails on it; once the fault is mended it leads to what it should have."""
    good, failing = intake.FACTS[f.CallAnswered], True

    def fails(world: Any, *rest: Any) -> Any:
        if failing and getattr(rest[0], "id", "") == "c-poisoned":
            raise KeyError("poison")
        return good(world, *rest)

    monkeypatch.setitem(intake.FACTS, f.CallAnswered, fails)
    await publish(centre, event("call.offered", "c-poisoned", 1))
    await publish(centre, event("call.answered", "c-poisoned", 2, agent="ana"))
    await centre.client.settle(centre.name)
    (letter,) = await deadletters.letters(centre.client, centre.name)
    assert (letter.kind, letter.type, letter.attempts) == ("fact", "call.answered", 4)
    failing = False
    assert (await deadletters.resend(centre.client, centre.name, letter, *WHO)).what == "resent"
    assert "call.answered" in await centre.names("intake", "c-poisoned")


async def test_what_is_secret_stays_so(open_centre: Open) -> None:
    """Of a stranger's event that is wrong a discreet centre keeps no original, and not a word of the producer's."""
    discreet = Protocol.model_validate({"name": "discreet", "privacy": {"non_customers": "forgotten"}})
    centre = await open_centre(discreet)
    wrong = event("call.offered", "c-1", 1, from_="call Alba") | {"soyAlba": "Alba"}
    await publish(centre, wrong)
    await publish(centre, {name: value for name, value in wrong.items() if name != "soyAlba"})
    await publish(centre, event("call.offered", "c-2", 2, from_="600 100 200"))
    await centre.client.settle(centre.name)
    rejected = await centre.events("intake", "c-1", "fact.rejected")
    assert [it.get("field") for it in rejected] == [None, "from"]
    assert all("kept" not in it for it in rejected)
    whole = b"".join(message.data for message in await centre.log())
    assert b"Alba" not in whole
    assert b"34600100200" not in whole
