"""Sealing: what is stored of a stranger, and who can read it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts import registry
from contracts.base import Data
from contracts.events import CallAssigned, KeyKept
from contracts.facts import CallerIdentified, CallOffered, ContactGiven, CustomerRegistered, RequestStated
from contracts.protocol import Privacy, Protocol
from eventlog.codec import Message
from eventlog.steps import decisions
from services.sealed import Keys, opened, stand_ins
from services.sealing import Sealing

FORGETTING = Protocol(name="discreet", privacy=Privacy(non_customers="forgotten"))
STATED = RequestStated(text="una estalactita", category="complaint", place="Ávila")


def sealing(*, holds: bool = True, seals: bool = True, protocol: Protocol = FORGETTING) -> Sealing:
    """What a service has at a centre with this protocol."""
    made = Sealing(seals, holds)
    made.refer(protocol)
    return made


def stored(by: Sealing, event: Data, aggregate: str = "c1") -> bytes:
    """The bytes that would go to the log."""
    return by.seal(aggregate, event, registry.encode(event)[2])


def read(by: Sealing, event: Data, data: bytes) -> Data:
    """The event as a service reads it from these bytes."""
    name = registry.name_of(event)
    return registry.decode(name, 1, by.opened(name, data))


def test_a_stranger_is_sealed_and_read_by_the_holder_of_the_key_alone() -> None:
    """The bytes hold plain fields and ciphertext; the holder reads all, others absent values and stand-ins."""
    intake, other = sealing(), sealing()
    data = stored(intake, STATED)
    assert b"estalactita" not in data
    assert set(json.loads(data)) == {"category", "sealed"}
    assert read(intake, STATED, data) == STATED
    assert read(other, STATED, data) == RequestStated(text="[sealed]", category="complaint")


def test_the_end_destroys_the_key() -> None:
    """When the call has left memory nobody can read it, the service that sealed it neither."""
    intake = sealing()
    data = stored(intake, STATED)
    intake.forget("c1")
    assert read(intake, STATED, data) == RequestStated(text="[sealed]", category="complaint")


def test_a_customer_keeps_the_key() -> None:
    """Identifying a customer puts the key before the fact; from there on all is plain, and the rest can be opened."""
    intake = sealing()
    before = stored(intake, STATED)
    identified = CallerIdentified(standing="customer", name="Alba")
    (_, kept), (_, second) = intake.following([("c1", identified)])
    assert isinstance(kept, KeyKept)
    assert second == identified
    assert b"Alba" in stored(intake, identified)
    intake.happened("c1", kept)
    assert b"estalactita" in stored(intake, STATED)
    assert intake.following([("c1", identified)]) == [("c1", identified)]
    key = Message("c1", "key.kept", stored(intake, kept), "2", "/a/intake")
    sealed = Message("c1", "request.stated", before, "1", "/a/intake")
    assert json.loads(Keys([key]).open(sealed).data)["text"] == STATED.text
    assert Keys([]).open(sealed) == sealed
    late = sealing()
    late.happened("c1", kept)
    assert (late.unread(), late.unread()) == (["c1"], [])
    assert read(late, STATED, before) == STATED


def test_an_identification_that_was_refused_keeps_nothing() -> None:
    """A decision that comes to nothing leaves the caller a stranger."""
    intake = sealing()
    intake.following([("c1", CallerIdentified(standing="customer"))])
    intake.refusing()
    assert b"estalactita" not in stored(intake, STATED)


@pytest.mark.parametrize(
    ("protocol", "aggregate", "event"),
    [
        (Protocol(name="usual"), "c1", STATED),
        (Protocol(name="asks", asks_for=()), "c1", STATED),
        (FORGETTING, "customer:42", CustomerRegistered(name="Alba", kind="bank")),
        (FORGETTING, "c1", CallOffered(queue="main")),
    ],
)
def test_what_is_not_secret_is_stored_as_it_is(protocol: Protocol, aggregate: str, event: Data) -> None:
    """Usual centres, the directory, and events without personal values are not touched."""
    assert stored(sealing(protocol=protocol), event, aggregate) == registry.encode(event)[2]


def test_a_service_without_keys_leaves_out() -> None:
    """Routing stores nothing personal of a stranger; of a kept call it does."""
    routing = sealing(holds=False)
    assigned = CallAssigned(owner="ana", instruction="una estalactita")
    assert json.loads(stored(routing, assigned)) == {"owner": "ana"}
    routing.happened("c1", KeyKept())
    assert json.loads(stored(routing, assigned))["instruction"] == "una estalactita"


def test_forgetting_is_for_good() -> None:
    """A later protocol that keeps everybody does not undo what callers were promised."""
    intake = sealing()
    intake.refer(Protocol(name="usual", version=2))
    assert b"estalactita" not in stored(intake, STATED)


@pytest.mark.parametrize("name", sorted(registry.recorded_types()))
def test_every_type_can_be_read_without_its_secrets(name: str) -> None:
    """For each personal field that must be there something stands that its type allows."""
    kind = registry.recorded_types()[name]
    for field, value in stand_ins(kind).items():
        shape: Any = kind.model_json_schema()["properties"][field]
        assert shape["x-personal"]
        assert value is not None


def test_data_that_only_looks_sealed_is_left_alone() -> None:
    """A text that quotes the member's name is no sealed data."""
    given = registry.encode(RequestStated(text='"sealed": "x"', category="error"))[2]
    assert opened("request.stated", given, {}) == given
    assert json.loads(opened("contact.given", stored(sealing(), ContactGiven(email="a@b")), {})) == {}


def test_parts_of_a_commit_end_with_a_decision() -> None:
    """More than a batch holds is cut between decisions, never within one."""
    places = [(1, 1)] * 998 + [(1, 3), (2, 3), (3, 3)] + [(1, 2), (2, 2)]
    messages = [Message("c", "n", b"", str(n), "s", place=place) for n, place in enumerate(places)]
    parts = list(decisions(messages))
    assert [len(part) for part in parts] == [998, 5]
    assert [message for part in parts for message in part] == messages
