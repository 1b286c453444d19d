"""The protocols that ship with Centralita, as data."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from contracts.protocol import Protocol
from contracts.protocol.errors import said

__all__ = ["ProtocolError", "load", "names"]

_HERE = Path(__file__).parent


class ProtocolError(ValueError):
    """A protocol that cannot be read; each line says the file, the key and what was expected there."""


def names() -> list[str]:
    """The protocols that ship with Centralita."""
    return sorted(file.stem for file in _HERE.glob("*.toml"))


def load(name_or_path: str | Path) -> Protocol:
    """A protocol that ships with Centralita by its name, or any by its file (TOML); else ProtocolError."""
    file = _HERE / f"{name_or_path}.toml" if name_or_path in names() else Path(name_or_path)
    try:
        return Protocol.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        known = ", ".join(names())
        raise ProtocolError(f"{file}: {error.strerror}; a file, or one of {known}, was expected") from None
    except UnicodeDecodeError:
        raise ProtocolError(f"{file}: expected UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ProtocolError(f"{file}: expected TOML: {error}") from None
    except ValidationError as error:
        raise ProtocolError("\n".join(f"{file}: {wrong}" for wrong in said(error, Protocol))) from None
