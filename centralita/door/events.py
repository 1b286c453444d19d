"""`POST /v1/{centre}/events`: facts, one or many, acknowledged once they are on disk."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from centralita.door.endpoint import Door, answer
from centralita.door.facts import facts_of
from contracts import registry
from contracts.http import Accepted, AcceptedFact

__all__ = ["published"]


async def published(door: Door, request: Request) -> Response:
    """All of them are judged before any is stored, and all are stored or none."""
    centre = request.path_params["centre"]
    async with door.room.body(request) as body:
        facts = facts_of(request, body, door.room.most)
        if not facts:
            await door.behind.centre(centre)
            return answer(Accepted(accepted=()), 202)
        addressed = [(registry.inbox_subject(centre, topic, fact.aggregate), fact) for topic, fact in facts]
        positions = await door.behind.store(centre, addressed)
    accepted = tuple(
        AcceptedFact(id=fact.id, source=fact.source, position=position)
        for (_, fact), position in zip(facts, positions, strict=True)
    )
    return answer(Accepted(accepted=accepted), 202)
