"""What must hold of promises and of time, whatever has happened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from services.sla.policy import GRACE
from tests.simulation.seen import Seen

Wrong = Iterator[str]


def deadlines_end_once(seen: Seen) -> Wrong:
    """Each deadline ends once: broken not before its time, met not after it; only a correction comes later."""
    state: dict[tuple[str, str], str] = {}
    sets: dict[tuple[str, str], Any] = {}
    allowed = {
        "met": ("running", "paused"), "cancelled": ("running", "paused"), "breached": ("running",),
        "warned": ("running",), "corrected": ("breached", "warned", "met", "cancelled"), "paused": ("running",),
        "resumed": ("paused",), "escalated": ("breached",),
    }  # fmt: skip
    for message in seen.own["sla"]:
        if not message.name.startswith("deadline."):
            continue
        event = seen.data(message)
        key, kind = (message.aggregate, event.deadline), message.name.removeprefix("deadline.")
        where = f"{key} {kind} at {message.seq}"
        now = state.get(key)
        if kind == "set":
            if now:
                yield f"{where}: set twice"
            state[key], sets[key] = "running", event
            continue
        if now not in allowed[kind]:
            yield f"{where}, when {now}"
        if key not in sets:
            continue
        if kind == "met" and now == "running" and event.at > sets[key].due:
            yield f"{where}: met at {event.at}, due {sets[key].due}"
        if kind == "breached" and (message.time is None or message.time < event.due):
            yield f"{where}: broken at {message.time}, due {event.due}"
        match kind:
            case "warned" | "escalated":
                state[key] = kind if kind == "warned" and sets[key].warning else state[key]
            case "corrected":
                state[key] = event.verdict
            case "resumed":
                state[key], sets[key] = "running", sets[key].model_copy(update={"due": event.due})
            case _:
                state[key] = kind
    runner = seen.world.active("sla")
    for key, kind in state.items():
        if kind == "running" and runner and runner.clock and sets[key].due + GRACE <= runner.clock:
            yield f"{key} was due at {sets[key].due} and has not ended, the clock stands at {runner.clock}"


def timers_wait(seen: Seen) -> Wrong:
    """No timer fires before the centre's time has passed its own by the grace."""
    for message in seen.own["sla"]:
        if message.time and message.cause.startswith(f"{message.aggregate}.") and not message.cause_source:
            clock = seen.clock_at(message.seq)
            if message.time + GRACE > clock:
                yield f"{message.name} at {message.seq} is of {message.time}, the time was {clock}"


def verdicts_heard_everybody(seen: Seen) -> Wrong:
    """A verdict is corrected only by what was published when its time had passed, however slow the services are."""
    dues: dict[tuple[str, str], Any] = {}
    for message in seen.own["sla"]:
        if message.name in ("deadline.breached", "deadline.warned"):
            event = seen.data(message)
            dues[message.aggregate, event.deadline] = event.due
        if message.name != "deadline.corrected":
            continue
        event = seen.data(message)
        at, due = seen.fact_behind(message), dues.get((message.aggregate, event.deadline))
        if at is None or due is None:
            continue
        position, moment = seen.passed(due + GRACE)
        raw = seen.inbox[at]
        if at < position if seen.world.plan.virtual else raw.stored < moment:
            yield (
                f"{message.aggregate} {event.deadline}: corrected at {message.seq} by {raw.headers.get('ce-type')}"
                f" published at {raw.stored} ({at}), its time had not passed before {moment} ({position})"
            )
