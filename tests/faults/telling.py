"""Telling a centre a load as backends would: again and again until it is acknowledged, counting every ack."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from centralita.client import Fact, Refusal
from centralita.operating import Operator
from eventlog import errors
from tests.faults.load import BEFORE, CONCLUDED, Phase, Send

PATIENCE = 90.0
"""Seconds after which what is not acknowledged never will be."""


@dataclass(slots=True)
class Tally:
    """What was acknowledged: facts by id, commands by id with their answers; how often something was sent again."""

    facts: dict[str, Fact] = field(default_factory=dict)
    commands: dict[str, dict[str, Any] | str] = field(default_factory=dict)
    acks: int = 0
    again: int = 0
    refusals: set[str] = field(default_factory=set)


class Teller:
    """Publishers and whoever asks, for one centre; `control` is a client that no fault touches."""

    def __init__(self, centre: str, publishers: Sequence[Operator], control: Operator) -> None:
        self.centre, self.tally = centre, Tally()
        self._publishers, self._control = publishers, control

    async def tell(
        self, phases: Sequence[Phase], on_phase: Callable[[int], None] = lambda number: None
    ) -> None:
        """All of it, phase by phase; `on_phase` is called when one begins."""
        await self._publish(self._publishers[0], BEFORE)
        await self.settle()
        tickets: list[int] = []
        for number, phase in enumerate(phases):
            on_phase(number)
            async with asyncio.TaskGroup() as group:
                for publisher, sends in zip(self._publishers, phase.publishers, strict=True):
                    group.create_task(self._send(publisher, sends))
                group.create_task(self._comment(number, tickets))
            tickets = await self._close(number, phase)
        await self._publish(self._publishers[0], [CONCLUDED])
        await self.settle()

    async def retell(self, phases: Sequence[Phase], order: Callable[[Fact], int]) -> None:
        """The same without a fault and each fact once, in a given order within its phase."""
        await self._publish(self._publishers[0], BEFORE)
        await self.settle()
        tickets: list[int] = []
        for number, phase in enumerate(phases):
            await self._publish(self._publishers[0], sorted(phase.facts, key=order))
            await self._comment(number, tickets)
            tickets = await self._close(number, phase)
        await self._publish(self._publishers[0], [CONCLUDED])
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is left to do."""
        await self._insist(lambda: self._control.settle(self.centre, PATIENCE / 2))

    async def query(self, service: str, name: str, **data: Any) -> dict[str, Any]:
        """Ask until there is an answer."""
        answer: dict[str, Any] = await self._insist(
            lambda: self._control.query(self.centre, service, name, data)
        )
        return answer

    async def _send(self, publisher: Operator, sends: Sequence[Send]) -> None:
        for send in sends:
            await asyncio.sleep(send.pause)
            await self._publish(publisher, send.facts)

    async def _publish(self, publisher: Operator, facts: Sequence[Fact]) -> None:
        stored = await self._insist(lambda: publisher.publish(self.centre, facts))
        self.tally.acks += stored
        self.tally.facts |= {fact.id: fact for fact in facts}

    async def _close(self, number: int, phase: Phase) -> list[int]:
        """The clock goes on; when all is settled a case is opened, and the numbers of all are known."""
        await self._publish(self._publishers[0], [phase.clock])
        await self.settle()
        opened = {"category": "error", "need": f"fuga {number}", "customer": "42", "by": "luis"}
        await self._command("register", f"register-{number}", opened)
        await self.settle()
        return [each["ticket"] for each in (await self.query("tickets", "tickets"))["tickets"]]

    async def _comment(self, phase: int, tickets: Sequence[int]) -> None:
        for number in tickets[:6]:
            said = {"ticket": number, "text": f"visto en {phase}", "by": "ana"}
            await self._command("comment", f"comment-{phase}-{number}", said)

    async def _command(self, verb: str, id: str, data: dict[str, Any]) -> None:
        asker = self._publishers[-1]
        try:
            answer = await self._insist(lambda: asker.command(self.centre, "tickets", verb, data, id=id))
        except Refusal as refusal:
            answer = str(refusal)
        self.tally.commands[id] = answer

    async def _insist(self, work: Callable[[], Any]) -> Any:
        until, loop = asyncio.get_running_loop().time() + PATIENCE, asyncio.get_running_loop()
        while True:
            try:
                return await work()
            except (errors.LogError, Refusal) as reason:
                if isinstance(reason, Refusal) and reason.problem.status != 503:
                    raise
                if loop.time() > until:
                    raise
                self.tally.again += 1
                self.tally.refusals.add(f"{type(reason).__name__}: {reason}"[:200])
            await asyncio.sleep(0.1)
