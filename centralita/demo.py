"""The demo: five call centres at work, a call each that is worth watching, on the real services and the real server."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from centralita import centres, telling
from centralita.judging import Event
from centralita.operating import Operator
from centralita.playing import Failed, Playing
from centralita.scenarios import Scenario, load, protocol_of
from centralita.stack import running
from centralita.steps import Step
from centralita.verify import verify

STORIES = Path(__file__).parent / "stories"


async def demo(console: Console, *, seconds: float = 20.0) -> int:
    """Play the stories in about this many seconds on an embedded stack of its own; 0 if all went as they say."""
    began = time.monotonic()
    stories = {file.stem: load(file)[0] for file in sorted(STORIES.glob("*.yaml"))}
    pause = seconds / sum(len(story.steps) for story in stories.values())
    with tempfile.TemporaryDirectory(prefix="centralita-demo-", ignore_cleanup_errors=True) as directory:
        store = Path(directory)
        told: dict[str, list[Event]] = {}
        async with running(store) as stack, Operator(stack.url, name="/demo/operator") as client:
            console.print(
                f"nats-server and four services ready in {time.monotonic() - began:.2f} s; five centres follow, each "
                "by its own time. What services only note for themselves is left out.",
                soft_wrap=True,
            )
            try:
                for centre, story in stories.items():
                    told[centre] = await _play(client, console, centre, story, pause)
            except Failed as failed:
                console.print(str(failed), style="red", soft_wrap=True)
                return 1
            await _summary(client, console, told)
        said = {
            text
            for centre, story in stories.items()
            for text in telling.strangers(story.steps, told[centre], story.protocol)
        }
        size, found = telling.traces(store, said)
        wrong, events, compared = found, 0, 0
        async with running(store, services=()) as server, Operator(server.url) as client:
            for centre in stories:
                report = await verify(client, centre, store / "services")
                wrong += len(report.wrong)
                for difference in report.wrong:
                    print(f"wrong: {difference}")
                events += sum(report.events.values())
                compared += len(report.compared)
    console.print(
        f"\nForgotten: number, name and words of the caller who was no customer stand {found} times in the "
        f"{size / 1e6:.1f} MB that the store holds.",
        soft_wrap=True,
    )
    console.print(
        f"Stopped, started again and verified: {events} events folded anew, {compared} checkpoints and read "
        f"models compared, {wrong - found} differences. {time.monotonic() - began:.0f} s in all.",
        soft_wrap=True,
    )
    return 1 if wrong else 0


async def _play(
    client: Operator, console: Console, centre: str, story: Scenario, pause: float
) -> list[Event]:
    """Play one story in a centre that stays, telling what is recorded as it comes."""
    console.print(f"\n{centre}: {story.name}", style="bold")
    console.print(f"{story.start:%A %-d %B %Y}, {story.start.tzinfo}; {' '.join(story.rules)}\n", style="dim")
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
        before = len(self.log)
        await Playing.settle(self)
        for event in self.log[before:]:
            if shown := telling.row(event, self.scenario.start.tzinfo):
                self.console.print(shown)

    async def do(self, step: Step) -> None:
        """Do one step; a refusal that the story expects is shown, with its rule."""
        assert self.console
        await asyncio.sleep(self.pause)
        await Playing.do(self, step)
        if "refused" in step.words and self.problem:
            self.console.print(telling.refused(step, self.scenario.start.tzinfo, self.problem.detail))


async def _summary(client: Operator, console: Console, told: dict[str, list[Event]]) -> None:
    """What came of it all: figures by centre, and promises and prompts by rule."""
    table = Table(title="\nFigures by centre", title_justify="left")
    columns: dict[str, Callable[[dict[str, float | None]], str]] = {
        "offered": lambda figures: f"{figures['offered']}",
        "answered": lambda figures: f"{figures['answered']}",
        "AHT s": lambda figures: _number(figures["aht_s"]),
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
