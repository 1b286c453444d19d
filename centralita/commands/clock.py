"""`centralita clock`: let time pass in a centre whose clock is virtual."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from centralita import clocks
from centralita.commands.common import (
    REFUSED,
    USAGE,
    AsJson,
    Nats,
    centre_of,
    connected,
    fail,
    print_json,
    run,
)
from centralita.short import duration
from eventlog.codec import moment, timestamp


def clock(
    centre: Annotated[str, typer.Argument(metavar="CENTRE", help="Which centre.")],
    to: Annotated[
        str | None,
        typer.Argument(
            metavar="+TIME|TIME", help="So much later, as +11m or +1h30m; or a time, as RFC 3339; or now."
        ),
    ] = None,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """Let time pass on a virtual clock, with all that becomes due; without a time say what it shows.

    A promise is broken once the clock is one second past its due time.
    """
    try:
        later = duration(to) if to and to.startswith("+") else None
        until = None if later is not None or to is None else datetime.now(UTC) if to == "now" else moment(to)
    except ValueError:
        fail(USAGE, f"{to!r}: expected +11m, +1h30m, a time as 2026-03-02T09:11:00Z, or now")
    now = run(_clock(centre_of(centre), later, until, nats))
    if json:
        print_json({"centre": centre, "now": timestamp(now)})
        return
    print(f"{centre} {timestamp(now)}")


async def _clock(centre: str, later: timedelta | None, until: datetime | None, nats: str | None) -> datetime:
    """Move the clock and wait until all is settled; the time that it shows then."""
    async with connected(nats, centre, patience=30.0) as client:
        if until is None:
            now = await clocks.present(client, centre)
            if now is None:
                virtual = await clocks.kind(client, centre) == "virtual"
                why = "was never set: give a time" if virtual else "is the world's"
                fail(REFUSED, f"the clock of {centre} {why}")
            if later is None:
                return now
            until = now + later
        await clocks.advance(client, centre, until)
    return until
