"""How one message of the log reads: as a line for the eye, or as a CloudEvent in JSON for a program."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from datetime import UTC
from typing import Any

from rich.text import Text

from centralita.short import facts
from eventlog.codec import JSON, Message, timestamp

__all__ = ["cloudevent", "data_of", "deadline_of", "line", "service_of", "when"]

COLOURS = {"intake": "cyan", "routing": "magenta", "tickets": "green", "sla": "yellow", "centre": "blue"}
ALARMING = {"fact.rejected", "deadletter.set_aside", "rule.violated", "record.refused", "deadline.breached"}


def service_of(message: Message) -> str:
    """The service that recorded it."""
    return message.subject.split(".")[2]


def data_of(message: Message) -> dict[str, Any]:
    """The data, or nothing where it is no JSON object."""
    try:
        data = json.loads(message.data)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def deadline_of(cause: str) -> str:
    """The deadline that a timer is of, as aggregate.name; any other cause as it is."""
    return re.sub(r"\.(warn|next|escalate-\d+)$", "", cause)


def cloudevent(message: Message) -> dict[str, Any]:
    """The CloudEvent in JSON form, with our extension attributes and its `position` in the log."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": message.id,
        "source": message.source,
        "type": message.name,
        "subject": message.aggregate,
    }
    if message.time:
        event["time"] = timestamp(message.time)
    event |= {"position": message.seq, "sequence": message.sequence, "dataversion": message.version}
    if message.place != (1, 1):
        event["place"] = f"{message.place[0]}/{message.place[1]}"
    optional = {"cause": message.cause, "causesource": message.cause_source, "actor": message.actor}
    event |= {name: value for name, value in optional.items() if value}
    event |= {
        "inbox": message.inbox,
        "log": message.log,
        "protocol": message.protocol,
        "datacontenttype": message.content_type,
    }
    try:
        event["data"] = json.loads(message.data) if message.content_type.startswith(JSON) else None
    except ValueError:
        event["data"] = None
    if event["data"] is None:
        del event["data"]
        event["data_base64"] = b64encode(message.data).decode()
    return event


def when(message: Message) -> str:
    """Its time in UTC to the millisecond, or when it was stored."""
    time = message.time or message.stored
    return time.astimezone(UTC).isoformat(" ", "milliseconds")[:23] if time else ""


def line(message: Message, *, indent: str = "", note: str = "") -> Text:
    """Time, service, event type, id and short facts, in colours that show on a terminal only."""
    service = service_of(message)
    kind = f"{indent}{message.name}"
    text = Text(no_wrap=True, overflow="ellipsis", end="")
    text.append(when(message), "dim").append("  ")
    text.append(f"{service:<8}", COLOURS.get(service, "")).append(" ")
    text.append(f"{kind:<22}", "bold red" if message.name in ALARMING else "bold").append(" ")
    text.append(f"{message.aggregate}", "blue").append("  ")
    text.append(facts(data_of(message)))
    if note:
        text.append(f"  {note}", "dim")
    return text
