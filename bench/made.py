"""An intake log as intake itself writes it, decided by its real core but without the service's process."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from bench import flow
from centralita.addressing import addressed
from centralita.client import Fact
from centralita.operating import Operator
from contracts import registry
from contracts.deciding import World
from eventlog.codec import Message
from eventlog.core import Core
from eventlog.decider import Arrival
from eventlog.stream import MAX_BATCH
from services.decider import Decider
from services.intake.app import SERVICE

Intake: TypeAlias = Core[World[Any, Any]]
EVENTS_PER_CALL = len(flow.EXPECTED["intake"])


async def core_of(client: Operator, centre: str) -> Intake:
    """An intake core that knows the centre's protocol and nothing else."""
    core: Intake = Core(Decider(SERVICE, centre), registry.source(centre, SERVICE.name))
    reference = registry.log_subject(centre, registry.CENTRE, centre)
    for raw in await client.log(centre).read_subject(reference):
        core.refer(raw.message())
        core.log = raw.seq
    return core


def parts(facts: Iterator[Fact]) -> Iterator[list[Fact]]:
    """Facts in lists of a thousand, whole calls each."""
    part: list[Fact] = []
    for fact in facts:
        part.append(fact)
        if len(part) == MAX_BATCH:
            yield part
            part = []
    if part:
        yield part


def decided(
    core: Intake, centre: str, facts: Sequence[tuple[str, Message]], first: int
) -> list[tuple[str, Message]]:
    """What intake records of facts stored from sequence `first` on: numbered, and each with its subject."""
    arrivals = (
        Arrival("fact", message.aggregate, message._replace(seq=seq, subject=subject))
        for seq, (subject, message) in enumerate(facts, start=first)
    )
    events = (event for arrival in arrivals for event in core.handle(arrival))
    return [(registry.log_subject(centre, SERVICE.name, event.aggregate), event) for event in events]


async def intake_log(client: Operator, centre: str, events: int) -> int:
    """Fill an empty centre with facts and at least `events` events of intake on them; how many calls."""
    core, inbox, log = await core_of(client, centre), client.inbox(centre), client.log(centre)
    calls = -(-events // EVENTS_PER_CALL)
    for part in parts(flow.facts(calls)):
        facts = [addressed(fact, centre) for fact in part]
        stored = await inbox.append(facts)
        messages = decided(core, centre, facts, stored[0])
        sequences = await log.append(messages)
        core.stored([message for _, message in messages], sequences)
        core.log = sequences[-1]  # a service reads its own part of the log too
    return calls
