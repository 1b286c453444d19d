"""The outlets that work beside the services."""

from __future__ import annotations

import asyncio

from centralita.outlets.sending import webhooks
from centralita.outlets.worker import in_every_centre


def started(url: str, stop: asyncio.Event) -> list[asyncio.Task[None]]:
    """Each outlet at work until `stop` is set."""
    return [
        asyncio.create_task(in_every_centre(url, outlet, stop), name=outlet.name) for outlet in (webhooks(),)
    ]
