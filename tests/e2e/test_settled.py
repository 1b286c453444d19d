"""Settled: every fact is decided on, nothing is due, the whole log is read by every service, and not before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import protocols
from centralita import centres
from centralita.operating import Operator
from centralita.stack import running
from eventlog import errors
from tests.e2e.centre import advanced, fact, offered
from tests.e2e.stacks import Stack


async def test_what_is_settled_stays_as_it_is(stacks: Callable[[str], Stack]) -> None:
    """Whatever facts lead to is there once all is settled, and nothing follows; also in a centre made anew."""
    async with Operator(stacks("one process").url) as client:
        for _ in range(2):
            await centres.add(client.connection, "settled", protocols.load("cold-industry"), clock="virtual")
            log = client.log("settled")
            for n in range(12):
                second, call, lost = 20.0 * n, f"c{n}", f"lost{n}"
                for facts in (
                    [advanced(second), offered(call, second), offered(lost, second)],
                    [fact("call.answered", call, second, agent="ana")],
                    [advanced(second + 19)],
                ):
                    await client.publish("settled", facts)
                    assert await client.settle("settled") == await log.last_sequence()
                for about, ended in ((call, "deadline.met"), (lost, "deadline.breached")):
                    raws = await log.read_subject(f"log.settled.sla.{about}")
                    assert ended in [raw.message().name for raw in raws]
            await centres.remove(client.connection, "settled")


async def test_without_a_service_nothing_is_settled(tmp_path: Path) -> None:
    """While a service is away nothing is settled, and it is named; of a centre that is not there, so much is said."""
    async with (
        running(tmp_path, services=("intake", "routing", "tickets")) as stack,
        Operator(stack.url) as client,
    ):
        await centres.add(client.connection, "acme", protocols.load("cold-industry"))
        with pytest.raises(errors.Unavailable, match=r"no active sla is heard"):
            await client.settle("acme", timeout=1)
        with pytest.raises(errors.NoStream):
            await client.settle("nowhere", timeout=1)
