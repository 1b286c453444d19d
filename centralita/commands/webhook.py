"""`centralita webhook`: where chosen events are sent, and what became of those that nobody took."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from nats.js.errors import NotFoundError
from rich.table import Table
from rich.text import Text

from centralita.commands.common import (
    REFUSED,
    USAGE,
    AsJson,
    Centre,
    Group,
    Nats,
    centre_of,
    connected,
    console,
    fail,
    from_environment,
    print_json,
    run,
    work_alone,
)
from centralita.operating import Operator
from centralita.outlets.hooks import MOST, Hook, Hooks, Letter, hook_of
from centralita.outlets.place import Bucket, Progress

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="Chosen events sent to an HTTP endpoint: add, look, send again, remove.",
)
HttpPort = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Where /metrics is; 0: a free one; usual: nowhere.")
]
Id = Annotated[str, typer.Argument(metavar="ID", help="As `webhook list` shows it.")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to; http:// or https://.")],
    type: Annotated[
        list[str],
        typer.Option("--type", "-t", metavar="TYPE", help="An event's type or a pattern; repeatable."),
    ],
    secret: Annotated[
        str, typer.Option(metavar="WHSEC", help="Signing secret, whsec_ and base64; usual: a new one.")
    ] = "",
    after: Annotated[
        int | None,
        typer.Option(min=0, metavar="POSITION", help="Begin behind this one; usual: with what comes."),
    ] = None,
    centre: Centre = None,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """Have events sent, and print the secret that signs them."""
    hook = run(_add(centre_of(centre), nats, url, type, secret, after))
    if json:
        print_json(hook.model_dump(include={"id", "url", "types", "secret", "after"}))
    else:
        print(
            f"{hook.id}  {', '.join(hook.types)} to {hook.url}, behind position {hook.after}\nsecret  {hook.secret}"
        )


async def _add(
    centre: str, nats: str | None, url: str, types: list[str], secret: str, after: int | None
) -> Hook:
    async with connected(nats, centre) as client:
        try:
            hook = hook_of(
                url, types, await client.log(centre).last_sequence() if after is None else after, secret
            )
        except ValueError as error:
            fail(USAGE, str(error))

        def how(found: dict[str, Hook]) -> None:
            if len(found) >= MOST:
                fail(REFUSED, f"{centre} has {len(found)} webhooks, the most that there may be; remove one")
            found[hook.id] = hook

        bucket = Bucket(client.connection, centre)
        await bucket.make()
        await Hooks(bucket).change(how)
        return hook


@app.command("list")
def list_(centre: Centre = None, nats: Nats = None, json: AsJson = False) -> None:
    """List the webhooks: where each stands, how many events are on their way, set aside and behind."""
    name = centre_of(centre)
    found = run(_list(name, nats))
    if json:
        print_json({"centre": name, "webhooks": found})
        return
    if not found:
        print(f"no webhook in {name}")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("id", "state", "read", "behind", "open", "letters", "types", "url"):
        table.add_column(heading)
    for it in found:
        state = f"disabled: {it['disabled']}" if it["disabled"] else "active"
        numbers = (str(it[key]) for key in ("read", "behind", "open", "letters"))
        table.add_row(*map(Text, (it["id"], state, *numbers, " ".join(it["types"]), it["url"])))
    console().print(table)


async def _list(centre: str, nats: str | None) -> list[dict[str, Any]]:
    async with connected(nats, centre) as client:
        hooks, last = Hooks(Bucket(client.connection, centre)), await client.log(centre).last_sequence()
        found = []
        for hook in (await _known(hooks)).values():
            stored = await hooks.slot(hook).read()
            stands = Progress.of(stored) if stored else Progress(hook.after)
            kept = len(await hooks.positions(hook.id))
            numbers = {
                "read": stands.read,
                "behind": last - stands.read,
                "open": len(stands.open),
                "letters": kept,
            }
            found.append(hook.model_dump(exclude={"secret", "after"}) | numbers)
        return found


@app.command()
def enable(id: Id, centre: Centre = None, nats: Nats = None) -> None:
    """Go on with one that is disabled, from where it was."""
    run(_change(centre_of(centre), nats, id, "enable"))
    print(f"{id} goes on")


@app.command()
def remove(id: Id, centre: Centre = None, nats: Nats = None) -> None:
    """Remove one, with what is set aside of it."""
    run(_change(centre_of(centre), nats, id, "remove"))
    print(f"{id} is removed")


async def _change(centre: str, nats: str | None, id: str, what: str) -> None:
    async with connected(nats, centre) as client:
        hooks, _ = await _hook(client, centre, id)
        await (hooks.remove(id) if what == "remove" else hooks.disable(id, ""))


@app.command()
def letters(id: Id, centre: Centre = None, nats: Nats = None, json: AsJson = False) -> None:
    """List what could not be delivered and was set aside: position, event, attempts, and the last reason."""
    found = run(_letters(centre_of(centre), nats, id))
    if json:
        print_json({"webhook": id, "letters": [letter.model_dump() for letter in found]})
        return
    for it in found:
        print(f"{it.position}  {it.type}  {it.about}  {it.attempts} attempts, the last {it.at}: {it.reason}")
    if not found:
        print(f"nothing of {id} is set aside")


async def _letters(centre: str, nats: str | None, id: str) -> list[Letter]:
    async with connected(nats, centre) as client:
        hooks, _ = await _hook(client, centre, id)
        found = [await hooks.letter(id, position) for position in await hooks.positions(id)]
        return [letter for letter in found if letter]


@app.command("resend")
def resend_(
    id: Id,
    position: Annotated[
        list[int] | None, typer.Argument(metavar="POSITION…", help="Which; usual: all.")
    ] = None,
    centre: Centre = None,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """Send again what is set aside, in the order of the log; stops at the first that is not taken, with exit code 1."""
    sent, failed, reason = run(_resend(centre_of(centre), nats, id, position or []))
    if json:
        print_json({"webhook": id, "sent": sent, "failed": failed, "reason": reason})
    else:
        print(f"{len(sent)} sent" + (f"; {failed} was not taken: {reason}" if failed else ""))
    if failed:
        raise typer.Exit(REFUSED)


async def _resend(
    centre: str, nats: str | None, id: str, positions: list[int]
) -> tuple[list[int], int | None, str]:
    from centralita.outlets.sending import resend  # httpx takes a while to load

    async with connected(nats, centre) as client:
        hooks, hook = await _hook(client, centre, id)
        kept = await hooks.positions(id)
        if unknown := set(positions) - set(kept):
            fail(
                REFUSED,
                f"nothing of {id} is set aside at {min(unknown)}; see: centralita webhook letters {id}",
            )
        chosen = sorted(set(positions)) or kept
        sent, reason = await resend(hooks, hook, client.log(centre), chosen)
        return sent, chosen[len(sent)] if reason else None, reason


@app.command("run")
def run_(http_port: HttpPort = None, nats: Nats = None) -> None:
    """Send for all centres until Ctrl-C or SIGTERM, as `up` does; a second one stands by."""
    from centralita.outlets.sending import Settings, webhooks

    work_alone(webhooks(from_environment(Settings)), http_port, nats)


async def _known(hooks: Hooks) -> dict[str, Hook]:
    try:
        return await hooks.all()
    except NotFoundError:
        return {}


async def _hook(client: Operator, centre: str, id: str) -> tuple[Hooks, Hook]:
    hooks = Hooks(Bucket(client.connection, centre))
    known = await _known(hooks)
    if id not in known:
        fail(REFUSED, f"{centre} has no webhook {id!r}" + (f"; it has {', '.join(known)}" if known else ""))
    return hooks, known[id]
