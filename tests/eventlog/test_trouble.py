"""The recorders in trouble: lost answers, rivals in between, no room, no server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from threading import Event, Thread
from time import monotonic
from uuid import uuid4

import nats
import pytest
from eventsourcing.persistence import IntegrityError, OperationalError, Tracking

from centralita.server import NatsServer
from eventlog.jetstream import Factory
from tests.eventlog.proxy import Proxy
from tests.eventlog.servers import Servers
from tests.eventlog.stored import events, versions

Open = Callable[..., Factory]


@pytest.mark.parametrize("cut", [False, True], ids=["silence", "cut"])
@pytest.mark.parametrize("size", [1, 3])
def test_a_lost_answer_is_found_in_the_log(
    log_server: NatsServer, open_factory: Open, size: int, cut: bool
) -> None:
    """What the server committed counts as written, once, though its answer never came."""
    with Proxy(log_server.port) as proxy:
        recorder = open_factory(JETSTREAM_URL=proxy.url, JETSTREAM_TIMEOUT="0.4").application_recorder()
        aggregate = uuid4()
        assert recorder.insert_events(events(aggregate, [1])) == [1]
        proxy.cut, proxy.on_ack = cut, lambda: False
        ids = recorder.insert_events(events(aggregate, range(2, 2 + size)))
        assert proxy.on_ack is None
        assert ids == list(range(2, 2 + size))
        assert versions(recorder, aggregate) == list(range(1, 2 + size))
        assert recorder.max_notification_id() == 1 + size


def test_a_lost_request_is_sent_again(log_server: NatsServer, open_factory: Open) -> None:
    """What never reached the server is written by the second attempt."""
    with Proxy(log_server.port) as proxy:
        recorder = open_factory(JETSTREAM_URL=proxy.url, JETSTREAM_TIMEOUT="0.4").application_recorder()
        aggregate = uuid4()
        proxy.on_publish = lambda: False
        assert recorder.insert_events(events(aggregate, [1])) == [1]
        assert proxy.on_publish is None


def test_a_rival_with_the_same_words_is_not_taken_for_oneself(
    log_server: NatsServer, open_factory: Open
) -> None:
    """If the answer is lost and a rival wrote the very same event, the insert has failed."""
    rival = open_factory().application_recorder()
    aggregate = uuid4()

    def overtake() -> bool:
        rival.insert_events(events(aggregate, [1]))
        return False

    with Proxy(log_server.port) as proxy:
        recorder = open_factory(JETSTREAM_URL=proxy.url, JETSTREAM_TIMEOUT="0.4").application_recorder()
        proxy.on_publish = overtake
        with pytest.raises(IntegrityError):
            recorder.insert_events(events(aggregate, [1]))
    assert versions(rival, aggregate) == [1]


def test_a_rival_between_two_batches_is_a_conflict(log_server: NatsServer, open_factory: Open) -> None:
    """Who writes the next version between two batches of an insert wins it; the error says what is stored."""
    rival = open_factory().application_recorder()
    aggregate = uuid4()

    def overtake() -> bool:
        rival.insert_events(events(aggregate, [1001]))
        return True

    with Proxy(log_server.port) as proxy:
        recorder = open_factory(JETSTREAM_URL=proxy.url).application_recorder()
        proxy.on_ack = overtake
        with pytest.raises(IntegrityError, match="first 1000 of 1200 are stored"):
            recorder.insert_events(events(aggregate, range(1, 1201)))
    assert versions(rival, aggregate) == list(range(1, 1002))


@pytest.mark.parametrize("limit", ["store", "stream"])
def test_a_full_log_refuses_and_keeps_what_it_has(servers: Servers, open_factory: Open, limit: str) -> None:
    """Where there is no room an insert is one OperationalError that says so, and nothing of it stays."""
    room = 200_000
    server = servers.start(**({"max_file_store": room} if limit == "store" else {}))
    factory = open_factory(JETSTREAM_URL=server.url, JETSTREAM_TIMEOUT="0.5")
    recorder = factory.process_recorder()

    async def limit_the_stream() -> None:
        connection = await nats.connect(server.url)
        js = connection.jetstream()
        config = (await js.stream_info(factory.stream)).config
        await js.update_stream(config, max_bytes=room)
        await connection.close()

    if limit == "stream":
        asyncio.run(limit_the_stream())
    aggregate, stored = uuid4(), 0
    said = "maximum bytes" if limit == "stream" else "had room for"
    with pytest.raises(OperationalError, match=said):  # noqa: PT012
        for stored in count(0, 10):
            together = events(aggregate, range(stored + 1, stored + 11), b"x" * 1000)
            recorder.insert_events(together, tracking=Tracking("up", stored + 10))
    assert stored > 50
    assert versions(recorder, aggregate) == list(range(1, stored + 1))
    assert recorder.max_tracking_id("up") == stored
    if limit == "store":  # what was removed has left room for less
        recorder.insert_events(events(aggregate, [stored + 1]))


def test_a_lost_server_is_one_error_and_no_half_insert(servers: Servers, open_factory: Open) -> None:
    """A server killed among inserts of 20 keeps whole ones, all acknowledged among them; then it goes on."""
    server = servers.start()
    recorder = open_factory(JETSTREAM_URL=server.url, JETSTREAM_TIMEOUT="1").application_recorder()
    aggregate, written, going = uuid4(), 0, Event()
    failures: list[OperationalError] = []

    def write() -> None:
        nonlocal written
        try:
            while True:
                recorder.insert_events(events(aggregate, range(written + 1, written + 21)))
                written += 20
                going.set()
        except OperationalError as error:
            failures.append(error)

    writer = Thread(target=write)
    writer.start()
    assert going.wait(10)
    server.kill()
    writer.join(10)
    assert len(failures) == 1
    with pytest.raises(OperationalError, match="cannot connect"):
        recorder.select_events(aggregate)
    servers.restart()
    stored = versions(recorder, aggregate)
    assert stored == list(range(1, len(stored) + 1))
    assert len(stored) in (written, written + 20)
    recorder.insert_events(events(aggregate, [len(stored) + 1]))


def test_a_silent_server_is_not_waited_for_for_ever(servers: Servers, open_factory: Open) -> None:
    """No answer is one error; when the server wakes, each version is there once at most, for a reader too."""
    server = servers.start()
    recorder = open_factory(JETSTREAM_URL=server.url, JETSTREAM_TIMEOUT="0.3").application_recorder()
    aggregate = uuid4()
    recorder.insert_events(events(aggregate, [1]))
    subscription = recorder.subscribe()
    server.suspend()
    with pytest.raises(OperationalError):
        recorder.insert_events(events(aggregate, [2]))
    server.resume()
    with suppress(IntegrityError):
        recorder.insert_events(events(aggregate, [2]))
    assert versions(recorder, aggregate) == [1, 2]
    assert [next(subscription).originator_version for _ in range(2)] == [1, 2]
    server.kill()
    with pytest.raises(OperationalError):
        next(subscription)


def test_silence_after_the_request_says_that_nothing_is_known(servers: Servers, open_factory: Open) -> None:
    """If the server falls silent with the event in hand, the error says that its fate is not known."""
    server = servers.start()

    def suspend() -> bool:
        server.suspend()
        return True

    with Proxy(server.port) as proxy:
        recorder = open_factory(JETSTREAM_URL=proxy.url, JETSTREAM_TIMEOUT="0.4").application_recorder()
        aggregate = uuid4()
        proxy.on_publish = suspend
        with pytest.raises(OperationalError, match="not known whether the events are stored"):
            recorder.insert_events(events(aggregate, [1]))
        server.resume()
        deadline = monotonic() + 10
        while not versions(recorder, aggregate) and monotonic() < deadline:
            pass  # the server may answer a reader before it takes up what waited
        assert versions(recorder, aggregate) == [1]


def test_with_replicas_one_reads_what_one_wrote(servers: Servers, open_factory: Open) -> None:
    """On three servers every insert is seen by the next read, whichever replica answers it."""
    url = servers.cluster()[1].url
    recorder = open_factory(JETSTREAM_URL=url, JETSTREAM_REPLICAS="3").application_recorder()
    aggregate = uuid4()
    for version in range(1, 101):
        recorder.insert_events(events(aggregate, [version]))
        assert len(versions(recorder, aggregate)) == version
    assert recorder.insert_events(events(aggregate, range(101, 111))) == list(range(101, 111))
