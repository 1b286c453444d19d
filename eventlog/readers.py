"""Connections that only read a SQLite file, each question between two transactions of whoever writes it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
_STEPS = 20_000
"""Steps of SQLite's machine that may be taken at once: a few milliseconds."""


class Readers:
    """What is asked of one file; no question waits for a transaction, nor for another question."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._short: sqlite3.Connection | None = None

    async def ask(self, answer: Callable[[sqlite3.Connection], T], *, short: bool) -> T:
        """Answer at once what is short, and in a thread what is not, or takes more steps than it should."""
        if short:
            with suppress(sqlite3.OperationalError):
                return self._at_once(answer)
        return await asyncio.to_thread(self._aside, answer)

    def _at_once(self, answer: Callable[[sqlite3.Connection], T]) -> T:
        if self._short is None:
            self._short = self._connected()
            self._short.set_progress_handler(lambda: 1, _STEPS)
        return _answered(self._short, answer)

    def _aside(self, answer: Callable[[sqlite3.Connection], T]) -> T:
        with closing(self._connected()) as database:
            return _answered(database, answer)

    def _connected(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", isolation_level=None, uri=True)

    def close(self) -> None:
        """Let go of the file."""
        if self._short:
            self._short.close()
            self._short = None


def _answered(database: sqlite3.Connection, answer: Callable[[sqlite3.Connection], T]) -> T:
    database.execute("begin")  # all that it reads is of one moment
    try:
        return answer(database)
    finally:
        database.execute("rollback")
