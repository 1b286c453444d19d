"""`centralita call`: the story of one call."""

from __future__ import annotations

import json as jsonlib
import re
from collections.abc import Iterator
from typing import Annotated, NamedTuple

import typer

from centralita.commands.common import (
    REFUSED,
    USAGE,
    AsJson,
    Centre,
    Nats,
    centre_of,
    connected,
    console,
    fail,
    print_json,
    run,
)
from centralita.lines import cloudevent, data_of, deadline_of, line, service_of
from centralita.operating import Operator
from contracts import registry
from eventlog.codec import Message

DEEPEST = 4


class Told(NamedTuple):
    """A message, how far down the chain of causes it stands, and the event it follows from."""

    message: Message
    depth: int
    cause: Message | None


def call(
    id: Annotated[str, typer.Argument(metavar="ID", help="The call's id.")],
    centre: Centre = None,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """Everything that happened to a call and its tickets, in order, each with its cause."""
    if not re.fullmatch(r"[A-Za-z0-9_@=+:~-]{1,96}", id):
        fail(USAGE, f"{id!r} cannot be an id: letters, digits and _ @ = + : ~ -, 96 at most")
    run(_call(id, centre_of(centre), nats, json))


async def _call(id: str, centre: str, nats: str | None, as_json: bool) -> None:
    async with connected(nats, centre) as client:
        messages = await story(client, centre, id)
    if not messages:
        fail(
            REFUSED,
            f"nothing is recorded of a call {id!r} in {centre}; centralita tail shows the ids there are",
        )
    if as_json:
        print_json({"call": id, "events": [cloudevent(message) for message in messages]})
        return
    screen = console()
    for message, depth, cause in chained(messages):
        indent = "  " * min(depth - 1, DEEPEST) + "└ " if depth else ""
        shown = line(message, indent=indent, note=_because(message, cause))
        screen.print(f"{message.seq:>6} ", end="", style="dim")
        screen.print(shown, soft_wrap=True)


async def story(client: Operator, centre: str, call: str) -> list[Message]:
    """What all services recorded of a call and of the tickets registered for it, in the log's order."""
    messages = await client.story(centre, call)
    if not messages:
        return []
    log, tickets = client.log(centre), list[str]()
    cases = [registry.log_subject(centre, "tickets", ">")]
    async for part in log.read(cases, messages[0].seq - 1, await log.last_sequence()):
        for raw in part:
            if raw.name == "ticket.registered" and jsonlib.loads(raw.data).get("call") == call:
                tickets.append(raw.message().aggregate)
    for ticket in tickets:
        messages += await client.story(centre, ticket)
    return sorted(messages, key=lambda message: message.seq)


def chained(messages: list[Message]) -> Iterator[Told]:
    """Find for each message what it follows from.

    That is the event named as its cause; for the later events of a decision on a fact, its first; for what a
    timer brought about, the setting of the deadline. Where it is a fact or command from outside: None.
    """
    known: dict[str, Message] = {}
    decisions: dict[tuple[str, str, str], Message] = {}
    depths: dict[int, int] = {}
    for message in messages:
        decision = (message.source, message.cause_source, message.cause)
        if message.cause_source:
            cause = decisions.get(decision) if message.place[0] > 1 else None
        else:
            cause = known.get(message.cause) or known.get(deadline_of(message.cause))
        known[message.id] = decisions[decision] = message
        if message.place[0] > 1 and message.cause_source and cause:
            decisions[decision] = cause
        if message.name == "deadline.set":
            known[f"{message.aggregate}.{data_of(message).get('deadline')}"] = message
        depths[message.seq] = depths[cause.seq] + 1 if cause else 0
        yield Told(message, depths[message.seq], cause)


def _because(message: Message, cause: Message | None) -> str:
    if cause:
        return f"← {cause.seq} {service_of(cause)} {cause.name}"
    if message.actor:
        return f"← command of {message.actor}"
    return f"← {message.cause} from {message.cause_source}" if message.cause_source else ""
