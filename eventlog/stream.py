"""One JetStream stream through one connection: append, read, follow, keep.

A `Stream` never reconnects and never retries an append whose fate is unknown: that is for the loop to settle,
under a new term.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Any

from eventlog import errors, hold, snapshot
from eventlog.append import EXPECTED, MAX_BATCH, Appender
from eventlog.client import Connection
from eventlog.codec import Malformed
from eventlog.headers import parsed
from eventlog.pull import Lost, Pull, Raw, Settings, above, nanoseconds
from eventlog.reading import Frame

_TRIES = 20
_NO_MESSAGE = 10037


async def streams(connection: Connection) -> set[str]:
    """The names of all streams there are."""
    found: set[str] = set()
    while True:
        query = json.dumps({"offset": len(found)}).encode()
        try:
            reply = await connection.request("$JS.API.STREAM.NAMES", query, timeout=5)
        except Exception as error:
            raise errors.of(error) from error
        answer = json.loads(reply.data)
        errors.check(answer)
        found.update(answer.get("streams") or [])
        if len(found) >= answer["total"]:
            return found
        if not answer.get("streams"):
            raise errors.Unavailable("the server names fewer streams than it counts")


class Stream(Appender):
    """A stream by name; several may share a connection."""

    async def last(self, subject: str) -> Raw | None:
        """The last message of a subject or wildcard, asked of the stream's leader; None if there is none."""
        return await self._get({"last_by_subj": subject})

    async def get(self, seq: int) -> Raw | None:
        """The message at a sequence; None where it was removed or never was."""
        return await self._get({"seq": seq})

    async def first_after(self, subject: str, after: int) -> Raw | None:
        """The first message of a subject or wildcard after a sequence, asked of the stream's leader."""
        return await self._get({"seq": after + 1, "next_by_subj": subject})

    async def _get(self, query: dict[str, Any]) -> Raw | None:
        answer = await self._api(f"STREAM.MSG.GET.{self.name}", query)
        if "error" in answer:
            if answer["error"].get("err_code") == _NO_MESSAGE:
                return None
            errors.check(answer)
        return _raw_of(answer["message"])

    async def last_sequence(self) -> int:
        """The sequence of the stream's last message, 0 when it is empty and was never written."""
        return int((await self._info())["state"]["last_seq"])

    async def widen(self, size: int) -> None:
        """Raise the stream's own limits so far that one more message of so many bytes has room."""
        info = await self._info()
        config, state = info["config"], info["state"]
        for limit, least in (
            ("max_msgs", state["messages"] + 1),
            ("max_bytes", state["bytes"] + size + 1024),
        ):
            if config.get(limit, -1) > 0:
                config[limit] = max(config[limit], least)
        answer = await self._api(f"STREAM.UPDATE.{self.name}", config)
        errors.check(answer)

    async def bounds(self) -> tuple[int, int]:
        """The sequences of the first message that is there (or will be) and of the last."""
        state = (await self._info())["state"]
        return max(int(state["first_seq"]), 1), int(state["last_seq"])

    async def keep(self, subject: str, raw: Raw) -> None:
        """Store a message as it was under a subject of its own; if it is there already, nothing happens.

        It is stored where the stream is full, too: its limits are widened for it, and for nothing else.

        Headers that could not be sent again as they came, or not at all with a message as large as the stream
        takes, are the content of a second one, under `<subject>.headers`.
        """
        headers = {k: v for k, v in raw.headers.items() if k and not k.lower().startswith("nats-")}
        with_headers = await self._once(subject, raw.data, headers)
        stored = await self._api(f"STREAM.MSG.GET.{self.name}", {"seq": raw.seq})
        block = b64decode(stored.get("message", {}).get("hdrs", ""))
        lines = [line for line in block.split(b"\r\n") if line and not line.lower().startswith(b"nats-")]
        again = [b"NATS/1.0", *(f"{k}: {v}".encode() for k, v in headers.items())]
        if lines and not (with_headers and sorted(lines) == sorted(again)):
            await self._once(f"{subject}.headers", block, {})

    async def _once(self, subject: str, data: bytes, headers: dict[str, str]) -> bool:
        for _ in range(_TRIES):
            try:
                return await self._stored_once(subject, data, headers)
            except errors.Full as full:
                if full.limit == "store":
                    raise
                await self.widen(len(data) + sum(len(k) + len(v) + 4 for k, v in headers.items()))
        raise errors.Unavailable(f"{self.name} is full, and others take what is made free for {subject}")

    async def _stored_once(self, subject: str, data: bytes, headers: dict[str, str]) -> bool:
        """Store this unless the subject holds something, without the headers if it is too large with them."""
        failure: errors.LogError | None = None
        for sent in (headers | {EXPECTED: "0"}, None):
            try:
                reply = await self.connection.request(
                    subject, data, timeout=self.settings.timeout, headers=sent
                )
            except Exception as error:
                raise errors.of(error) from error
            failure = errors.of_answer(json.loads(reply.data))
            if failure is None or isinstance(failure, errors.Conflict):
                return sent is not None
            if not isinstance(failure, errors.TooLarge):
                break
        assert failure is not None
        raise failure

    async def bind(self) -> None:
        """From here on what follows or asks for its state is told NoStream of another one under its name.

        So it is of one that is being put back.
        """
        info = await self._info()
        if snapshot.is_closed(info["config"]):
            raise errors.NoStream(f"{self.name} is being restored")
        self._made = info["created"]

    async def held(self) -> bool:
        """Whether somebody copies the stream, so that nothing may be removed from it for now."""
        return hold.holds(await self._info())

    async def purge(self, subject: str, before: int) -> None:
        """Remove the messages of a subject or wildcard with a sequence below `before`."""
        await self._api(f"STREAM.PURGE.{self.name}", {"filter": subject, "seq": before})

    async def remove(self, seq: int) -> None:
        """Remove the message at a sequence; its bytes stay on disk."""
        answer = await self._api(f"STREAM.MSG.DELETE.{self.name}", {"seq": seq, "no_erase": True})
        errors.check(answer)

    async def existing(self, subjects: Iterable[str]) -> set[str]:
        """Which of these subjects (literal, at most a thousand) hold a message."""
        asked = list(subjects)
        if await self._replicated():  # the replica that would answer at once may be behind
            raws = await asyncio.gather(*(self.last(subject) for subject in asked))
            return {raw.subject for raw in raws if raw}
        return {raw.subject for raw in await self._direct({"multi_last": asked})}

    async def read_subject(self, subject: str, after: int = 0) -> list[Raw]:
        """All messages of a subject or wildcard after a sequence, in order; meant for short ones."""
        if await self._replicated():  # the replica that would answer at once may be behind
            parts = [part async for part in self.read([subject], after, await self.last_sequence())]
            return [raw for part in parts for raw in part]
        found: list[Raw] = []
        while True:
            part = await self.page(subject, after, 500)
            found += part
            if not part or part[-1].pending == 0:
                return found
            after = part[-1].seq

    async def page(self, subject: str, after: int, limit: int) -> list[Raw]:
        """The first messages, at most `limit`, of a subject or wildcard after a sequence."""
        query = {"seq": after + 1, "next_by_subj": subject, "batch": limit}
        return await self._direct(query)

    async def _direct(self, query: dict[str, Any]) -> list[Raw]:
        request = f"$JS.API.DIRECT.GET.{self.name}", b"", json.dumps(query).encode()
        try:
            *found, last = await self.connection.answers.until(_is_status, request, self.settings.timeout)
        except Exception as error:
            raise errors.of(error) from error
        status = parsed(last[2])
        if status.get("Status") not in ("204", "404"):
            raise errors.Unavailable(
                f"direct get answered {status.get('Status')} {status.get('Description', '')}"
            )
        return [_raw_in(block, data) for _, _, block, data in found]

    async def read(self, subjects: Sequence[str], after: int, until: int) -> AsyncIterator[list[Raw]]:
        """The messages of these subjects with a sequence in (after, until], in lists; ends by itself.

        The stream's leader says where the end is: a replica that is behind is waited for.
        """
        if until <= after:
            return
        last = [raw.seq for raw in await asyncio.gather(*map(self.last, subjects)) if raw]
        end = min(max(last, default=0), until)
        if end <= after:
            # of a subject whose last message is damaged the server says that there is none
            for subject in subjects if not last else ():
                if (found := await self.first_after(subject, after)) and found.seq <= until:
                    raise errors.Corrupt(
                        f"{subject} goes on at {found.seq}, but its end cannot be read: verify"
                    )
            return
        parts = self.follow(subjects, after)
        try:
            async for part in parts:
                kept = [raw for raw in part if raw.seq <= until]
                if kept:
                    yield kept
                if part[-1].seq >= end:
                    return
        finally:
            await parts.aclose()

    async def follow(self, subjects: Sequence[str], after: int) -> AsyncGenerator[list[Raw], None]:
        """The messages of these subjects after a sequence, for ever, in order, as lists of what has arrived.

        No more than `window` messages are ever under way, so a slow reader slows the server down and nothing
        grows. A consumer that the server has lost is made anew behind the last message read; NoStream if the stream
        is another one then.
        """
        # a consumer with several filters is some twenty times slower than one that passes everything
        whole = len(subjects) > 1 and all(subject.endswith(".>") for subject in subjects)
        wanted = tuple(subject[:-1] for subject in subjects) if whole else ()
        made = ""
        while True:
            pull = Pull(
                self.connection, self.name, self.settings, [above(subjects)] if whole else subjects, after
            )
            try:
                await pull.start()
                made = (await self._info(made))["created"]
                async for part in pull.lists():
                    after = part[-1].seq
                    kept = [raw for raw in part if raw.subject.startswith(wanted)] if whole else part
                    if kept:
                        yield kept
            except Lost:
                continue
            finally:
                await pull.stop()


def _is_status(answer: Frame) -> bool:
    return b"\r\nNats-Sequence: " not in answer[2]


def _raw_in(block: bytes, data: bytes) -> Raw:
    """The message that a direct get has answered with: its own headers, and behind them what the server says of it."""
    said = parsed(block)
    at, pending = _nanoseconds(said["Nats-Time-Stamp"]), int(said.get("Nats-Num-Pending", 0))
    return Raw(said["Nats-Subject"], block, data, int(said["Nats-Sequence"]), at, pending)


def _raw_of(stored: dict[str, Any]) -> Raw:
    block, data = b64decode(stored.get("hdrs", "")), b64decode(stored.get("data", ""))
    return Raw(stored["subject"], block, data, int(stored["seq"]), _nanoseconds(stored["time"]), 0)


def _nanoseconds(text: str) -> int:
    """A server's time, with up to nine digits of fraction."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return nanoseconds(datetime.fromisoformat(f"{whole}+00:00")) + int(f"{fraction:0<9}")


__all__ = ["MAX_BATCH", "Malformed", "Raw", "Settings", "Stream", "streams"]
