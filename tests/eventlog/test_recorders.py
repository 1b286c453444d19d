"""What the recorders promise beyond the published cases."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Thread
from threading import enumerate as enumerate_threads
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    StoredEvent,
    Tracking,
)
from eventsourcing.utils import Environment

from centralita.server import NatsServer
from eventlog.client import Connection
from eventlog.codec import Message
from eventlog.jetstream import Factory
from eventlog.stream import Stream
from tests.eventlog.stored import events, versions

Open = Callable[..., Factory]


def test_of_64_racing_writers_one_wins_each_version(open_factory: Open) -> None:
    """64 writers on one aggregate: each version is written by exactly one, told so, and none is left out."""
    recorders = [open_factory().application_recorder() for _ in range(4)]
    aggregate, writers, rounds = uuid4(), 64, 5
    start = Barrier(writers)

    def write(writer: int) -> list[int]:
        won = []
        for version in range(1, rounds + 1):
            start.wait(30)
            try:
                recorders[writer % 4].insert_events(events(aggregate, [version], str(writer).encode()))
                won.append(version)
            except IntegrityError:
                pass
        return won

    with ThreadPoolExecutor(writers) as pool:
        won = list(pool.map(write, range(writers)))
    stored = recorders[0].select_events(aggregate)
    assert [event.originator_version for event in stored] == list(range(1, rounds + 1))
    assert sorted(version for of_one in won for version in of_one) == list(range(1, rounds + 1))
    assert all(event.originator_version in won[int(event.state)] for event in stored)


def test_an_insert_may_have_more_than_1000_events(open_factory: Open) -> None:
    """2,500 events of three aggregates are stored in one insert, in order and without a gap."""
    recorder = open_factory().application_recorder()
    aggregates = [uuid4(), uuid4(), uuid4()]
    together = [event for a in aggregates for event in events(a, range(1, 835))]
    assert recorder.insert_events(together) == list(range(1, 2503))
    assert [versions(recorder, a) for a in aggregates] == [list(range(1, 835))] * 3
    notified = recorder.select_notifications(None, 10_000)
    assert [n.id for n in notified] == list(range(1, 2503))
    assert len(recorder.select_notifications(2000, 100, stop=2050)) == 51


def test_versions_follow_one_another(open_factory: Open) -> None:
    """A version left out, repeated or too high for a first one is refused, with all that came with it."""
    recorder = open_factory().application_recorder()
    aggregate, other = uuid4(), uuid4()
    for wrong in ([2], [1, 3], [1, 1], [-1]):
        with pytest.raises(IntegrityError, match="cannot follow"):
            recorder.insert_events(events(other, [1]) + events(aggregate, wrong))
    recorder.insert_events(events(aggregate, [0, 1]))
    with pytest.raises(IntegrityError):
        recorder.insert_events(events(other, [1]) + events(aggregate, [3]))
    assert (versions(recorder, aggregate), versions(recorder, other)) == ([0, 1], [])


def test_events_can_be_asked_for_by_version(open_factory: Open) -> None:
    """Bounds, order and limit choose among an aggregate's events as the library says."""
    recorder = open_factory().application_recorder()
    aggregate = uuid4()
    recorder.insert_events(events(aggregate, range(1, 8)))

    def asked(**how: Any) -> list[int]:
        return [event.originator_version for event in recorder.select_events(aggregate, **how)]

    assert asked(gt=3) == [4, 5, 6, 7]
    assert (asked(gt=6), asked(gt=7), asked(gt=99)) == ([7], [], [])
    assert asked(gt=1, lte=4, desc=True, limit=2) == [4, 3]
    assert asked(desc=True, limit=1) == [7]
    assert asked(gt=7, desc=True, limit=1) == []
    assert asked(limit=0) == []


def test_position_and_events_are_one(open_factory: Open) -> None:
    """Events and position are refused together, and if they do not go into one batch."""
    recorder = open_factory().process_recorder()
    aggregate = uuid4()
    assert recorder.insert_events(events(aggregate, [1, 2]), tracking=Tracking("up", 5)) == [1, 2]
    with pytest.raises(IntegrityError):
        recorder.insert_events(events(aggregate, [3]), tracking=Tracking("up", 5))
    with pytest.raises(IntegrityError):
        recorder.insert_events(events(aggregate, [2]), tracking=Tracking("up", 6))
    with pytest.raises(NotSupportedError):
        recorder.insert_events(events(aggregate, range(3, 1003)), tracking=Tracking("up", 6))
    assert (versions(recorder, aggregate), recorder.max_tracking_id("up")) == ([1, 2], 5)
    assert (
        len(recorder.insert_events(events(aggregate, range(3, 1002)), tracking=Tracking("up", 6)) or [])
        == 999
    )
    assert recorder.max_notification_id() == 1002
    assert len(recorder.select_notifications(None, 5000)) == 1001


def test_applications_may_share_a_stream(open_factory: Open) -> None:
    """Two applications and their snapshots on one stream never see each other's notifications."""
    one = open_factory("one", JETSTREAM_STREAM="LOG_shared" + uuid4().hex)
    two = open_factory("two", JETSTREAM_STREAM=one.stream)
    aggregate = uuid4()
    assert one.application_recorder().insert_events(events(aggregate, [1])) == [1]
    one.aggregate_recorder("snapshots").insert_events(events(aggregate, [1]))
    assert two.application_recorder().insert_events(events(aggregate, [1])) == [3]
    assert [n.id for n in one.application_recorder().select_notifications(None, 9)] == [1]
    assert [n.id for n in two.application_recorder().select_notifications(None, 9)] == [3]
    assert one.application_recorder().max_notification_id() == 1


def test_ids_are_tokens(open_factory: Open) -> None:
    """Text ids come back as text; an id that no subject can hold is refused before anything is written."""
    recorder = open_factory(ORIGINATOR_ID_TYPE="text").application_recorder()
    recorder.insert_events(events("customer:42", [1]))
    assert [n.originator_id for n in recorder.select_notifications(None, 9)] == ["customer:42"]
    for wrong in ("", "a.b", "a b", "*", ">", "ñ", "term", "a" * 97):
        with pytest.raises(DataError, match="subject"):
            recorder.insert_events(events("customer:43", [1]) + events(wrong, [1]))
    assert recorder.max_notification_id() == 1


def test_an_event_too_large_is_refused(open_factory: Open) -> None:
    """An event above the server's payload limit is a DataError, and what came with it is not written."""
    recorder = open_factory().application_recorder()
    aggregate = uuid4()
    with pytest.raises(DataError, match="of at most"):
        recorder.insert_events(events(aggregate, [1]) + events(aggregate, [2], b"x" * (1 << 20)))
    assert versions(recorder, aggregate) == []


async def test_the_loop_reads_what_a_recorder_wrote(
    log_server: NatsServer, log_env: dict[str, str], open_factory: Open
) -> None:
    """An event of a recorder is a CloudEvent under its aggregate's subject, whole for its readers."""
    factory = open_factory("desk", ORIGINATOR_ID_TYPE="text")
    together = [
        StoredEvent("c1", 1, "call.offered", b'{"to":"1"}'),
        StoredEvent("c1", 2, "call.answered@3", b"{}"),
    ]
    factory.application_recorder().insert_events(together)
    connection = Connection()
    await connection.connect(log_server.url)
    context = log_env["JETSTREAM_CONTEXT"]
    stream = Stream(connection, f"LOG_{context}_desk")
    first, second = [raw.message() for raw in await stream.read_subject(f"log.{context}.desk.c1")]
    await connection.close()
    assert (first.aggregate, first.name, first.version, first.data) == (
        "c1",
        "call.offered",
        1,
        b'{"to":"1"}',
    )
    assert (second.name, second.version, second.sequence, second.place) == ("call.answered", 3, 2, (2, 2))
    assert first.source == f"{context}/desk"
    assert first.id != second.id
    assert first.time is not None
    assert first.content_type == "application/json"


async def test_a_recorder_reads_what_the_loop_wrote(
    log_server: NatsServer, log_env: dict[str, str], open_factory: Open
) -> None:
    """Messages appended to the stream are events of their aggregate; a term is none."""
    factory = open_factory("desk", ORIGINATOR_ID_TYPE="text")
    recorder = factory.application_recorder()
    connection = Connection()
    await connection.connect(log_server.url)
    prefix = f"log.{log_env['JETSTREAM_CONTEXT']}.desk"
    stream = Stream(connection, f"LOG_{log_env['JETSTREAM_CONTEXT']}_desk")
    term = Message("term", "term.taken", b"{}", "t1", "desk")
    offered = Message("c1", "call.offered", b"{}", "e1", "desk", version=2, sequence=1)
    await stream.append([(f"{prefix}.term", term), (f"{prefix}.c1", offered)])
    await connection.close()
    stored = await asyncio.to_thread(recorder.select_events, "c1")
    assert stored == [StoredEvent("c1", 1, "call.offered@2", b"{}")]
    assert [n.id for n in await asyncio.to_thread(recorder.select_notifications, None, 9)] == [2]
    for topic, found in (("call.offered", 1), ("call.offered@2", 1), ("call.answered", 0)):
        assert len(await asyncio.to_thread(recorder.select_notifications, None, 9, None, [topic])) == found


def test_a_waiting_subscription_can_be_stopped(open_factory: Open) -> None:
    """Stopping from another thread ends a wait at once; closing the factory ends it with an error."""
    factory = open_factory()
    recorder = factory.application_recorder()
    recorder.insert_events(events(uuid4(), range(1, 1201)))
    ended: list[object] = []

    def read(subscription: Any, seen: Event) -> None:
        try:
            for n, _ in enumerate(subscription, start=1):
                if n == 1200:
                    seen.set()
            ended.append("stopped")
        except InterfaceError as error:
            ended.append(error)

    for end in ("stop", "close"):
        subscription, seen = recorder.subscribe(), Event()
        reader = Thread(target=read, args=(subscription, seen))
        reader.start()
        assert seen.wait(10)
        (subscription.stop if end == "stop" else factory.close)()
        reader.join(5)
        assert not reader.is_alive()
        subscription.stop()
    assert ended[0] == "stopped"
    assert isinstance(ended[1], InterfaceError)
    with pytest.raises(InterfaceError, match="closed"):
        recorder.insert_events(events(uuid4(), [1]))


def test_a_factory_that_is_dropped_ends_its_thread(log_env: dict[str, str]) -> None:
    """Without `close` too, the connection and its thread go when nothing refers to the recorders any more."""
    recorder = Factory(Environment("app", log_env)).application_recorder()
    recorder.insert_events(events(uuid4(), [1]))
    mine = [thread for thread in enumerate_threads() if log_env["JETSTREAM_CONTEXT"] in thread.name]
    assert len(mine) == 1
    del recorder
    gc.collect()
    mine[0].join(5)
    assert not mine[0].is_alive()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("JETSTREAM_URL", ""),
        ("JETSTREAM_TIMEOUT", "soon"),
        ("JETSTREAM_REPLICAS", "2"),
        ("ORIGINATOR_ID_TYPE", "int"),
        ("JETSTREAM_CONTEXT", "a.b"),
    ],
)
def test_a_wrong_setting_is_named(log_env: dict[str, str], key: str, value: str) -> None:
    """A setting that is missing or wrong is an OSError that says which."""
    with pytest.raises(OSError, match=value or key):
        Factory(Environment("app", log_env | {key: value}))
