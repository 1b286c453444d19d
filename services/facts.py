"""What a fact must be before anything is decided on it: judged here for the services and for every door."""

from __future__ import annotations

from datetime import datetime

from contracts import registry
from contracts.base import Data
from contracts.facts import EARLIEST, LATEST
from eventlog.codec import JSON, Malformed, Message

__all__ = ["aggregate_of", "check_time", "fact_of", "read", "topic_of"]


def fact_of(message: Message, topic: str) -> Data:
    """The data of a fact that is published on a topic of the inbox.

    Malformed names the first attribute (`ce-type`, …) or field of the data that is not as expected; `unknown` is
    set where that is a type or version that is not ours.
    """
    if message.content_type.partition(";")[0].strip().lower() != JSON:
        raise Malformed("content-type", JSON, message.content_type or "nothing")
    if message.name not in registry.FACTS[topic]:
        topic_of(message)
        raise Malformed("ce-type", f"a fact of the topic {topic}", message.name, unknown=True)
    check_time(message.time)
    return read(message.name, message.version, message.data)


def topic_of(message: Message) -> str:
    """The topic on which a fact travels, by its type; Malformed where that is none of a fact."""
    topic = registry.topic_of(message.name)
    if topic is None:
        raise Malformed("ce-type", "a fact that is in the contract", message.name, unknown=True)
    return topic


def aggregate_of(topic: str, id: str) -> str:
    """The aggregate that a fact of a topic is about, under this id; Malformed where that can be no id."""
    if not registry.valid_id(id, topic):
        what = "letters, digits and _ @ = + : ~ - as the id, and no reserved word"
        raise Malformed("subject", what, id[:96] or "nothing")
    return registry.aggregate_of(topic, id)


def read(name: str, version: int, data: bytes) -> Data:
    """The data of a fact or event; Malformed where it is none of ours."""
    try:
        return registry.decode(name, version, data)
    except registry.Unreadable as reason:
        raise Malformed(reason.field, reason.expected, reason.found, unknown=reason.unknown) from None


def check_time(time: datetime | None) -> None:
    """Malformed if a fact or command says to have occurred when nothing could be reckoned from."""
    if time and not EARLIEST <= time < LATEST:
        raise Malformed("ce-time", "a time from 1970 to 2199", str(time))
