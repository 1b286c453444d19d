"""Names and versions of events in the log, apart from where their classes are."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
from eventsourcing.application import Application
from eventsourcing.cipher import AESCipher
from eventsourcing.domain import Aggregate, DomainEvent, event
from eventsourcing.persistence import (
    DatetimeAsISO,
    JSONTranscoder,
    MapperDeserialisationError,
    ProgrammingError,
    StoredEvent,
)
from eventsourcing.utils import get_topic

from eventlog.codec import Malformed
from eventlog.jetstream import Factory
from eventlog.mapper import NamedMapper, Recorded, Registry, join_topic, split_topic

desk = Registry()


class Desk(Aggregate):
    """An aggregate of the library whose events have names of their own."""

    @event("Opened")
    def __init__(self, name: str) -> None:
        self.name, self.seats = name, 0

    @event("SeatsAdded")
    def add_seats(self, count: int, reason: str) -> None:
        self.seats += count


desk.event("desk.opened")(Desk.Opened)  # type: ignore[attr-defined]
desk.event("desk.seats_added", version=3)(Desk.SeatsAdded)  # type: ignore[attr-defined]


@desk.upcast("desk.seats_added", 1)
def _(fields: dict[str, Any]) -> dict[str, Any]:
    fields["count"] = fields.pop("number")
    return fields


@desk.upcast("desk.seats_added", 2)
def _(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {"reason": "not recorded"}


class Named(DomainEvent):
    """An event without a stable name."""

    text: str


class Waved(NamedTuple):
    """An event of the functional kind: it knows no aggregate, version or store."""

    hand: str


class Waving:
    """A vocabulary of one event, at its second version."""

    def encode(self, event: Waved) -> tuple[str, int, bytes]:
        return "hand.waved", 2, json.dumps({"hand": event.hand}).encode()

    def decode(self, name: str, version: int, data: bytes) -> Waved:
        if name != "hand.waved" or version > 2:
            raise Malformed("ce-type", "hand.waved up to 2", f"{name} {version}", unknown=True)
        fields = json.loads(data)
        return Waved(fields["side" if version == 1 else "hand"])


class DeskMapper(NamedMapper[UUID]):
    registry = desk


class WavingMapper(NamedMapper[str]):
    types = Waving()


SEALED = {"CIPHER_KEY": AESCipher.create_key(16), "COMPRESSOR_TOPIC": "zlib"}


@pytest.mark.parametrize(
    ("topic", "name", "version"),
    [
        ("call.offered", "call.offered", 1),
        ("call.offered@2", "call.offered", 2),
        ("call.offered@12", "call.offered", 12),
        ("call.offered@1", "call.offered@1", 1),
        ("call@2@3", "call@2", 3),
        ("a.module:Class.Event", "a.module:Class.Event", 1),
        ("@2", "@2", 1),
        ("x@02", "x@02", 1),
    ],
)
def test_every_topic_is_one_name_and_version(topic: str, name: str, version: int) -> None:
    """Splitting and joining a topic gives the same topic, whatever it is."""
    assert split_topic(topic) == (name, version)
    assert join_topic(name, version) == topic


@pytest.mark.parametrize("sealed", [{}, SEALED], ids=["plain", "sealed"])
def test_an_application_runs_on_stable_names(
    log_env: dict[str, str], open_factory: Callable[..., Factory], sealed: dict[str, str]
) -> None:
    """The library's application stores its events under our names, compressed and sealed if asked to."""
    app = Application[UUID](env=log_env | sealed | {"MAPPER_TOPIC": get_topic(DeskMapper)})
    opened = Desk("front")
    opened.add_seats(3, reason="spring")
    app.save(opened)
    found: Desk = app.repository.get(opened.id)
    assert (found.name, found.seats, found.version) == ("front", 3, 2)
    topics = [notification.topic for notification in app.recorder.select_notifications(None, 9)]
    assert topics == ["desk.opened", "desk.seats_added@3"]
    asked = app.recorder.select_notifications(None, 9, topics=["desk.seats_added"])
    assert (b"spring" in asked[0].state) is not bool(sealed)
    app.close()


def mapper_of(mapper_class: type[NamedMapper[Any]], **settings: str) -> NamedMapper[Any]:
    """A mapper of this class, with cipher and compressor if the settings say so; no server is asked."""
    transcoder = JSONTranscoder()
    transcoder.register(DatetimeAsISO())
    factory = Factory({"JETSTREAM_URL": "nats://127.0.0.1:1"} | settings)
    mapper = factory.mapper(transcoder, mapper_class)
    factory.close()
    assert isinstance(mapper, NamedMapper)
    return mapper


def test_an_old_version_is_lifted_step_by_step() -> None:
    """Fields of version 1 pass every upcaster up to the present version."""
    mapper = mapper_of(DeskMapper, **SEALED)
    fields = mapper.transcoder.encode({"number": 4, "timestamp": DomainEvent.create_timestamp()})
    assert mapper.cipher is not None
    state = mapper.cipher.encrypt(zlib.compress(fields))
    added = mapper.to_domain_event(StoredEvent(uuid4(), 2, "desk.seats_added", state))
    assert isinstance(added, Desk.SeatsAdded)  # type: ignore[attr-defined]
    assert (added.count, added.reason, added.originator_version) == (4, "not recorded", 2)


def test_a_version_from_the_future_fails_loudly() -> None:
    """An event of a version above ours, or one without a way up to it, is not read as something else."""
    for topic in ("desk.seats_added@4", "desk.opened@2"):
        with pytest.raises(MapperDeserialisationError, match="version"):
            mapper_of(DeskMapper).to_domain_event(StoredEvent(uuid4(), 1, topic, b"{}"))
    with pytest.raises(MapperDeserialisationError, match=r"hand\.waved"):
        mapper_of(WavingMapper).to_domain_event(StoredEvent("h1", 1, "hand.waved@3", b"{}"))
    with pytest.raises(MapperDeserialisationError):
        mapper_of(DeskMapper).to_domain_event(StoredEvent(uuid4(), 1, "desk.opened", b"not JSON"))


def test_what_has_no_name_keeps_the_librarys_topic() -> None:
    """An event class that is not registered is stored and read as the library does it."""
    mapper = mapper_of(DeskMapper)
    named = Named(
        originator_id=uuid4(), originator_version=1, timestamp=DomainEvent.create_timestamp(), text="hi"
    )
    stored = mapper.to_stored_event(named)
    assert stored.topic == get_topic(Named)
    assert mapper.to_domain_event(stored) == named


@pytest.mark.parametrize("sealed", [{}, SEALED], ids=["plain", "sealed"])
def test_functional_events_are_stored_and_read(
    open_factory: Callable[..., Factory], sealed: dict[str, str]
) -> None:
    """An event of the functional kind goes through the library's event store wrapped, old ones lifted."""
    factory = open_factory(ORIGINATOR_ID_TYPE="text", **sealed)
    mapper = factory.mapper(mapper_class=WavingMapper)
    store = factory.event_store(mapper=mapper)
    waved = Recorded("h1", 1, Waved("left"))
    assert store.put([waved])[0].notification.topic == "hand.waved@2"
    assert list(store.get("h1")) == [waved]
    if not sealed:
        store.recorder.insert_events([StoredEvent("h1", 2, "hand.waved", b'{"side": "right"}')])
        assert list(store.get("h1", gt=1)) == [Recorded("h1", 2, Waved("right"))]
    with pytest.raises(ProgrammingError, match="no types"):
        mapper_of(DeskMapper).to_stored_event(waved)


def test_names_are_given_once() -> None:
    """A name, a class or a step up can be registered once, and a name is no topic of the library."""
    registry = Registry()
    registry.event("a")(Named)
    registry.upcast("a", 1)(dict)
    wrong = [("a", Waved, 1), ("b", Named, 1), ("", Waved, 1), ("a:b", Waved, 1), ("b", Waved, 0)]
    for name, cls, version in wrong:
        with pytest.raises(ValueError, match=r"name|registered"):
            registry.event(name, version)(cls)
    with pytest.raises(ValueError, match="already"):
        registry.upcast("a", 1)(dict)
