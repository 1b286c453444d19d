"""Any number of deadlines pending, one of an aggregate each, as sla itself sets them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from bench import flow
from bench.written import Written
from centralita.operating import Operator
from contracts import registry
from contracts.facts import MessageReceived
from contracts.protocol import Promise, Protocol
from eventlog.codec import Message
from eventlog.decider import Arrival
from services.sla.app import SERVICE

WITHIN = timedelta(days=3)
"""How soon the benchmark's protocol promises that a message is answered."""
PROMISE = Promise(name="reply", rule="R61", about="message", within_s=WITHIN.total_seconds())
PROTOCOL = Protocol(**{**dict(flow.PROTOCOL), "promises": (PROMISE,)})
NAME, VERSION, DATA = registry.encode(MessageReceived(channel="email", category="information"))


class Pending(Written):
    """Messages that wait for an answer; intake's own log of them is not kept."""

    def __init__(self, client: Operator, centre: str, store: Path) -> None:
        super().__init__(client, centre, SERVICE, store)
        self._count = 0

    async def set(self, dues: Iterable[datetime]) -> None:
        """Have one message each wait for an answer until then, its deadline decided and stored."""
        await self.take(dues, self._received)

    def _received(self, due: datetime) -> Arrival:
        self._count += 1
        id = f"m-{self._count:08d}"
        aggregate, source = registry.aggregate_of("message", id), registry.source(self._centre, "intake")
        subject = registry.log_subject(self._centre, "intake", aggregate)
        received = Message(
            aggregate, NAME, DATA, f"received-{id}", source, VERSION,
            time=due - WITHIN, seq=self.last, subject=subject,
        )  # fmt: skip
        return Arrival("event", aggregate, received)
