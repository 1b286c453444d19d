"""How a centre works: a protocol that ships, or a file, with some keys otherwise."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import centralita
from centralita.shapes import merged

__all__ = ["PLAIN", "protocol"]

PLAIN = "plain"
_SHIPPED = Path(centralita.__file__).parents[1] / "protocols"


def protocol(
    told: str | Path | Mapping[str, Any], changes: Mapping[str, Any] | None, beside: Path
) -> str | dict[str, Any]:
    """A name that ships as it is, else the whole protocol; the changes are merged in depth, None takes a key away.

    A file (TOML) is named as it stands `beside` whoever names it. FileNotFoundError, tomllib.TOMLDecodeError.
    """
    if isinstance(told, Mapping):
        data: Mapping[str, Any] = told
    elif told == PLAIN:
        data = {"name": PLAIN}
    else:
        shipped = _SHIPPED / f"{told}.toml"
        if shipped.is_file() and not changes:
            return str(told)
        file = shipped if shipped.is_file() else beside / told
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    if told == PLAIN and not changes:
        return PLAIN
    whole: dict[str, Any] = json.loads(json.dumps(merged(data, changes or {}), default=str))
    return whole
