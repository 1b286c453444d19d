"""What has left memory is found again, also where it was looked for before it was there."""

from __future__ import annotations

from pathlib import Path

import protocols
from centralita import centres
from centralita.operating import Operator
from centralita.stack import running
from centralita.verify import verify
from tests.e2e.centre import Centre, advanced, fact, offered, signed_in, stated


async def test_a_call_that_was_nowhere_and_is_over_is_read_back(tmp_path: Path) -> None:
    """Routing hears of a call, knows nothing of it, gives it an owner, forgets it, and hears of it again."""
    async with running(tmp_path) as stack, Operator(stack.url) as client:
        await centres.add(client.connection, "acme", protocols.load("cold-industry"), clock="virtual")
        centre = Centre(client, "acme")
        await centre.tell(signed_in("ana"))
        core = stack.hosts["routing"].seats["acme"].runner.core
        core._closed_kept = 0
        await centre.tell(offered("c1", 1), fact("call.answered", "c1", 2, agent="luis"))
        assert "c1" not in core.seen
        await centre.tell(
            stated("c1", 3), fact("assignment.attempted", "c1", 4, by="ana", outcome="accepted")
        )
        assert "c1" in core.seen
        await centre.tell(fact("contact.made", "c1", 5, owner="ana", channel="phone", outcome="reached"))
        await centre.command("routing", "close", call="c1", by="ana")
        await centre.tell(advanced(10))
        assert "c1" not in core.tracks
        await centre.tell(fact("caller.asked_for", "c1", 11, person="Sra. Vidal"))
        recorded = await centre.names("routing", "c1")
        assert recorded[-2:] == ["call.closed", "transfer.screened"]
        assert (await verify(client, "acme", tmp_path / "services")).wrong == []
