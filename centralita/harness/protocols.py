"""How a centre works: a protocol that ships, or a file, with some keys otherwise."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import centralita
from centralita.harness.errors import HarnessError
from centralita.shapes import merged

__all__ = ["PLAIN", "protocol"]

PLAIN = "plain"
_SHIPPED = Path(centralita.__file__).parents[1] / "protocols"


def protocol(
    told: str | Path | Mapping[str, Any], changes: Mapping[str, Any] | None, beside: Path
) -> str | dict[str, Any]:
    """A name that ships as it is, else the whole protocol; the changes are merged in depth, None takes a key away.

    A file (TOML) is named as it stands `beside` whoever names it; HarnessError where it cannot be read.
    """
    shipped = {PLAIN, *(file.stem for file in _SHIPPED.glob("*.toml"))}
    if isinstance(told, str) and told in shipped and not changes:
        return told
    if not isinstance(told, Mapping):
        file = _SHIPPED / f"{told}.toml" if told in shipped else beside / told
        try:
            told = {"name": PLAIN} if told == PLAIN else tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            known = ", ".join(sorted(shipped))
            raise HarnessError(
                f"protocol: {file}: {error.strerror}; expected a file, or one of {known}"
            ) from None
        except ValueError as error:
            raise HarnessError(f"protocol: {file}: expected TOML: {error}") from None
    whole: dict[str, Any] = json.loads(json.dumps(merged(told, changes or {}), default=str))
    return whole
