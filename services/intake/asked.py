"""What may be asked of a caller: the rest is left out before anything is recorded."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.base import Data
from contracts.deciding import Decision
from contracts.events import RuleViolated
from contracts.protocol import Protocol
from contracts.registry import name_of


def only_asked(protocol: Protocol, fact: Data) -> tuple[Data, list[Data]]:
    """The fact without personal values that the protocol does not ask for, and the violations to record. R31."""
    if protocol.asks_for is None:
        return fact, []
    name = name_of(fact)
    unasked = {field: told for field, told in _given(fact) if f"{name}.{told}" not in protocol.asks_for}
    if not unasked:
        return fact, []
    violations: list[Data] = [
        RuleViolated(rule="R31", fact=name, detail=f"{name}.{told} was given, and is not asked for")
        for told in unasked.values()
    ]
    return fact.model_copy(update=dict.fromkeys(unasked)), violations


def beside(id: str, decision: Decision, violations: list[Data]) -> Decision:
    """The decision on a fact, with what it violated right behind the fact itself."""
    return [*decision[:1], *((id, violation) for violation in violations), *decision[1:]]


def _given(fact: Data) -> Iterator[tuple[str, str]]:
    """The optional personal fields that have a value: as the class and as the published fact calls them."""
    for name, field in type(fact).model_fields.items():
        extra = field.json_schema_extra
        marked = isinstance(extra, dict) and extra.get("x-personal")
        if marked and field.default is None and getattr(fact, name) is not None:
            yield name, field.alias or name
