"""`centralita figures` and `centralita history`: the two questions asked most."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from centralita.commands.common import (
    AsJson,
    Centre,
    Nats,
    centre_of,
    connected,
    console,
    print_json,
    run,
)
from centralita.commands.tables import figures_table, show


class By(StrEnum):
    """What the figures are broken down by."""

    queue = "queue"
    day = "day"


def figures(
    centre: Centre = None,
    by: Annotated[By, typer.Option(help="Broken down by queue or by day.")] = By.queue,
    day: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Of this day only.")] = None,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """Calls offered, answered and abandoned, AHT, ASA and service level."""
    asked = {"by": by.value} | ({"day": day} if day else {})
    answer = run(_query(centre_of(centre), nats, "sla", "figures", asked))
    if json:
        print_json(answer)
        return
    console().print(figures_table(answer))


def history(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id.")],
    centre: Centre = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many, the newest.")] = 50,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """All tickets of a customer, in every state, and the calls that came while one was open."""
    asked = {"customer": customer, "limit": limit}
    answer = run(_query(centre_of(centre), nats, "tickets", "history", asked))
    if json:
        print_json(answer)
        return
    if not answer["tickets"] and not answer["repeats"]:
        print(f"no tickets of customer {customer}")
        return
    show(console(), answer)


async def _query(
    centre: str, nats: str | None, service: str, name: str, asked: dict[str, Any]
) -> dict[str, Any]:
    async with connected(nats, centre, patience=30.0) as client:
        return await client.query(centre, service, name, asked)
