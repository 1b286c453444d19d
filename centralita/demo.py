"""The demo: five call centres at work, a call each that is worth watching, on the real services and the real server."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from rich.console import Console
from rich.table import Table

from centralita import centres
from centralita.client import Client
from centralita.judging import Event
from centralita.lines import line
from centralita.playing import Failed, Playing
from centralita.scenarios import Scenario, load, protocol_of
from centralita.stack import running
from centralita.steps import Step
from centralita.verify import verify
from contracts import registry

STORIES = Path(__file__).parent / "stories"
UNTOLD = (registry.TERM, registry.CLOCK)


async def demo(console: Console, *, seconds: float = 20.0) -> int:
    """Play the stories in about this many seconds on an embedded stack of its own; 0 if all went as they say."""
    began = time.monotonic()
    stories = {file.stem: load(file)[0] for file in sorted(STORIES.glob("*.yaml"))}
    pause = seconds / sum(len(story.steps) for story in stories.values())
    with tempfile.TemporaryDirectory(prefix="centralita-demo-", ignore_cleanup_errors=True) as directory:
        store = Path(directory)
        told: dict[str, list[Event]] = {}
        async with running(store) as stack, Client(stack.url, name="/demo/operator") as client:
            console.print(
                f"nats-server and four services ready in {time.monotonic() - began:.2f} s; five centres follow."
            )
            try:
                for centre, story in stories.items():
                    told[centre] = await _play(client, console, centre, story, pause)
            except Failed as failed:
                console.print(str(failed), style="red", soft_wrap=True)
                return 1
            await _summary(client, console, told)
        wrong, events, compared = 0, 0, 0
        async with running(store, services=()) as server, Client(server.url) as client:
            for centre in stories:
                report = await verify(client, centre, store / "services")
                wrong += len(report.wrong)
                events += sum(report.events.values())
                compared += len(report.compared)
    console.print(
        f"\nStopped, started again and verified: {events} events folded anew, {compared} checkpoints and read "
        f"models compared, {wrong} differences. {time.monotonic() - began:.0f} s in all."
    )
    return 1 if wrong else 0


async def _play(client: Client, console: Console, centre: str, story: Scenario, pause: float) -> list[Event]:
    """Play one story in a centre that stays, telling what is recorded as it comes."""
    console.print(f"\n{centre}: {story.name}", style="bold")
    await centres.add(client.connection, centre, protocol_of(story.protocol), clock="virtual")
    playing = _Told(client, story, centre, lambda data: data, console=console, pause=pause)
    await playing.begin()
    for step in story.steps:
        await playing.advance(step.at)
        await playing.do(step)
    return playing.log


@dataclass(slots=True)
class _Told(Playing):
    """A scenario that is watched while it is played."""

    console: Console | None = None
    pause: float = 0.0

    async def settle(self) -> None:
        """Settle, and show what was recorded meanwhile."""
        assert self.console
        before = self.position
        await Playing.settle(self)
        if self.position > before:
            read = self.client.log(self.centre).read([f"log.{self.centre}.>"], before, self.position)
            async for part in read:
                for raw in part:
                    message = raw.message()
                    if message.aggregate not in UNTOLD and not message.name.startswith(
                        ("centre.", "protocol.")
                    ):
                        self.console.print(line(message), no_wrap=True, overflow="ellipsis")

    async def do(self, step: Step) -> None:
        """Do one step; a refusal that the story expects is shown, with its rule."""
        assert self.console
        await asyncio.sleep(self.pause)
        await Playing.do(self, step)
        if "refused" in step.words:
            when = step.at.astimezone(UTC).isoformat(" ", "milliseconds")[:23]
            self.console.print(f"{when}  ", end="", style="dim")
            self.console.print("refused ", end=" ", style="bold red")
            self.console.print(f"{step.what} [{step.words['refused']}]  {step.data}", soft_wrap=True)


async def _summary(client: Client, console: Console, told: dict[str, list[Event]]) -> None:
    """What came of it all: figures by centre, and promises and prompts by rule."""
    table = Table(title="\nFigures by centre", title_justify="left")
    columns: dict[str, Callable[[dict[str, float | None]], str]] = {
        "offered": lambda figures: f"{figures['offered']}",
        "answered": lambda figures: f"{figures['answered']}",
        "AHT s": lambda figures: _number(figures["aht_s"]),
        "ASA s": lambda figures: _number(figures["asa_s"]),
        "ACW s": lambda figures: _number(figures["acw_s"]),
    }
    for head in ("centre", *columns, "events", "prompts"):
        table.add_column(head, justify="left" if head == "centre" else "right")
    verdicts: Counter[tuple[str, str]] = Counter()
    for centre, events in told.items():
        figures = (await client.query(centre, "sla", "figures"))["queues"]["all"]
        prompts = sum(event.name == "prompt.issued" for event in events)
        shown = (tell(figures) for tell in columns.values())
        table.add_row(centre, *shown, str(len(events)), str(prompts))
        for event in events:
            if event.name.startswith("deadline.") and "rule" in event.data:
                verdicts[event.data["rule"], event.name.removeprefix("deadline.")] += 1
    console.print(table)
    kinds = ("set", "met", "warned", "breached", "cancelled")
    table = Table(title="\nPromises by rule", title_justify="left")
    for head in ("rule", *kinds):
        table.add_column(head, justify="left" if head == "rule" else "right")
    for rule in sorted({rule for rule, _ in verdicts}):
        table.add_row(rule, *(str(verdicts[rule, kind] or "") for kind in kinds))
    console.print(table)
    rejected = [
        (centre, each) for centre, events in told.items() for each in events if each.name == "fact.rejected"
    ]
    for centre, event in rejected:
        console.print(
            f"Rejected in {centre}: {event.data['type']} of {event.aggregate}: {event.data['reason']}"
        )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
