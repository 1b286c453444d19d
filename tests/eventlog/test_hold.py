"""A hold on a stream: by one at a time, seen by whoever would trim, and gone by itself when its owner dies."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from centralita.server import NatsServer
from eventlog import errors, hold
from eventlog.hold import Hold
from eventlog.snapshot import request
from eventlog.stream import Stream
from tests.eventlog.test_stream import stream_on


async def config(stream: Stream) -> dict[str, Any]:
    """How the stream is configured, without what the server says of itself."""
    found = (await request(stream.connection, f"STREAM.INFO.{stream.name}", {}))["config"]
    return found | {"metadata": {k: v for k, v in found["metadata"].items() if not k.startswith("_nats.")}}


async def test_one_holds_a_stream_and_leaves_it_as_it_was(log_server: NatsServer) -> None:
    """While it is held another is refused; afterwards nothing is left of it in the configuration."""
    async with stream_on(log_server, metadata={"kept": "yes"}) as stream:
        before = await config(stream)
        async with Hold(stream.connection, stream.name) as holding:
            assert await stream.held()
            await holding.check()
            with pytest.raises(errors.Conflict, match="another backup"):
                await Hold(stream.connection, stream.name).__aenter__()
        assert not await stream.held()
        assert await config(stream) == before


async def test_a_hold_runs_out_unless_it_is_kept(
    log_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is kept outlives its time; one that is not has ended by then, and its owner knows."""
    monkeypatch.setattr(hold, "LASTS", timedelta(seconds=0.5))
    async with stream_on(log_server) as stream:
        monkeypatch.setattr(hold, "AGAIN", 0.1)
        async with Hold(stream.connection, stream.name) as holding:
            await asyncio.sleep(0.8)
            assert await stream.held()
            await holding.check()
        monkeypatch.setattr(hold, "AGAIN", 60.0)
        async with Hold(stream.connection, stream.name) as holding:
            await asyncio.sleep(0.6)
            assert not await stream.held()
            with pytest.raises(errors.Unavailable, match="begin again"):
                await holding.check()
