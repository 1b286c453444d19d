"""Storing events so that it is known afterwards whether they are stored, all of them or none."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from eventlog import errors
from eventlog.codec import Message
from eventlog.connection import Log
from eventlog.stream import MAX_BATCH

__all__ = ["insert"]

ATTEMPTS = 3
PAUSE = 0.05


class Torn(errors.LogError):
    """The server has stored the beginning of a batch, which is no batch any more."""


Entries = Sequence[tuple[str, Message]]


async def insert(log: Log, entries: Entries, expected: Mapping[str, int]) -> list[int]:
    """Store messages as atomic batches of up to 1,000, and return their sequences.

    `expected` must give the last sequence of each subject among them (0: none), and every message needs an id
    that no other insert gives: by both, a batch whose answer was lost is found again or written anew, never
    stored twice. An error of a later batch says how much is stored.
    """
    stored: list[int] = []
    last = dict(expected)
    for start in range(0, len(entries), MAX_BATCH):
        part = entries[start : start + MAX_BATCH]
        try:
            sequences = await _settled(log, part, {subject: last[subject] for subject, _ in part})
        except errors.LogError as error:
            if not stored:
                raise
            raise type(error)(f"{error}; the first {len(stored)} of {len(entries)} are stored") from error
        last |= zip((subject for subject, _ in part), sequences, strict=True)
        stored += sequences
    return stored


async def _settled(log: Log, part: Entries, expected: Mapping[str, int]) -> list[int]:
    doubt: errors.Unavailable | None = None
    for attempt in range(ATTEMPTS):
        try:
            return await (await log.stream()).append(part, expected=expected, atomic=True)
        except (errors.Conflict, errors.Declined):
            if doubt and (found := await _found(log, part, expected)):
                return found
            raise
        except errors.Unavailable as error:
            doubt = error
            await asyncio.sleep(PAUSE * 2**attempt)
    with suppress(errors.Unavailable):
        if found := await _found(log, part, expected):
            return found
    raise errors.Unavailable(f"{doubt}; it is not known whether the events are stored") from doubt


async def _found(log: Log, part: Entries, expected: Mapping[str, int]) -> list[int]:
    """The sequences of a batch that is in the log; none if it is not.

    A server whose store is full (max_file_store; a limit of the stream does better) stores the beginning of a
    batch and says nothing. That beginning is taken out again.
    """
    stream = await log.stream()
    subject, message = part[0]
    first = await stream.first_after(subject, expected[subject])
    if first is None or first.message().id != message.id:
        return []
    sequences = list(range(first.seq, first.seq + len(part)))
    last = await stream.get(sequences[-1])
    if last is not None and last.message().id == part[-1][1].id:
        return sequences
    begun = [first.seq]
    for seq, (_, message) in zip(sequences[1:], part[1:], strict=True):
        raw = await stream.get(seq)
        if raw is None or raw.message().id != message.id:
            break
        begun.append(seq)
    room = f"the server had room for {len(begun)} of {len(part)} events"
    try:
        for seq in reversed(begun):
            await stream.remove(seq)
    except errors.LogError as error:
        raise Torn(f"{room}, and not all of these could be removed: {error}") from error
    raise Torn(f"{room}, these were removed again")
