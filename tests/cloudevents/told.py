"""Facts as CloudEvents in JSON, as a producer writes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from eventlog.codec import timestamp
from tests.unit.given import at


def event(type: str, about: str, seconds: float, /, **data: Any) -> dict[str, Any]:
    """An event that occurred so many seconds after the start; its id follows from what it says."""
    plain = {key.rstrip("_"): timestamp(it) if isinstance(it, datetime) else it for key, it in data.items()}
    told = {"specversion": "1.0", "id": f"{type}/{about}/{seconds:g}", "source": "/pbx", "type": type}
    return {**told, "subject": about, "time": timestamp(at(seconds)), "data": plain}


def advanced(seconds: float) -> dict[str, Any]:
    """The virtual clock stands at so many seconds after the start."""
    return event("clock.advanced", "clock", seconds, to=at(seconds))


def traced(event: dict[str, Any], number: int) -> dict[str, Any]:
    """The event in a trace of its own."""
    return {**event, "traceparent": trace(number)}


def trace(number: int) -> str:
    """A W3C trace context."""
    return f"00-{number:032x}-{number:016x}-01"
