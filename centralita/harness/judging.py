"""What must and must not have been recorded, and the story that is told where it is otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from centralita.client import Event
from centralita.harness.events import matches, story

if TYPE_CHECKING:
    from centralita.harness.centre import CallCentre

__all__ = ["Judged"]


class Judged:
    """A call, an agent, a whole centre: whatever events are recorded of."""

    centre: CallCentre

    def events(self, type: str = "", *, settled: bool = True) -> list[Event]:
        """What was recorded of it, in order; of one type, or all."""
        every = self.centre.every(settled=settled)
        return [event for event in every if self._mine(event) and type in ("", event.type)]

    def must(
        self,
        type: str,
        /,
        *,
        count: int | None = None,
        at: str | datetime | None = None,
        contains: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Event:
        """There is such an event, or exactly `count` of them; the last one.

        All other words are data that it must have (maps as far as given; None: the field is not there), as is `data`,
        for fields with the name of a word. `at`: when it occurred. `contains`: parts of texts, elements of lists.
        """
        __tracebackhide__ = True
        if count is not None and count < 1:
            raise ValueError(f"count: expected 1 or more, found {count}; that there is none, must_not says")
        expected = {**more, **(data or {})}
        same, found = self._found(type, expected, at, contains, settled=count is not None)
        if not found:  # a backend under test may have published since
            same, found = self._found(type, expected, at, contains)
        if len(found) != count if count is not None else not found:
            many = f"{count} times" if count is not None else "once at least"
            self._fail(
                f"expected {self._told(type, expected, at, contains)} {many}, found {len(found)}", same
            )
        return found[-1]

    def must_not(
        self,
        type: str,
        /,
        *,
        at: str | datetime | None = None,
        contains: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> None:
        """There is no such event; the words are those of `must`."""
        __tracebackhide__ = True
        expected = {**more, **(data or {})}
        _, found = self._found(type, expected, at, contains)
        if found:
            self._fail(f"expected no {self._told(type, expected, at, contains)}, found {len(found)}", found)

    def story(self) -> str:
        """Everything recorded of it, a line each, by the time since the centre's start."""
        return story(self.events(settled=False), self.centre.start)

    def _mine(self, event: Event) -> bool:
        raise NotImplementedError

    def _found(
        self,
        type: str,
        data: Mapping[str, Any],
        at: str | datetime | None,
        contains: Mapping[str, Any] | None,
        *,
        settled: bool = True,
    ) -> tuple[list[Event], list[Event]]:
        time = self.centre.moment(at) if at else None
        same = self.events(type, settled=settled)
        return same, [event for event in same if matches(event, _fields(data), _fields(contains or {}), time)]

    def _told(
        self,
        type: str,
        data: Mapping[str, Any],
        at: str | datetime | None,
        contains: Mapping[str, Any] | None,
    ) -> str:
        words = [f"{name}={value!r}" for name, value in data.items()]
        words += [f"{name} containing {part!r}" for name, part in (contains or {}).items()]
        words += [f"at {at}"] if at else []
        return f"{type} of {self}" + (f" with {', '.join(words)}" if words else "")

    def _fail(self, why: str, found: list[Event]) -> NoReturn:
        __tracebackhide__ = True
        parts = [why]
        if found:
            parts += ["  of this type there is:"]
            parts += [f"    {json.dumps(event.data, ensure_ascii=False)}" for event in found]
        parts += [f"  the story of {self} until {self.centre.time}:", self.story()]
        raise AssertionError("\n".join(parts))


def _fields(data: Mapping[str, Any]) -> dict[str, Any]:
    """Data under the names that it has in the contract: `from_` is `from`."""
    return {name.removesuffix("_"): value for name, value in data.items()}
