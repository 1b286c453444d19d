"""Which aggregates have ever had an event, in two bytes each: most that are new need not be looked for in the log."""

from __future__ import annotations

from hashlib import blake2b
from struct import unpack

_BITS_EACH = 16
_FIRST = 1 << 16
"""Names that the first layer holds; each further one holds twice as many as the one before it."""


class Seen:
    """A Bloom filter that grows: what it does not know was never added; of the rest it mistakes one name in fifty."""

    __slots__ = ("_layers", "_room")

    def __init__(self) -> None:
        self._layers: list[bytearray] = []
        self._room = 0

    def add(self, name: str) -> None:
        """Know this name from now on."""
        numbers = _numbers(name)
        if self._has(numbers):
            return
        if not self._room:
            self._room = _FIRST << len(self._layers)
            self._layers.append(bytearray(self._room * _BITS_EACH // 8))
        self._room -= 1
        layer = self._layers[-1]
        for number in numbers:
            place = number % (len(layer) << 3)
            layer[place >> 3] |= 1 << (place & 7)

    def __contains__(self, name: str) -> bool:
        return self._has(_numbers(name))

    def _has(self, numbers: tuple[int, ...]) -> bool:
        for layer in self._layers:
            size = len(layer) << 3
            for number in numbers:
                place = number % size
                if not layer[place >> 3] >> (place & 7) & 1:
                    break
            else:
                return True
        return False


def _numbers(name: str) -> tuple[int, ...]:
    return unpack("<4I", blake2b(name.encode(), digest_size=16).digest())
