"""Whole stories on the cold-industry protocol, told to the running services over a real log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from centralita import centres
from centralita.client import Fact, Refusal
from contracts.protocol import Limits, Protocol
from contracts.registry import log_subject
from services.sla.policy import GRACE
from tests.e2e.centre import DESK, Centre, advanced, fact, offered, signed_in, stated
from tests.e2e.conftest import Open
from tests.unit.given import at

MANAGER = {"name": "Fincas Sol", "kind": "property-manager", "phones": ["600 123 456"]}


async def test_from_the_first_ring_to_the_end(centre: Centre) -> None:
    """A caller is recognised step by step, gets an owner who reaches them, and only then is it closed."""
    await centre.tell(
        fact("customer.registered", "42", 0, **MANAGER, emails=["sol@example.org"]), signed_in("ana")
    )
    await centre.tell(
        offered("c1", 1, from_="600123456"),
        fact("call.answered", "c1", 5, agent="luis"),
        fact(
            "caller.identified", "c1", 20, standing="customer", customer="42", name="Pérez", party="company"
        ),
        fact("request.stated", "c1", 60, text="la comunidad tiene una fuga", category="complaint"),
        fact("complexity.assessed", "c1", 70, complexity="low"),
        fact("call.ended", "c1", 200, by="caller"),
    )
    assert await centre.names("intake", "c1") == [
        *("call.offered", "caller.classified", "call.answered", "prompt.issued"),
        *("caller.identified", "caller.classified", "prompt.issued"),
        *("request.stated", "caller.classified", "need.established"),
        *("complexity.assessed", "call.ended"),
    ]
    classified = await centre.events("intake", "c1", "caller.classified")
    assert [(each["standing"], each["kind"]) for each in classified] == [
        ("maybe", "property-manager"),
        ("known", "property-manager"),
        ("known", "property-manager"),
    ]
    confidence = [each["confidence"] for each in classified]
    assert confidence == sorted(confidence)
    assert [p["rule"] for p in await centre.events("intake", "c1", "prompt.issued")] == ["R01", "R02"]
    assert await centre.names("tickets", "c1") == ["ticket.owed"]
    with pytest.raises(Refusal) as early:
        await centre.command("routing", "close", call="c1", by="ana")
    assert early.value.problem.rule == "R13"

    await centre.tell(fact("assignment.attempted", "c1", 210, by="ana", outcome="accepted"))
    await centre.tell(fact("contact.made", "c1", 300, owner="ana", channel="phone", outcome="no_answer"))
    with pytest.raises(Refusal) as unreached:
        await centre.command("routing", "close", call="c1", by="ana")
    assert unreached.value.problem.rule == "R13"
    await centre.tell(fact("contact.made", "c1", 900, owner="ana", channel="phone", outcome="reached"))
    closed = await centre.command("routing", "close", call="c1", by="ana")
    await centre.tell(advanced(10_000))

    assert closed["type"] == "call.closed"
    assert await centre.names("routing", "c1") == [
        *("call.unassigned", "offer.made", "call.assigned", "contact.failed", "call.contacted"),
        "call.closed",
    ]
    assert await centre.deadlines("c1") == {
        "answer": "met",
        "handling": "cancelled",
        "handling-2": "met",
        "offer-1": "met",
        "contact-retry-1": "met",
        "contact": "met",
    }
    (assignment,) = (await centre.query("routing", "assignments", owner="ana"))["assignments"]
    assert (assignment["call"], assignment["state"]) == ("c1", "closed")
    figures = (await centre.query("sla", "figures"))["queues"]["main"]
    assert (figures["answered"], figures["aht_s"]) == (1, 195.0)


async def test_a_call_without_an_owner_is_offered_until_somebody_takes_it(centre: Centre) -> None:
    """Every refusal leads to the next colleague, every silence to another try, for as long as it takes."""
    await centre.tell(offered("c1", 0), fact("call.answered", "c1", 2), stated("c1", 10))
    await centre.tell(advanced(1_000))
    assert [offer.get("to") for offer in await centre.events("routing", "c1", "offer.made")] == [None] * 4

    await centre.tell(signed_in("ana", 1_010))
    await centre.tell(signed_in("bea", 1_020))
    await centre.tell(fact("assignment.attempted", "c1", 1_030, by="ana", outcome="no_answer"))
    await centre.tell(fact("assignment.attempted", "c1", 1_040, by="bea", outcome="declined"))
    await centre.tell(advanced(1_400))
    offers = [offer.get("to") for offer in await centre.events("routing", "c1", "offer.made")]
    assert offers[4:] == ["ana", "bea", None, "ana"]
    assert (await centre.query("routing", "assignments", state="offered"))["assignments"][0]["attempt"] == 8

    await centre.tell(fact("assignment.attempted", "c1", 1_410, by="ana", outcome="accepted"))
    assert (await centre.events("routing", "c1", "call.assigned"))[0]["owner"] == "ana"
    await centre.tell(advanced(1_409 + 3_600))
    assert (await centre.deadlines("c1"))["contact"] == "running"
    await centre.tell(advanced(1_412 + 3_600))
    deadlines = await centre.deadlines("c1")
    assert (deadlines["offer-8"], deadlines["contact"]) == ("met", "breached")
    # an owner who says nothing for so long gives the call back, and a colleague is asked
    offers = [offer.get("to") for offer in await centre.events("routing", "c1", "offer.made")]
    assert offers[8:] == ["bea"]


async def test_an_instruction_ends_the_search_too(centre: Centre) -> None:
    """A colleague who says what to do leaves the call with the agent who answered it."""
    await centre.tell(signed_in("ana"))
    await centre.tell(offered("c1", 0), fact("call.answered", "c1", 2, agent="luis"), stated("c1", 10))
    said = {"by": "ana", "outcome": "instructed", "instruction": "que cierre la llave de paso"}
    await centre.tell(fact("assignment.attempted", "c1", 20, **said), advanced(1_000))
    (assigned,) = await centre.events("routing", "c1", "call.assigned")
    assert assigned == {"owner": "luis", "by": "ana", "instruction": said["instruction"]}
    assert (await centre.deadlines("c1"))["offer-1"] == "met"


async def test_special_treatment_comes_first(centre: Centre) -> None:
    """Whoever becomes free is asked about the caller treated specially, though another has waited longer."""
    await centre.tell(fact("customer.registered", "42", 0, **MANAGER, special_treatment=True))
    await centre.tell(offered("plain", 1), fact("call.answered", "plain", 2), stated("plain", 10))
    await centre.tell(
        offered("special", 20, from_="+34600123456"),
        fact("call.answered", "special", 22),
        fact("caller.identified", "special", 25, standing="customer", customer="42"),
        stated("special", 30),
    )
    assert "R07" in [prompt["rule"] for prompt in await centre.events("intake", "special", "prompt.issued")]
    await centre.tell(signed_in("ana", 40))
    (asked,) = (await centre.query("routing", "agents", desk=DESK))["agents"]
    assert asked["asked_about"] == "special"
    await centre.tell(fact("assignment.attempted", "special", 50, by="ana", outcome="accepted"))
    await centre.tell(fact("agent.available", "ana", 60))
    (asked,) = (await centre.query("routing", "agents", desk=DESK))["agents"]
    assert asked["asked_about"] == "plain"


async def test_the_life_of_a_ticket(centre: Centre) -> None:
    """A case goes through its states and no others; its history holds it all, and repeats are noted."""
    await centre.tell(fact("customer.registered", "42", 0, **MANAGER))
    call = {"standing": "customer", "customer": "42"}
    await centre.tell(
        offered("c1", 1),
        fact("call.answered", "c1", 2),
        fact("caller.identified", "c1", 3, **call),
        stated("c1", 4),
    )
    case = {
        "category": "complaint",
        "need": "fuga en la cámara",
        "call": "c1",
        "customer": "42",
        "by": "luis",
    }
    registered = await centre.command("tickets", "register", id="one", **case)
    assert registered == await centre.command("tickets", "register", id="one", **case), "the same id again"
    assert registered["data"]["number"] == 1

    async def refused(verb: str, rule: str, **more: str) -> None:
        with pytest.raises(Refusal) as refusal:
            await centre.command("tickets", verb, ticket=1, by="ana", **more)
        assert refusal.value.problem.rule == rule

    async def done(verb: str, **more: str) -> None:
        await centre.command("tickets", verb, ticket=1, by="ana", **more)

    await done("comment", text="enviado un técnico")
    await done("assign", owner="ana", desk=DESK)
    await refused("close", "ticket-not-resolved")
    await done("change_state", state="awaiting_feedback")
    await refused("resolve", "ticket-awaits-feedback", resolution="reparada")
    await done("change_state", state="in_progress")

    await centre.tell(
        offered("c2", 100),
        fact("call.answered", "c2", 102),
        fact("caller.identified", "c2", 103, **call),
        stated("c2", 110),
    )
    assert await centre.events("tickets", "c2", "repeat.noted") == [{"customer": "42", "tickets": [1]}]

    await done("resolve", resolution="reparada")
    await refused("comment", "malformed")
    await refused("change_state", "ticket-over", state="pending")
    await done("close")
    await refused("close", "ticket-not-resolved")
    await done("reopen", reason="gotea otra vez")
    await refused("reopen", "ticket-open", reason="gotea")

    history = await centre.query("tickets", "history", customer="42")
    assert [(each["ticket"], each["state"], each["owner"]) for each in history["tickets"]] == [
        (1, "reopened", "ana")
    ]
    assert [(each["call"], each["tickets"]) for each in history["repeats"]] == [("c2", [1])]
    told = (await centre.query("tickets", "ticket", ticket=1))["events"]
    assert [each["type"].removeprefix("ticket.") for each in told] == [
        *(
            "registered",
            "commented",
            "assigned",
            "state_changed",
            "state_changed",
            "resolved",
            "closed",
            "reopened",
        ),
    ]


@pytest.mark.parametrize("after", [False, True], ids=["judged by the fact", "judged by the clock too"])
async def test_deadlines_at_their_very_limits(centre: Centre, after: bool) -> None:
    """At 8.000 s an answer is late, at 4:00.000 a simple call is not, wherever the clock stands."""
    story = list[Fact]()
    for call, answer in (("in-time", 7.999), ("late", 8.0)):
        story += [offered(call, 0), fact("call.answered", call, answer)]
    for call, handled in (("short", 240.0), ("long", 240.001)):
        story += [offered(call, 0), fact("call.answered", call, 1)]
        story += [fact("complexity.assessed", call, 30, complexity="low")]
        story += [fact("call.ended", call, 1 + handled)]
    story += [offered("gone", 0), fact("call.abandoned", "gone", 7.999)]
    story += [offered("patient", 0), fact("call.queued", "patient", 1), fact("call.dequeued", "patient", 100)]
    story += [fact("call.answered", "patient", 107.999)]
    await centre.tell(story)
    if after:
        await centre.tell(advanced(20_000))
    assert (await centre.deadlines("in-time"))["answer"] == "met"
    assert (await centre.deadlines("late"))["answer"] == "breached"
    assert (await centre.deadlines("short"))["handling-2"] == "met"
    assert (await centre.deadlines("long"))["handling-2"] == "breached"
    assert await centre.deadlines("gone") == {"answer": "cancelled"}
    patient = await centre.deadlines("patient")
    assert (patient["answer"], patient["answer-2"]) == ("cancelled", "met")
    for call in ("in-time", "late", "short", "long", "gone", "patient"):
        names = await centre.names("sla", call)
        set_, ended = names.count("deadline.set"), [n for n in names if n.removeprefix("deadline.") in ENDS]
        assert len(ended) <= set_, f"{call}: a deadline ended twice"


ENDS = {"met", "breached", "cancelled", "warned"}


async def test_a_breach_waits_for_the_grace_and_what_comes_later_corrects_it(centre: Centre) -> None:
    """Nothing is broken until the clock is a second past due; a late fact corrects the verdict."""
    await centre.tell(offered("c1", 0), advanced(8.999))
    assert await centre.deadlines("c1") == {"answer": "running"}
    await centre.tell(advanced(9))
    assert await centre.names("sla", "c1") == ["deadline.set", "deadline.breached"]
    (told,) = [told for told in (await centre.aggregates())["sla c1"] if told.name == "deadline.breached"]
    assert told.time == at(8), "broken when it was due, whenever that was noticed"
    await centre.tell(fact("call.answered", "c1", 5))
    (corrected,) = await centre.events("sla", "c1", "deadline.corrected")
    assert (corrected["deadline"], corrected["verdict"]) == ("answer", "met")
    assert (await centre.names("sla", "c1"))[:3] == [
        "deadline.set",
        "deadline.breached",
        "deadline.corrected",
    ]
    assert (await centre.deadlines("c1"))["answer"] == "met"


async def test_the_same_story_twice_is_the_same_log(open_centre: Open) -> None:
    """Told again in another centre, or the same facts again in this one, a story leaves the same events."""
    first, second = await open_centre(), await open_centre()
    parts = [
        [fact("customer.registered", "42", 0, **MANAGER), *signed_in("ana")],
        [offered("c1", 1), fact("call.answered", "c1", 5), stated("c1", 10), fact("call.ended", "c1", 60)],
        [offered("c2", 1.5), fact("call.queued", "c2", 2), fact("call.abandoned", "c2", 70)],
        [fact("call.answered", "c2", 80), fact("agent.busy", "nobody", 80)],
        [advanced(2_000)],
        [fact("assignment.attempted", "c1", 2_010, by="ana", outcome="accepted")],
    ]
    for part in parts:
        await asyncio.gather(first.tell(part), second.tell(part))
    told = await first.story()
    assert told == await second.story()
    for part in parts[:4]:
        await first.tell([each for each in part if each.about not in ("c2", "nobody")])
    assert await first.story() == told


async def test_on_the_real_clock_a_promise_breaks_by_itself(
    open_centre: Open, record_property: Callable[[str, object], None]
) -> None:
    """By itself the breach is recorded when due and grace are past: never before, and soon."""
    brisk = Protocol(name="brisk", limits=Limits(answer_s=0.3))
    centre = await open_centre(brisk, clock="real")
    rung = datetime.now(UTC)
    await centre.client.publish(centre.name, [Fact("call.offered", "c1", {}, rung)])
    subject = log_subject(centre.name, "sla", "c1")

    async def breach() -> datetime:
        async for part in centre.client.log(centre.name).follow([subject], 0):
            for raw in part:
                if raw.message().name == "deadline.breached":
                    return raw.stored
        raise AssertionError("the log has ended")

    stored = await asyncio.wait_for(breach(), 15)
    lateness = (stored - (rung + timedelta(seconds=0.3) + GRACE)).total_seconds()
    record_property("lateness_s", lateness)
    assert 0 <= lateness < 1.0
    await asyncio.sleep(0.2)
    assert await centre.names("sla", "c1") == ["deadline.set", "deadline.breached"]


async def test_a_call_keeps_the_protocol_it_began_with(centre: Centre) -> None:
    """A version published in mid-call is followed by the next call, and each event names the one it followed."""
    await centre.tell(offered("old", 0), advanced(1))
    (first,) = await centres.protocols_of(centre.client.connection, centre.name)
    limits = first.limits.model_copy(update={"answer_s": 20.0})
    second = first.model_copy(update={"version": 2, "limits": limits})
    await centres.publish(centre.client.connection, centre.name, second)
    await centre.tell(offered("new", 2), stated("old", 3), stated("new", 4), advanced(30))
    followed = {
        call: {message.protocol for message in await centre.client.story(centre.name, call)}
        for call in ("old", "new")
    }
    assert followed == {"old": {1}, "new": {2}}
    limits_s = {call: (await centre.events("sla", call, "deadline.set"))[0]["limit_s"] for call in followed}
    assert limits_s == {"old": 8, "new": 20}
