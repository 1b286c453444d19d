"""`centralita explain`: why a deadline stood when it did, and why it ended as it ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from centralita import centres
from centralita.commands.call import chained
from centralita.commands.common import (
    REFUSED,
    AsJson,
    Centre,
    Nats,
    centre_of,
    connected,
    fail,
    print_json,
    run,
)
from centralita.lines import cloudevent, data_of
from centralita.operating import Operator
from centralita.short import facts
from contracts import registry
from contracts.protocol import Protocol
from eventlog.codec import Message, timestamp

Proof = dict[str, Any]


def explain(
    about: Annotated[str, typer.Argument(metavar="ID", help="A call's id, or as tail shows it: ticket:7.")],
    deadline: Annotated[str | None, typer.Argument(help="Its name; without it, all.")] = None,
    centre: Centre = None,
    nats: Nats = None,
    json: AsJson = False,
) -> None:
    """Prove a deadline: what set it, under which rule, protocol and calendar, what ended it, and by which clock."""
    proofs = run(_explain(about, deadline, centre_of(centre), nats))
    if json:
        print_json({"about": about, "deadlines": proofs})
        return
    for number, proof in enumerate(proofs):
        if number:
            print()
        print(f"{proof['deadline']} of {proof['of']}, rule {proof['rule']}: {proof['state']}")
        for name, text in _lines(proof):
            print(f"  {name:<10} {text}")


async def _explain(about: str, deadline: str | None, centre: str, nats: str | None) -> list[Proof]:
    async with connected(nats, centre) as client:
        story = await client.story(centre, about)
        versions = {
            protocol.version: protocol for protocol in await centres.protocols_of(client.connection, centre)
        }
        wanted = [
            message
            for message in story
            if message.name == "deadline.set" and deadline in (None, data_of(message)["deadline"])
        ]
        if not story:
            fail(
                REFUSED,
                f"nothing is recorded of {about!r} in {centre}; centralita tail shows the ids there are",
            )
        if not wanted:
            names = sorted({data_of(it)["deadline"] for it in story if it.name == "deadline.set"})
            which = f"it has {', '.join(names)}" if names else "it has none"
            fail(REFUSED, f"{about} has no deadline {deadline or ''} in {centre}: {which}".replace("  ", " "))
        causes = {told.message.seq: told.cause for told in chained(story)}
        return [await _proof(client, centre, story, causes, each, versions) for each in wanted]


async def _proof(
    client: Operator,
    centre: str,
    story: Sequence[Message],
    causes: dict[int, Message | None],
    made: Message,
    versions: dict[int, Protocol],
) -> Proof:
    data = data_of(made)
    ends = [
        message
        for message in story
        if message.aggregate == made.aggregate
        and message.seq > made.seq
        and message.name.startswith("deadline.")
        and data_of(message).get("deadline") == data["deadline"]
    ]
    protocol = versions.get(data["protocol"])
    return {
        "deadline": data["deadline"],
        "of": made.aggregate,
        "rule": data["rule"],
        "state": ends[-1].name.removeprefix("deadline.") if ends else "running",
        "since": data["since"],
        "due": data["due"],
        "limit_s": data["limit_s"],
        "inclusive": data.get("inclusive", True),
        "protocol": f"{protocol.name if protocol else '?'} {data['protocol']}",
        "calendar": data.get("calendar"),
        "set": await _step(client, centre, made, causes.get(made.seq)),
        "then": [await _step(client, centre, end, causes.get(end.seq)) for end in ends],
    }


async def _step(client: Operator, centre: str, message: Message, cause: Message | None) -> Proof:
    """An event of the proof, what it follows from, and what the clocks showed when it was decided."""
    clocks = {"stored": timestamp(message.stored) if message.stored else None}
    if virtual := await _virtual(client, centre, message.log):
        clocks["virtual"] = virtual
    return {
        "event": cloudevent(message),
        "cause": cloudevent(cause) if cause else None,
        "read_up_to": message.log,
        "clocks": clocks,
    }


async def _virtual(client: Operator, centre: str, position: int) -> str | None:
    """What the virtual clock stood at, as far as the writer had read."""
    subject = registry.log_subject(centre, "intake", registry.CLOCK)
    shown = [raw for raw in await client.log(centre).read_subject(subject) if raw.seq <= position]
    return str(data_of(shown[-1].message())["to"]) if shown else None


def _lines(proof: Proof) -> Iterator[tuple[str, str]]:
    edge = "still in time at that instant" if proof["inclusive"] else "too late at that instant"
    calendar = f", open time of {proof['calendar']}" if proof["calendar"] else ""
    yield "promise", f"{proof['limit_s']:g} s from {proof['since']}{calendar}: due {proof['due']}, {edge}"
    yield "protocol", proof["protocol"]
    for name, step in (("set", proof["set"]), *(("then", it) for it in proof["then"])):
        event, cause = step["event"], step["cause"]
        clocks = ", ".join(f"{kind} clock {shown}" for kind, shown in step["clocks"].items() if shown)
        yield (
            name,
            f"{event['position']} {event['type']} at {event.get('time')} {facts(event.get('data', {}))}",
        )
        if cause and cause["type"] == "deadline.set":
            yield "", f"because its time had come, as set at {cause['position']}"
        elif cause:
            kind = f"{cause['position']} {cause['source'].rpartition('/')[2]} {cause['type']}"
            yield "", f"because of {kind} at {cause.get('time')}"
        yield (
            "",
            f"decided with the log read up to {step['read_up_to']}; {clocks.replace('stored clock', 'stored')}",
        )
