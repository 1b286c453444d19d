"""The virtual clock of a centre: how it begins, where it stands, and how it is moved."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from centralita import centres
from centralita.client import Fact, Problem, Refusal
from centralita.lines import data_of
from centralita.operating import Operator
from centralita.short import START
from contracts import registry
from contracts.protocol import Protocol
from eventlog.codec import moment

__all__ = ["advance", "begin", "kind", "present", "start_of"]


def start_of(protocol: Protocol) -> datetime:
    """When a virtual clock begins unless it is told otherwise: a Monday at nine, where the protocol is at home."""
    return datetime.fromisoformat(START).replace(tzinfo=ZoneInfo(protocol.timezone))


async def begin(client: Operator, centre: str, at: datetime) -> int:
    """Set the clock of a new centre and wait until its services go by it; the log's last position."""
    return await _set(client, centre, at)


async def kind(client: Operator, centre: str) -> str:
    """Whose time a centre goes by: `real` or `virtual`."""
    return await centres.clock_of(client.log(centre), centre) or "real"


async def present(client: Operator, centre: str) -> datetime | None:
    """Where a centre's virtual clock stands; None where nobody has set it, as with every real one."""
    log, subject = client.log(centre), registry.log_subject(centre, "intake", registry.CLOCK)
    last = await log.last(subject)
    raws = [last] if last else []
    if last and last.message().name != "clock.advanced":  # what was asked of it last was refused
        raws = await log.read_subject(subject)
    told = [message for message in (raw.message() for raw in raws) if message.name == "clock.advanced"]
    return moment(data_of(told[-1])["to"]) if told else None


async def advance(client: Operator, centre: str, to: datetime) -> int:
    """Move a virtual clock and wait for all that happens until then; the log's last position.

    Refusal where the clock is the world's, or later already.
    """
    if await kind(client, centre) != "virtual":
        raise _refused("clock-real", f"{centre} goes by the real clock, which nobody advances")
    now = await present(client, centre)
    if now and to < now:
        raise _refused("clock-backwards", f"in {centre} it is {now.isoformat()} already, no clock runs back")
    return await _set(client, centre, to)


async def _set(client: Operator, centre: str, to: datetime) -> int:
    id = f"clock-{to.isoformat()}"
    await client.publish(centre, [Fact("clock.advanced", registry.CLOCK, {"to": to}, to, id)])
    return await client.settle(centre)


def _refused(rule: str, detail: str) -> Refusal:
    return Refusal(
        Problem(type=f"/problems/{rule}", title="Refused by a rule", status=409, rule=rule, detail=detail)
    )
