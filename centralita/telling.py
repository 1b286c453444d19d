"""How the demo tells what is recorded: by the centre's own time, promises by their rule, prompts in full."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from centralita.judging import Event
from centralita.lines import ALARMING, COLOURS
from centralita.playing import Protocol
from centralita.short import facts
from centralita.steps import Step
from contracts import registry
from services.sealed import marked

__all__ = ["refused", "row", "strangers", "traces"]

WIDTHS = (8, 8, 21, 17)
NOTES = frozenset({
    "agent.engaged", "agent.introduced", "call.watched", "centre.opened", "complexity.noted", "figure.counted",
    "need.noted", "product.noted", "protocol.published", "release.noted", "share.taken", "stage.ended",
})  # fmt: skip
"""What services note for themselves or for each other: true, and not worth watching."""


def row(event: Event, zone: tzinfo | None) -> Table | None:
    """One event as time, service, type, id and what it says, folded below itself; None where it is a note."""
    if event.name in NOTES or event.aggregate in (registry.TERM, registry.CLOCK):
        return None
    style = "bold red" if event.name in ALARMING else "bold"
    service = Text(event.service, COLOURS.get(event.service, ""))
    at = _clock(event.time, zone) if event.time else ""
    return _row(at, service, Text(event.name, style), event.aggregate, _said(event, zone))


def refused(step: Step, zone: tzinfo | None, why: str) -> Table:
    """A command or query that was refused as the story expects, with the rule and its reason."""
    about = next((value for value in (*step.about.values(), step.data.get("call", ""))), "")
    rule = f"{step.words['refused']} {why}"
    return _row(_clock(step.at, zone), Text("refused", "bold red"), Text(step.what, "bold red"), about, rule)


def strangers(steps: Iterable[Step], told: Sequence[Event], protocol: Protocol) -> frozenset[str]:
    """What was said on calls that a centre must forget; nothing where it forgets nobody."""
    if protocol.get("privacy", {}).get("non_customers") != "forgotten":
        return frozenset()
    known = {event.aggregate for event in told if event.name == "key.kept"}
    calls = registry.FACTS["call"]
    said = {
        str(step.data[key])
        for step in steps
        if step.verb == "fact" and step.what in calls and step.about["call"] not in known
        for key in marked(calls[step.what])
        if key in step.data
    }
    return frozenset(said | {text.replace(" ", "") for text in said})


def traces(store: Path, said: Iterable[str]) -> tuple[int, int]:
    """How many bytes the files of a store hold, and how often one of these texts stands in them."""
    wanted = {form for text in said for form in (text.encode(), json.dumps(text)[1:-1].encode())}
    contents = [file.read_bytes() for file in store.rglob("*") if file.is_file()]
    return sum(map(len, contents)), sum(content.count(each) for content in contents for each in wanted)


def _said(event: Event, zone: tzinfo | None) -> str:
    data: dict[str, Any] = {key: value for key, value in event.data.items() if key != "protocol"}
    if event.name == "prompt.issued":
        return f"{data['rule']} {data.get('text', '(sealed)')}"
    if event.name == "key.kept":
        return "a customer: from here on in the clear"
    if event.name.startswith("deadline."):
        until = f", due {_time(data['due'], event.time, zone)}" if "limit_s" in data else ""
        reason = f": {data['reason']}" if "reason" in data else ""
        return f"{data['rule']} {data['deadline']}{until}{reason}"
    if "until" in data:
        data["until"] = _time(data["until"], event.time, zone)
    if evidence := data.get("evidence"):
        data["evidence"] = [each["source"] for each in evidence]
    lists = {key: ", ".join(map(str, each)) for key, each in data.items() if isinstance(each, list)}
    return facts(data | lists)


def _time(told: str, now: datetime | None, zone: tzinfo | None) -> str:
    """A time told in an event, with its day if that is another."""
    time = datetime.fromisoformat(told).astimezone(zone)
    same = now is not None and now.astimezone(zone).date() == time.date()
    return _clock(time, zone) if same else f"{time:%-d %B} {_clock(time, zone)}"


def _row(at: str, service: Text, name: Text, about: str, said: str) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    for width in WIDTHS:
        table.add_column(width=width, no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(Text(at, "dim"), service, name, Text(about, "blue"), Text(said))
    return table


def _clock(time: datetime, zone: tzinfo | None) -> str:
    return time.astimezone(zone).strftime("%H:%M:%S")
