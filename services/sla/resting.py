"""Aggregates at rest: what only waits for its time is kept in few bytes, and becomes an object when it is touched."""

from __future__ import annotations

import marshal
from collections import OrderedDict
from collections.abc import Callable, ItemsView, Iterator, MutableMapping
from datetime import UTC, datetime
from typing import Any

from services.sla.state import Aggregate, Deadline, Promises, closed
from services.sla.timers import micros, moment

_AWAKE = 4096
"""How many of those touched last are objects, beside those that are over and soon leave memory."""
_DEADLINE, _PROMISES = (tuple(kind._field_defaults.values()) for kind in (Deadline, Promises))


class Aggregates(MutableMapping[str, Aggregate]):
    """Aggregates by id; all but those touched last are bytes, which take a tenth and no garbage collection."""

    __slots__ = ("_all", "_awake")

    def __init__(self) -> None:
        self._all: dict[str, Aggregate | bytes] = {}
        self._awake: OrderedDict[str, None] = OrderedDict()

    def __getitem__(self, id: str) -> Aggregate:
        found = self._all[id]
        if isinstance(found, bytes):
            self[id] = found = unpacked(found)
        return found

    def __setitem__(self, id: str, aggregate: Aggregate) -> None:
        self._all[id] = aggregate
        if isinstance(aggregate, Promises):
            self._awake[id] = None
            self._awake.move_to_end(id)
            if len(self._awake) > _AWAKE:
                self._rest(self._awake.popitem(last=False)[0])

    def _rest(self, id: str) -> None:
        found = self._all[id]
        if isinstance(found, Promises) and not closed(found):
            self._all[id] = packed(found) or found

    def __getstate__(self) -> object:
        for id in self._awake:  # what is kept rests, and so does what is read of it
            self._rest(id)
        self._awake = OrderedDict((id, None) for id in self._awake if not isinstance(self._all[id], bytes))
        return super().__getstate__()

    def __delitem__(self, id: str) -> None:
        del self._all[id]
        self._awake.pop(id, None)

    def __contains__(self, id: object) -> bool:
        return id in self._all

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def items(self) -> ItemsView[str, Aggregate]:
        """Each with its id; looking through them all wakes none."""
        return _Items(self)

    def look(self, id: str) -> Aggregate:
        """An aggregate, which goes on resting."""
        found = self._all[id]
        return unpacked(found) if isinstance(found, bytes) else found


class _Items(ItemsView[str, Aggregate]):
    def __init__(self, aggregates: Aggregates) -> None:
        super().__init__(aggregates)
        self._aggregates = aggregates

    def __iter__(self) -> Iterator[tuple[str, Aggregate]]:
        return ((id, self._aggregates.look(id)) for id in self._aggregates)


def packed(promises: Promises) -> bytes | None:
    """What tells these promises from others; None where a time is not in UTC, which would be lost."""
    try:
        deadlines = tuple(_shortened(_plain(it), _DEADLINE) for it in promises.deadlines)
        plain = promises._replace(deadlines=deadlines, answered=_number(promises.answered))
    except ValueError:
        return None
    return marshal.dumps(_shortened(plain, _PROMISES))


def unpacked(data: bytes) -> Promises:
    """The promises that were packed."""
    plain = Promises(*marshal.loads(data))
    deadlines = tuple(_whole(Deadline(*it)) for it in plain.deadlines)
    return plain._replace(deadlines=deadlines, answered=_time(plain.answered))


def _plain(it: Deadline) -> Deadline:
    """Times as numbers; a limit is left out where it is what lies between two of them."""
    plain = _change_times(it, _number)
    limit: Any = it.limit_s
    spans = isinstance(limit, float) and limit == (it.due - it.since).total_seconds()
    return plain._replace(limit_s=None) if spans else plain  # type: ignore[arg-type]


def _whole(plain: Deadline) -> Deadline:
    it = _change_times(plain, _time)
    limit: Any = it.limit_s
    return it if limit is not None else it._replace(limit_s=(it.due - it.since).total_seconds())


def _change_times(it: Deadline, change: Callable[[Any], Any]) -> Deadline:
    changed = it._replace(since=change(it.since), due=change(it.due))
    if it.warn is not None or it.escalate or it.ended is not None:
        escalate = tuple(change(at) for at in it.escalate)
        changed = changed._replace(warn=change(it.warn), escalate=escalate, ended=change(it.ended))
    return changed


def _number(at: datetime | None) -> Any:
    if at is None:
        return None
    if at.tzinfo is not UTC and at.utcoffset():
        raise ValueError(at)
    number = micros(at)
    return float(number) if abs(number) < 1 << 53 else number  # nine bytes, four less than as an integer


def _time(number: Any) -> datetime | None:
    return None if number is None else moment(int(number))


def _shortened(values: tuple[Any, ...], defaults: tuple[Any, ...]) -> Any:
    """Without what is at the end and as it is by default."""
    end, first = len(values), len(values) - len(defaults)
    while end > first and values[end - 1] == defaults[end - 1 - first]:
        end -= 1
    return tuple(values[:end])
