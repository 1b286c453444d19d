"""The recorders and the loop share one log: what one has written the other reads, and goes on from."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from eventsourcing.persistence import StoredEvent
from eventsourcing.utils import Environment

from centralita.server import NatsServer
from contracts import events as e
from contracts import registry
from eventlog.codec import Message
from eventlog.decider import Arrival
from eventlog.jetstream import Factory
from eventlog.mapper import join_topic, split_topic
from eventlog.memory import TERM
from tests.eventlog.instances import CENTRE, calls, expected, instance, opened, recorded, records, until


def recorders(url: str, service: str) -> Factory:
    """The recorders of a service's part of the centre's log."""
    return Factory(
        Environment(
            service,
            {
                "PERSISTENCE_MODULE": "eventlog.jetstream",
                "JETSTREAM_URL": url,
                "JETSTREAM_CONTEXT": CENTRE,
                "JETSTREAM_STREAM": registry.log_stream(CENTRE),
                "ORIGINATOR_ID_TYPE": "text",
                "CREATE_TABLE": "no",
            },
        )
    )


async def test_the_recorder_reads_what_the_loop_has_written(tmp_path: Path) -> None:
    """Events and notifications: all of the loop's, in order, with names, versions and data, and no terms."""
    async with NatsServer.start(tmp_path) as server, opened(server.url) as client:
        await client.publish(CENTRE, calls(20))
        wanted = await expected(client)
        async with instance(server.url):
            await records(client, len(wanted))
        written = [message for message in await recorded(client) if message.aggregate != TERM]
        with_recorder = recorders(server.url, "intake")
        recorder = with_recorder.application_recorder()
        found = await asyncio.to_thread(recorder.select_notifications, None, 1000)
        assert [
            (n.id, n.originator_id, n.originator_version, n.state, split_topic(n.topic)) for n in found
        ] == [(m.seq, m.aggregate, m.sequence, m.data, (m.name, m.version)) for m in written]
        of_one = await asyncio.to_thread(recorder.select_events, "c7")
        assert [event.state for event in of_one] == [m.data for m in written if m.aggregate == "c7"]
        await asyncio.to_thread(with_recorder.close)


async def test_the_loop_goes_on_from_what_the_recorder_has_written(tmp_path: Path) -> None:
    """A service folds a ticket that was recorded with the library, and adds the next version to it."""
    happened = (
        e.TicketRegistered(number=1, category="invoice", need="paid twice", by="ana"),
        e.TicketCommented(text="called back", by="ana"),
        e.TicketResolved(resolution="paid back", by="ana"),
    )
    async with NatsServer.start(tmp_path) as server, opened(server.url):
        with_recorder = recorders(server.url, "tickets")
        recorder = with_recorder.application_recorder()
        stored = []
        for version, event in enumerate(happened, start=1):
            name, schema, data = registry.encode(event)
            stored.append(StoredEvent("ticket:1", version, join_topic(name, schema), data))
        await asyncio.to_thread(recorder.insert_events, stored)
        async with instance(server.url, "tickets") as tickets:
            await until(lambda: tickets.active)
            command = Message(
                "", "close", b'{"ticket": 1, "by": "ana"}', "m1", "/test", time=datetime.now(UTC), actor="ana"
            )
            closed = await tickets.command(Arrival("command", "ticket:1", command))
            assert (closed.name, closed.sequence) == ("ticket.closed", 4)
        last = await asyncio.to_thread(recorder.select_events, "ticket:1", desc=True, limit=1)
        assert [(event.originator_version, event.topic) for event in last] == [(4, "ticket.closed")]
        await asyncio.to_thread(with_recorder.close)
