"""The demo: a quarter of an hour at a call centre in twenty seconds, on the real services and the real server."""

from __future__ import annotations

import asyncio
import heapq
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import protocols
from centralita import centres, story
from centralita.client import Client, Fact, Refusal
from centralita.commands.tables import figures_table
from centralita.lines import data_of, line
from centralita.stack import running
from centralita.verify import verify
from eventlog.codec import Message

CENTRE = "demo"
TICK = 5.0
"""How far the virtual clock goes in one step, in seconds."""
MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
Step = tuple[float, int, Fact | tuple[str, str, dict[str, Any]]]


def steps() -> Iterator[Step]:
    """The facts and commands of the story in their order: second, number, what happens."""
    told: list[Step] = []
    for number, (second, kind, about, data) in enumerate([*story.CUSTOMERS, *story.STAFF, *story.CALLS]):
        at = MORNING + timedelta(seconds=second)
        told.append((second, number, Fact(kind, about, data, at, f"demo-{number}", "/demo/telephony")))
    for number, (second, service, verb, given) in enumerate(story.COMMANDS, start=len(told)):
        told.append((second, number, (service, verb, dict(given))))
    heapq.heapify(told)
    while told:
        yield heapq.heappop(told)


async def demo(console: Console, *, seconds: float = 20.0) -> int:
    """Run the story in about this many seconds on an embedded stack of its own; 0 if all went as it should."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="centralita-demo-", ignore_cleanup_errors=True) as directory:
        store = Path(directory)
        async with running(store) as stack, Client(stack.url, name="/demo/operator") as client:
            await centres.add(client.connection, CENTRE, protocols.load("cold-industry"), clock="virtual")
            console.print(
                f"nats-server and four services ready in {time.monotonic() - began:.2f} s. "
                f"A centre on the protocol cold-industry, a quarter of an hour of calls:\n"
            )
            seen: list[Message] = []
            grown = asyncio.Event()
            tail = asyncio.create_task(_tail(client, console, seen, grown))
            await _play(client, console, seconds)
            last = await client.settle(CENTRE)
            while not seen or seen[-1].seq < last:
                grown.clear()
                await grown.wait()
            tail.cancel()
            with suppress(asyncio.CancelledError):
                await tail
            ended = await _summary(client, console, seen)
        report_store = store / "services"
        async with running(store, services=()) as server, Client(server.url) as client:
            report = await verify(client, CENTRE, report_store)
    console.print(
        f"\nStopped, started again and verified: {sum(report.events.values())} events folded anew, "
        f"{len(report.compared)} checkpoints and read models compared, {len(report.wrong)} differences. "
        f"{time.monotonic() - began:.0f} s in all."
    )
    return 0 if ended and not report.wrong else 1


async def _play(client: Client, console: Console, seconds: float) -> None:
    """Let the story happen, its clock running ahead of the wall's by the same measure all along."""
    wall, pace, clock = time.monotonic(), seconds / story.LAST, 0.0
    for second, _, what in steps():
        while clock < second:
            clock = min(clock + TICK, second)
            await client.publish(CENTRE, [_clock(clock)])
            await asyncio.sleep(max(0.0, wall + clock * pace - time.monotonic()))
        if isinstance(what, Fact):
            await client.publish(CENTRE, [what])
            continue
        service, verb, data = what
        await client.settle(CENTRE)
        try:
            await client.command(CENTRE, service, verb, data)
        except Refusal as refusal:
            rule = refusal.problem.rule
            console.print("refused", style="bold red", end="  ")
            console.print(f"{service} {verb} {data}: {refusal} ({rule})", soft_wrap=True)
    await client.publish(CENTRE, [_clock(story.LAST)])


def _clock(second: float) -> Fact:
    at = MORNING + timedelta(seconds=second)
    return Fact("clock.advanced", "clock", {"to": at}, at, f"demo-clock-{second:g}", "/demo/clock")


async def _tail(client: Client, console: Console, seen: list[Message], grown: asyncio.Event) -> None:
    async for part in client.follow(CENTRE):
        for raw in part:
            message = raw.message()
            seen.append(message)
            if not message.name.startswith(("term.", "clock.", "centre.", "protocol.")):
                console.print(line(message), no_wrap=True, overflow="ellipsis")
        grown.set()


async def _summary(client: Client, console: Console, seen: list[Message]) -> bool:
    """Print what came of it all; says whether every case ended as told."""
    figures = await client.query(CENTRE, "sla", "figures")
    console.print("\nFigures by queue", style="bold")
    console.print(figures_table(figures))

    verdicts: Counter[tuple[str, str]] = Counter()
    for message in seen:
        if message.name.startswith("deadline.") and message.name not in ("deadline.set", "deadline.warned"):
            verdicts[data_of(message)["rule"], message.name.removeprefix("deadline.")] += 1
    console.print("\nPromises by rule", style="bold")
    table = Table()
    for head in ("rule", "met", "breached", "cancelled"):
        table.add_column(head, justify="left" if head == "rule" else "right")
    for rule in sorted({rule for rule, _ in verdicts}):
        table.add_row(rule, *(str(verdicts[rule, verdict]) for verdict in ("met", "breached", "cancelled")))
    console.print(table)

    assignments = await client.query(CENTRE, "routing", "assignments")
    owned = {
        row["call"]: f"{row['state']} {row.get('owner') or ''}".strip() for row in assignments["assignments"]
    }
    console.print("\nOwners:  " + ", ".join(f"{call} {state}" for call, state in sorted(owned.items())))
    history = await client.query(CENTRE, "tickets", "history", {"customer": "2041"})
    tickets = ", ".join(f"ticket {row['ticket']} {row['state']}" for row in history["tickets"])
    console.print(
        f"Customer 2041:  {tickets}, called again {len(history['repeats'])} time(s) while it was open"
    )
    rejected = [message for message in seen if message.name == "fact.rejected"]
    for message in rejected:
        told = data_of(message)
        console.print(
            f"Rejected:  {told['type']} of {message.aggregate}: {told['reason']}; original at {told['kept']}"
        )
    return len(rejected) == 2 and all(row["state"] == "closed" for row in history["tickets"])
