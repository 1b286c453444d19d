"""Centralita: what people install and type, and what their programs use: a client for backends, operators and tests.

Nothing is loaded before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from centralita.client import (
        Accepted,
        Client,
        Event,
        Fact,
        Problem,
        Recorded,
        Refusal,
        SyncClient,
        Unavailable,
    )

__all__ = [
    "Accepted",
    "Client",
    "Event",
    "Fact",
    "Problem",
    "Recorded",
    "Refusal",
    "SyncClient",
    "Unavailable",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'centralita' has no attribute {name!r}")
    from centralita import client

    return getattr(client, name)
