"""`centralita crm`: the look-up of unknown callers, at work or tried once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from centralita.commands.common import (
    REFUSED,
    UNREACHABLE,
    USAGE,
    AsJson,
    Centre,
    Group,
    Nats,
    fail,
    from_environment,
    print_json,
    run,
    work_alone,
)
from centralita.commands.webhook import HttpPort
from centralita.settings import Settings as Environment

if TYPE_CHECKING:
    from centralita.outlets.lookup import Found, Settings

app = typer.Typer(
    cls=Group, no_args_is_help=True, help="Unknown callers looked up in a CRM; CENTRALITA_CRM says in which."
)


def _configured() -> Settings:
    from centralita.outlets.lookup import Settings  # httpx takes a while to load

    found = from_environment(Settings)
    if not found.url:
        fail(USAGE, "CENTRALITA_CRM: expected the CRM's URL with {phone} in it; it is not set")
    return found


@app.command("run")
def run_(http_port: HttpPort = None, nats: Nats = None) -> None:
    """Look callers up in all centres until Ctrl-C or SIGTERM, as `up` does; a second one stands by."""
    chosen = _configured()
    from centralita.outlets.crm import crm

    work_alone(crm(chosen), http_port, nats)


@app.command()
def ask(
    phone: Annotated[str, typer.Argument(metavar="NUMBER", help="With its country code, as +34600555101.")],
    centre: Centre = None,
    json: AsJson = False,
) -> None:
    """Ask the CRM once, and print what would be registered; nothing is."""
    found = run(_ask(_configured(), centre or Environment().centre or "", phone))
    if json:
        entry = found.entry.model_dump(mode="json") if found else None
        print_json({"customer": found.customer if found else None, "entry": entry})
    elif found:
        print(f"{found.customer}: {found.entry.name}, {found.entry.kind}, {', '.join(found.entry.phones)}")
    else:
        fail(REFUSED, "nobody has this number there")


async def _ask(settings: Settings, centre: str, phone: str) -> Found | None:
    from centralita.outlets.lookup import Crm, Failed

    try:
        async with Crm(settings) as crm:
            return await crm.ask(centre, phone)
    except Failed as error:
        fail(UNREACHABLE, f"the CRM gives no answer: {error}")
