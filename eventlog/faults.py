"""Faults: what is no refusal of an input but an error of ours, and how long it is tried again."""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Callable

from eventlog.codec import Malformed

_LONGEST, _MESSAGE = 4000, 1000


class Fault(Exception):
    """An input could not be handled; nothing has changed. Its cause is the error.

    `reason` names error and place and quotes nothing, `attempts` is how often it was tried. With `behind` it was not
    tried at all: it waits behind the letter at that position, or (None) for its aggregate, which has stopped.
    """

    def __init__(self, error: BaseException | None, reason: str = "", behind: int | None = None) -> None:
        self.error, self.behind = error, behind
        self.attempts = 1 if error else 0
        self.reason = reason or _named(error)
        super().__init__(self.reason)

    def stack(self, quoting: bool) -> str:
        """The frames as `module:line function`, innermost last, and the error; its text only where `quoting`."""
        if self.error is None:
            return ""
        error = type(self.error).__name__
        lines = [*_frames(self.error), f"{error}: {self.error}"[:_MESSAGE] if quoting else error]
        while sum(len(line) + 1 for line in lines) > _LONGEST:
            del lines[0]
        return "\n".join(lines)


class Broken(Exception):
    """An error while a decision was taken into memory, which cannot be trusted now; its cause is the error."""


def _frames(error: BaseException) -> list[str]:
    return [
        f"{frame.f_globals.get('__name__', '?')}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]


def _named(error: BaseException | None) -> str:
    if isinstance(error, Malformed) and error.unknown:
        return str(error)
    where = next(reversed(_frames(error)), "nowhere") if error else "nowhere"
    return f"{type(error).__name__} at {where}"


class Patience:
    """How long each fault is waited for, so that all of them together hold up the others for little.

    `waits` are the seconds before each new attempt; in any `window` seconds no more than `most` are spent. A fault
    that has just been given up on is not waited for again. `condemned` are the inputs by which a memory was broken, by
    their identity.
    """

    def __init__(
        self,
        waits: tuple[float, ...] = (0.02, 0.08, 0.3),
        most: float = 0.8,
        window: float = 10.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._waits, self._most, self._window, self._now = waits, most, window, now
        self._spent: deque[tuple[float, float, str]] = deque()
        self.condemned: dict[tuple[str, str, str, int], Fault] = {}

    def waits(self, reason: str) -> tuple[float, ...]:
        """The seconds to wait before each new attempt, 0 for one at once."""
        now = self._now()
        while self._spent and self._spent[0][0] < now - self._window:
            self._spent.popleft()
        known = any(reason == it for _, _, it in self._spent)
        if known or sum(spent for _, spent, _ in self._spent) + sum(self._waits) > self._most:
            return (0.0,)
        self._spent.append((now, sum(self._waits), reason))
        return self._waits
