"""Times and data in short: how durations are typed, how a story tells when and what. Imports nothing of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["START", "duration", "elapsed", "facts"]

START = "2026-03-02 09:00"
"""When the virtual clock of a story begins unless it says otherwise: a Monday, local time of the protocol."""

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[wdhms])")
LONGEST = 48


def duration(told: str | float | timedelta) -> timedelta:
    """A length of time told as `11m`, `1h30m`, `7.999s`, `250ms` or seconds; ValueError where it is none."""
    if isinstance(told, timedelta):
        return told
    if isinstance(told, int | float) and not isinstance(told, bool):
        return timedelta(seconds=told)
    text = told.replace(" ", "").removeprefix("+") if isinstance(told, str) else ""
    parts = _PART.findall(text)
    if not parts or "".join(map("".join, parts)) != text:
        raise ValueError(f"expected a length of time as 11m, 1h30m, 7.999s or 250ms, found {told!r}")
    return sum((timedelta(**{_UNITS[unit]: float(number)}) for number, unit in parts), timedelta())


def elapsed(time: datetime | None, start: datetime) -> str:
    """So long after the start, as 0:07.999 or 1:02:03.000."""
    if time is None:
        return "?"
    seconds = (time - start.astimezone(UTC)).total_seconds()
    sign, (minutes, rest) = "-" if seconds < 0 else "", divmod(abs(seconds), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{sign}{hours}:{minutes:02}:{rest:06.3f}" if hours else f"{sign}{minutes}:{rest:06.3f}"


def facts(data: Mapping[str, Any]) -> str:
    """The data in short: `queue=PS agent=ANAT`; long values are cut, false (but an answer) or empty ones left out."""
    told = {name: it for name, it in data.items() if name == "answer" or it not in (None, False, [], {}, "")}
    told |= {"sealed": "…"} if "sealed" in told else {}
    return " ".join(f"{name}={_short(value)}" for name, value in told.items())


def _short(value: Any) -> str:
    if isinstance(value, list | dict):
        value = json.dumps(value, ensure_ascii=False)
    text = " ".join(str(value).split())
    text = text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return f'"{text}"' if " " in text else text
