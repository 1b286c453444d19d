"""Events under stable names and versions, for the `eventsourcing` library's stores.

A stored topic is the event's name, with `@<version>` behind it from the second version on. What has no name
keeps the library's own topic.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar, cast

from eventsourcing.domain import DomainEventProtocol, TAggregateID
from eventsourcing.persistence import (
    Mapper,
    MapperDeserialisationError,
    ProgrammingError,
    StoredEvent,
    find_id_convertor,
)

from eventlog.codec import Malformed, Types, Upcast

__all__ = ["NamedMapper", "Recorded", "Registry", "join_topic", "split_topic"]

_VERSIONED = re.compile(r"(?s)(.+)@([2-9]|[1-9]\d{1,8})")
_Class = TypeVar("_Class", bound=type)


def join_topic(name: str, version: int) -> str:
    """The topic of a name and schema version: `call.offered`, `call.offered@2`."""
    return name if version == 1 else f"{name}@{version}"


def split_topic(topic: str) -> tuple[str, int]:
    """The name and schema version of any topic; the inverse of `join_topic`."""
    found = _VERSIONED.fullmatch(topic)
    return (found[1], int(found[2])) if found else (topic, 1)


@dataclass(frozen=True, slots=True)
class Recorded(Generic[TAggregateID]):
    """An event that knows nothing of stores, with the aggregate it belongs to and its version there."""

    originator_id: TAggregateID
    originator_version: int
    event: Any


class Registry:
    """Stable names and present versions for the library's event classes, and the way up to these versions."""

    def __init__(self) -> None:
        self._names: dict[type, tuple[str, int]] = {}
        self._classes: dict[str, tuple[type, int]] = {}
        self._upcasts: dict[tuple[str, int], Upcast] = {}

    def event(self, name: str, version: int = 1) -> Callable[[_Class], _Class]:
        """Class decorator: stored under this name (without a colon) and version. ValueError if taken."""

        def register(cls: _Class) -> _Class:
            if not name or ":" in name or version < 1 or split_topic(name) != (name, 1):
                raise ValueError(f"{name!r} at version {version} cannot name an event")
            if name in self._classes or cls in self._names:
                raise ValueError(f"{name!r} or {cls.__qualname__} is registered already")
            self._names[cls], self._classes[name] = (name, version), (cls, version)
            return cls

        return register

    def upcast(self, name: str, version: int) -> Callable[[Upcast], Upcast]:
        """Decorator of a function that takes the fields of a version and returns those of the next."""

        def register(lift: Upcast) -> Upcast:
            if (name, version) in self._upcasts:
                raise ValueError(f"{name!r} is lifted from version {version} already")
            self._upcasts[name, version] = lift
            return lift

        return register

    def __contains__(self, name: str) -> bool:
        return name in self._classes

    def name_of(self, cls: type) -> tuple[str, int] | None:
        """Name and present version of a class; None if it has no name."""
        return self._names.get(cls)

    def lift(self, name: str, version: int, fields: dict[str, Any]) -> tuple[type, dict[str, Any]]:
        """The class for a name, and the fields of its present version; Malformed if there is no way up."""
        cls, present = self._classes[name]
        while version < present and (step := self._upcasts.get((name, version))):
            fields, version = step(fields), version + 1
        if version != present:
            raise Malformed(
                "ce-dataversion", f"a version of {name} up to {present}", str(version), unknown=True
            )
        return cls, fields


class NamedMapper(Mapper[TAggregateID]):
    """Maps by name: subclass it with a `registry`, with `types`, or with both, and name it in MAPPER_TOPIC.

    `registry` is for the library's event classes; `types` for events wrapped in `Recorded`. Compressor and
    cipher work on the encoded event, as in the library. MapperDeserialisationError for what cannot be read.
    """

    registry: ClassVar[Registry] = Registry()
    types: ClassVar[Types | None] = None

    def to_stored_event(self, domain_event: DomainEventProtocol[TAggregateID]) -> StoredEvent:
        """The stored event, under its stable name if it has one."""
        if isinstance(domain_event, Recorded):
            if self.types is None:
                raise ProgrammingError(
                    f"{type(self).__qualname__} has no types for {type(domain_event.event)}"
                )
            name, version, state = self.types.encode(domain_event.event)
        elif known := self.registry.name_of(type(domain_event)):
            name, version = known
            fields = dict(vars(domain_event))
            del fields["originator_id"], fields["originator_version"]
            state = self.transcoder.encode(fields)
        else:
            return super().to_stored_event(domain_event)
        if self.compressor:
            state = self.compressor.compress(state)
        if self.cipher:
            state = self.cipher.encrypt(state)
        topic = join_topic(name, version)
        return StoredEvent(domain_event.originator_id, domain_event.originator_version, topic, state)

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[TAggregateID]:
        """The event at its present version: an object of its class, or from `types` and in `Recorded`."""
        name, version = split_topic(stored_event.topic)
        types = self.types if ":" not in name else None
        if name not in self.registry and types is None:
            return super().to_domain_event(stored_event)
        try:
            state = stored_event.state
            if self.cipher:
                state = self.cipher.decrypt(state)
            if self.compressor:
                state = self.compressor.decompress(state)
            if name not in self.registry and types is not None:
                event = types.decode(name, version, state)
                originator_id = cast(TAggregateID, stored_event.originator_id)
                return Recorded(originator_id, stored_event.originator_version, event)
            cls, fields = self.registry.lift(name, version, self.transcoder.decode(state))
        except Exception as error:
            raise MapperDeserialisationError(
                f"cannot read {stored_event.topic}, version {stored_event.originator_version} of "
                f"{stored_event.originator_id}: {error}"
            ) from error
        to_id = find_id_convertor(cls, cast(Hashable, type(stored_event.originator_id)))
        fields["originator_id"] = to_id(stored_event.originator_id)
        fields["originator_version"] = stored_event.originator_version
        domain_event: DomainEventProtocol[TAggregateID] = object.__new__(cls)
        object.__setattr__(domain_event, "__dict__", fields)
        return domain_event
