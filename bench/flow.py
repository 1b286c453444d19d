"""The benchmark's call flow on our side: four facts of a call, and the events that must come of them."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from bench.report import Wrong
from centralita.client import Fact
from centralita.operating import Operator
from contracts import registry
from contracts.protocol import Cases, Limits, Protocol, Row
from eventlog.codec import Message

PROTOCOL = Protocol(
    name="bench",
    limits=Limits(answer_s=8),
    routing=(Row(desk="retail"),),
    cases=Cases(owed_for=("after_sales",)),
)
EXPECTED: dict[str, tuple[str, ...]] = {
    "intake": ("call.offered", "call.answered", "request.stated", "need.established", "call.ended"),
    "routing": ("call.unassigned", "offer.made"),
    "tickets": ("ticket.owed",),
    "sla": ("deadline.set", "deadline.met"),
}
"""What every call must leave, by service, in order; nobody is signed in, so the offer is to nobody."""
FACTS_PER_CALL = 4
EVENTS_PER_CALL = sum(map(len, EXPECTED.values()))


def call_id(n: int) -> str:
    """The id of the nth call."""
    return f"bench-{n:08d}"


def call_facts(n: int, times: tuple[datetime | None, ...] = (None,) * FACTS_PER_CALL) -> list[Fact]:
    """The four facts of the nth call; without times they occur when they are published."""
    number = f"+346{n:08d}"
    offered = {"from": number, "to": "+34931234567", "queue": "after_sales"}
    data: tuple[tuple[str, dict[str, str]], ...] = (
        ("call.offered", offered),
        ("call.answered", {"agent": f"agent-{n % 50}"}),
        ("request.stated", {"text": "the cold room gets too warm", "category": "after_sales"}),
        ("call.ended", {"by": "caller", "disposition": "resolved"}),
    )
    call = call_id(n)
    return [
        Fact(kind, call, about, time, id=f"{call}-{kind}", source="/bench")
        for (kind, about), time in zip(data, times, strict=True)
    ]


def facts(calls: int, first: int = 0) -> Iterator[Fact]:
    """The facts of so many calls, call after call."""
    for n in range(first, first + calls):
        yield from call_facts(n)


async def recorded(client: Operator, centre: str, after: int = 0) -> list[Message]:
    """Everything that the services have recorded in a centre behind a position, in order, but for their terms."""
    log = client.log(centre)
    parts = log.read([f"log.{centre}.>"], after, await log.last_sequence())
    messages = [raw.message() async for part in parts for raw in part]
    return [message for message in messages if message.aggregate not in (registry.TERM, centre)]


def check(messages: list[Message], calls: int, first: int = 0) -> None:
    """Every call from the first on has exactly its events, in order, and nothing else is there; else Wrong."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for message in messages:
        found[message.subject.split(".")[2], message.aggregate].append(message.name)
    expected = {
        (service, call_id(n)): list(names)
        for service, names in EXPECTED.items()
        for n in range(first, first + calls)
    }
    if found != expected:
        wrong = [key for key in {**expected, **found} if found.get(key) != expected.get(key)]
        one = wrong[0]
        raise Wrong(f"{len(wrong)} aggregates are not as they must be; {one} has {found.get(one)}")
