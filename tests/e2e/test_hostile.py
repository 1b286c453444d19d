"""What clumsy or hostile users do to others: nothing."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from centralita.client import Fact, Refusal
from centralita.operating import Operator
from contracts import registry
from contracts.protocol import Limits, Protocol
from eventlog.codec import timestamp
from tests.e2e.centre import Centre
from tests.e2e.conftest import Open

NEED = {"category": "question", "need": "Horario", "by": "lucia"}


async def test_a_query_that_waits_for_a_position_holds_up_no_other(centre: Centre) -> None:
    """Whoever asks for a position that does not come is told so after a while; all others are answered meanwhile."""
    async with Operator(centre.client.url, timeout=20) as patient:
        asked = patient.query(centre.name, "tickets", "tickets", {"position": 10**9})
        waiting = asyncio.create_task(asked)
        await asyncio.sleep(0.2)
        async with asyncio.timeout(4):
            answer = await centre.client.query(centre.name, "tickets", "tickets")
        assert answer["tickets"] == []
        assert not waiting.done()
        with pytest.raises(Refusal, match="the position asked for has not come") as refused:
            await waiting
        assert refused.value.problem.status == 503


async def test_an_id_belongs_to_one_command(centre: Centre) -> None:
    """The same id again gives the first answer; for another command it is refused, and nothing is done."""
    client, name = centre.client, centre.name
    first = await client.command(name, "tickets", "register", NEED, id="one")
    assert await client.command(name, "tickets", "register", NEED, id="one") == first
    comment = {"ticket": 1, "text": "Llamar", "by": "lucia"}
    with pytest.raises(Refusal, match="another command") as refused:
        await client.command(name, "tickets", "comment", comment, id="one")
    assert (refused.value.problem.status, refused.value.problem.rule) == (409, "id-taken")


async def test_a_clock_far_ahead_is_not_believed(open_centre: Open) -> None:
    """On the real clock, a beat from the year 2099 breaks no promise that still has time."""
    centre = await open_centre(Protocol(name="slow", limits=Limits(answer_s=3600)), clock="real")
    now = datetime.now(UTC)
    await centre.client.publish(centre.name, [Fact("call.offered", "c1", {}, now)])
    await centre.client.settle(centre.name)
    later = timestamp(now + timedelta(days=20_000))
    for service in ("intake", "routing", "tickets"):
        status = await centre.client.query(centre.name, service, "status")
        beat = ["somebody", "active", status["term"], status["inbox"], status["log"], 0, later]
        subject = registry.beat_subject(centre.name, service)
        await centre.client.connection.publish(subject, json.dumps(beat).encode())
    await asyncio.sleep(0.5)
    names = [message.name for message in await centre.client.story(centre.name, "c1")]
    assert names == ["call.offered", "deadline.set"]
