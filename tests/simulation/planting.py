"""Planted faults: how they get into the real code, and out of it again."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

Swap = tuple[Any, str, Any]
MUTANTS: dict[str, Callable[[], Sequence[Swap]]] = {}


def planted(make: Callable[[], Sequence[Swap]]) -> Callable[[], Sequence[Swap]]:
    """A fault, by its name: what it replaces, and with what."""
    MUTANTS[make.__name__] = make
    return make


@contextmanager
def grown(name: str) -> Iterator[None]:
    """Have the fault in the code for a while."""
    swaps = MUTANTS[name]()
    before = [(owner, key, _get(owner, key)) for owner, key, _ in swaps]
    try:
        for owner, key, new in swaps:
            _set(owner, key, new)
        yield
    finally:
        for owner, key, old in before:
            _set(owner, key, old)


def _get(owner: Any, key: Any) -> Any:
    return owner[key] if isinstance(owner, Mapping) else owner.__dict__[key]


def _set(owner: Any, key: Any, value: Any) -> None:
    if isinstance(owner, dict):
        owner[key] = value
    else:
        setattr(owner, key, value)


def sometimes(number: int) -> Callable[[], bool]:
    """True every so many times."""
    turns = itertools.count(1)
    return lambda: next(turns) % number == 0
