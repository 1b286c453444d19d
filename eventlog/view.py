"""Read models: SQLite tables that follow the log, rows and position in one transaction; a cache."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from eventlog import errors
from eventlog.codec import Malformed, Message, Types
from eventlog.feed import Feed
from eventlog.readers import Readers
from eventlog.stream import Raw, Stream

T = TypeVar("T")
_TABLES = (
    "select name from pragma_table_list"
    " where schema = 'main' and type in ('table', 'virtual') and name not like 'sqlite_%'"
)
"""Without the tables in which a virtual one keeps what it knows: they differ from one building to the next."""
_FEW = 50
"""Messages that are taken in at once, as handing them to a thread costs more."""
_PATIENCE = 5000
"""Milliseconds to wait for another instance that writes to the same file."""
_READING = "create table {} reading (one integer primary key, schema text, position integer, id text)"


@dataclass(frozen=True, slots=True)
class Reading:
    """What makes a read model: its tables, whose events it reads, what they change, what it answers.

    `passes` are the types of events that change nothing, and are not even read; `short` the answers that are looked up
    by a key.
    """

    name: str
    schema: str
    services: tuple[str, ...]
    apply: Callable[[sqlite3.Connection, Message, Any], None]
    answers: dict[str, Callable[[sqlite3.Connection, Any], dict[str, Any]]] = field(default_factory=dict)
    passes: frozenset[str] = frozenset()
    short: frozenset[str] = frozenset()


class View:
    """A read model of one centre in a file (or in memory), kept up to date while `run` runs."""

    def __init__(
        self, reading: Reading, types: Types, path: Path | None, database: sqlite3.Connection | None = None
    ) -> None:
        self.reading, self.types, self.path = reading, types, path
        self.position = 0
        self.id = ""
        self.feed = Feed()
        self._read = 0  # up to here nothing is missing; the position is that of the last message taken
        self._failure = ""
        self._sound = False  # until it is known that the tables are of this log
        self._changed = asyncio.Condition()
        self._turn = Lock()  # of threads: one whose awaiter was cancelled still finishes
        self._database = self._prepared(database) if database else self._open()
        self._readers = Readers(path) if path and not database else None

    def _open(self) -> sqlite3.Connection:
        if self.path:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            return self._connect()
        except sqlite3.DatabaseError:
            # not a database, or damaged: it is a cache, and is built anew
            if not self.path:
                raise
            self._remove()
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path or ":memory:", check_same_thread=False, isolation_level=None)
        try:
            return self._prepared(database)
        except sqlite3.DatabaseError:
            database.close()
            raise

    def _prepared(self, database: sqlite3.Connection) -> sqlite3.Connection:
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = normal")
        if database.execute("pragma quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError(f"{self.path} is damaged")
        database.execute(_READING.format("if not exists"))
        row = database.execute("select schema, position, id from reading").fetchone()
        if row is None or row[0] != self.reading.schema:
            for (table,) in database.execute(_TABLES).fetchall():
                database.execute(f'drop table "{table}"')
            database.execute(_READING.format(""))
            database.executescript(self.reading.schema)
            database.execute("insert into reading values (1, ?, 0, '')", (self.reading.schema,))
            row = (self.reading.schema, 0, "")
        _, self.position, self.id = row
        return database

    async def run(self, log: Stream, subjects: list[str]) -> None:
        """Follow these subjects of the log until cancelled, or `feed` ends; errors.LogError when the log is lost."""
        try:
            if self.position < 0 or not await self._is_of(log):
                await self._anew()
            await self._reached(self.position)
            async for until, part in self.feed.parts(log, subjects, self.position):
                try:
                    if len(part) > _FEW or not self.take(part, wait=False):
                        await asyncio.to_thread(self.take, part)
                    await self._reached(until)
                except Exception as failure:  # whatever it is, whoever asks is told
                    self._failure = f", {type(failure).__name__}: {failure}"
                    if type(failure) is sqlite3.DatabaseError:  # damaged; subclasses mean other things
                        await self._anew()
                    raise errors.Unavailable(f"{self.reading.name} has failed{self._failure}") from failure
        finally:
            self._sound = False

    async def _is_of(self, log: Stream) -> bool:
        """Whether the log bears the tables out; not where they are of another one, or ahead of it."""
        if not self.position:
            return True
        raw = await log.get(self.position)
        return raw is not None and raw.message().id == self.id

    async def _anew(self) -> None:
        self._sound, self.position = False, -1  # until there are tables again
        if self._readers:
            self._readers.close()
        try:
            await asyncio.to_thread(self._forget)
        except (OSError, sqlite3.Error) as failure:
            self._failure = f", {type(failure).__name__}: {failure}"
            raise errors.Unavailable(f"{self.reading.name} cannot be built anew{self._failure}") from failure

    async def _reached(self, position: int) -> None:
        async with self._changed:
            self._read, self._failure, self._sound = position, "", True
            self._changed.notify_all()

    def take(self, part: list[Raw], *, wait: bool = True) -> bool:
        """Put what is new of a list of messages, and the position, into the tables, in one transaction.

        False, and nothing has changed, where somebody else is at the tables and is not to be waited for.
        """
        if not part:
            return True
        if not self._turn.acquire(blocking=wait):
            return False
        try:
            database = self._database
            database.execute(f"pragma busy_timeout = {_PATIENCE if wait else 0}")
            try:
                database.execute("begin immediate")
            except sqlite3.OperationalError:
                if wait:
                    raise
                return False
            try:
                self._take(database, part)
                database.execute("commit")
            except BaseException:
                if database.in_transaction:
                    database.execute("rollback")
                raise
            self.position, self.id = part[-1].seq, part[-1].message().id
            return True
        finally:
            self._turn.release()

    def _take(self, database: sqlite3.Connection, part: list[Raw]) -> None:
        # another instance may keep the same file
        schema, position, id = database.execute("select schema, position, id from reading").fetchone()
        if position < self.position or schema not in (self.reading.schema, ""):
            self.position, self.id = position, id
            raise errors.Unavailable("another instance has begun the tables anew")
        for raw in part:
            name = raw.name
            if raw.seq > position and name not in self.reading.passes and not name.startswith("term."):
                self._apply(database, raw.message())
        last = part[-1].seq, part[-1].message().id
        database.execute("update reading set position = ?, id = ? where position < ?", (*last, last[0]))

    def _apply(self, database: sqlite3.Connection, message: Message) -> None:
        """Take in one message; what this release cannot read is left out until the tables are next opened."""
        try:
            event = self.types.decode(message.name, message.version, message.data)
        except Malformed as malformed:
            if not malformed.unknown:
                raise
            database.execute("update reading set schema = ''")  # so that they are built anew then
            return
        self.reading.apply(database, message, event)

    def _forget(self) -> None:
        with self._turn:
            self._database.close()
            self._remove()
            self._database = self._connect()

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm") if self.path else ():
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    async def reached(self, log: Stream, subjects: list[str], position: int, patience: float = 10.0) -> None:
        """Wait until everything of these subjects up to a position of the log is in the tables."""
        if self._sound and position <= self._read:
            return
        target = position
        if not self.feed.live:
            target = min(position, await log.last_sequence())
        with suppress(TimeoutError), self.feed.hurried():
            async with asyncio.timeout(patience), self._changed:
                await self._changed.wait_for(lambda: self._sound and self._read >= target)
                return
        where = f"at {self._read}, asked for {target}{self._failure}"
        raise errors.Unavailable(f"the read model {self.reading.name} is {where}")

    async def ask(self, answer: Callable[[sqlite3.Connection], T], *, short: bool = False) -> T:
        """Answer a question between two transactions; `short`: at once, as it takes few steps."""
        if self._readers:
            return await self._readers.ask(answer, short=short)

        def answered() -> T:
            with self._turn:
                return answer(self._database)

        return await asyncio.to_thread(answered)

    def differing(self, path: Path) -> list[str]:
        """The tables whose rows are not those of another database with the same tables, by name."""
        with self._turn:
            rows = self._database.execute
            rows("attach ? as other", (str(path),))
            return sorted(
                name for (name,) in rows(_TABLES).fetchall() if name != "reading" and self._differs(name)
            )

    def _differs(self, name: str) -> bool:
        mine, other = f'select * from main."{name}"', f'select * from other."{name}"'
        # a row that is there twice shows in the count
        counts = f"(select count(*) from ({mine})) <> (select count(*) from ({other}))"
        differs = f"select exists ({mine} except {other}) or exists ({other} except {mine}) or {counts}"
        return bool(self._database.execute(differs).fetchone()[0])

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows by table, sorted: what `verify` compares with a rebuild."""
        with self._turn:
            rows = self._database.execute
            names = [name for (name,) in rows(_TABLES) if name != "reading"]
            return {name: sorted(rows(f'select * from "{name}"'), key=repr) for name in names}

    def close(self) -> None:
        """Close the file."""
        if self._readers:
            self._readers.close()
        with self._turn:
            self._database.close()
