"""Clocks that are kept beside a call, and timers of every kind: told with the call, and proved by the log alone."""

from __future__ import annotations

from centralita.commands.call import chained, story
from centralita.verify import verify
from contracts.protocol import Limits, Promise, Protocol, Row
from tests.e2e.centre import DESK, Centre, advanced, fact, offered, signed_in
from tests.e2e.conftest import Open

BUSY = Protocol(
    name="busy",
    routing=(Row(desk=DESK),),
    limits=Limits(answer_s=8, hold_s=120, hold_warning_s=10, offer_s=20, retry_s=60, contact_s=6000),
    promises=(Promise(name="reply", rule="R62", within_s=600, warn_s=60, escalate_s=(60, 120)),),
)


async def held(centre: Centre) -> None:
    """A held call that needs an owner, with a case that nobody resolves."""
    await centre.tell(signed_in("ana"))
    await centre.tell(offered("c1", 0), fact("call.answered", "c1", 5, agent="luis"))
    await centre.tell(fact("request.stated", "c1", 10, text="no abre", category="complaint"))
    await centre.command("tickets", "register", category="complaint", need="no abre", call="c1", by="luis")
    await centre.tell(fact("assignment.attempted", "c1", 15, by="ana", outcome="accepted"))
    await centre.tell(fact("call.held", "c1", 20, reason="look-up"), advanced(300))
    await centre.tell(fact("call.ended", "c1", 310), advanced(2_000))


async def test_what_is_kept_beside_a_call_belongs_to_its_story(open_centre: Open) -> None:
    """The deadlines of the call and its assignment in one answer and one story, those of its case in the ticket's."""
    centre = await open_centre(BUSY)
    await held(centre)
    assert await centre.deadlines("c1") == {
        "answer": "met",
        "hold": "breached",
        "hold-2": "breached",
        "hold-3": "cancelled",
        "offer-1": "met",
        "contact": "running",
    }
    (reply,) = (await centre.query("sla", "deadlines", ticket=1))["deadlines"]
    assert (reply["about"], reply["call"], reply["state"]) == ("ticket:1", None, "breached")
    told = await story(centre.client, centre.name, "c1")
    assert {message.aggregate for message in told} == {"c1", "assignment:c1", "ticket:1"}
    for message, _, cause in chained(told):
        if message.source.endswith("/sla"):
            assert cause, f"what {message.name} follows from"


async def test_timers_of_every_kind_are_proved_by_the_log(open_centre: Open) -> None:
    """Warnings, marks that follow missed ones and escalations are events whose cause is known."""
    centre = await open_centre(BUSY)
    await held(centre)
    names = {message.name for message in await centre.log()}
    assert {"deadline.warned", "deadline.breached", "deadline.escalated"} <= names
    assert (await verify(centre.client, centre.name)).wrong == []
