"""Where facts go and events stand, by their subjects; which commands and queries there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from centralita.client.events import Fact, to_json
from centralita.client.problems import Problem, Refusal
from contracts import registry
from eventlog.codec import Message

__all__ = ["addressed", "check", "subjects"]


def addressed(fact: Fact, centre: str) -> tuple[str, Message]:
    """Subject and message of a fact; ValueError if its type is none or the id cannot stand in a subject."""
    topic = registry.topic_of(fact.type)
    if topic is None:
        raise ValueError(f"type: {fact.type!r} is no fact that Centralita knows")
    if not registry.valid_id(fact.about, topic):
        raise ValueError(
            f"subject: {fact.about!r} cannot be an id: letters, digits and _ @ = + : ~ -, 96 at most"
        )
    message = Message(
        aggregate=fact.about,
        name=fact.type,
        data=to_json(fact.data),
        id=fact.id,
        source=fact.source,
        version=fact.version,
        time=fact.time or datetime.now(UTC),
        trace=fact.trace,
    )
    return registry.inbox_subject(centre, topic, fact.about), message


def subjects(centre: str, services: Sequence[str] = (), about: str = "") -> list[str]:
    """Where on a centre's log that is found which these services recorded about somebody; all, where none is named."""
    if not services and not about:
        return [f"log.{centre}.>"]
    return [registry.log_subject(centre, service, about or ">") for service in services or ("*",)]


def check(what: str, service: str, name: str, known: Mapping[str, Mapping[str, Any]]) -> None:
    """Nobody listens where nothing is to be had: say so at once, and what there is."""
    if name not in known.get(service, {}):
        every = ", ".join(sorted(f"{service} {name}" for service, names in known.items() for name in names))
        raise Refusal(
            Problem(
                type=f"/problems/unknown-{what}",
                title=f"Unknown {what}",
                status=404,
                rule=f"unknown-{what}",
                detail=f"{service} knows no {what} {name}",
                expected=f"one of: {every}",
            )
        )
