"""One JetStream stream through one connection: append as a prefix, read, follow.

A `Stream` never reconnects and never retries an append whose fate is unknown: that is for the loop to settle,
under a new term.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from base64 import b64decode
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from nats.aio.client import Client
from nats.aio.msg import Msg

from eventlog import errors, hold, snapshot
from eventlog.codec import Malformed, Message, headers_of
from eventlog.pull import Lost, Pull, Raw, Settings, above

MAX_BATCH = 1000
_FEW = 8
_LARGE = 1 << 17
_TRIES = 20
_EXPECTED = "Nats-Expected-Last-Subject-Sequence"
_EXPECTED_SUBJECT = "Nats-Expected-Last-Subject-Sequence-Subject"


async def streams(connection: Client) -> set[str]:
    """The names of all streams there are."""
    found: set[str] = set()
    while True:
        query = json.dumps({"offset": len(found)}).encode()
        try:
            reply = await connection.request("$JS.API.STREAM.NAMES", query, timeout=5)
        except Exception as error:
            raise errors.of(error) from error
        answer = json.loads(reply.data)
        if "error" in answer:
            raise errors.of_code(answer["error"].get("err_code", 0), answer["error"].get("description", ""))
        found.update(answer.get("streams") or [])
        if len(found) >= answer["total"]:
            return found
        if not answer.get("streams"):
            raise errors.Unavailable("the server names fewer streams than it counts")


class Stream:
    """A stream by name; several may share a connection."""

    def __init__(self, connection: Client, name: str, settings: Settings | None = None) -> None:
        self.connection = connection
        self.name = name
        self.settings = settings or Settings()
        self._js = connection.jetstream(timeout=self.settings.timeout)
        self._config: dict[str, Any] | None = None
        self._inbox = ""
        self._tokens = itertools.count()
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def append(
        self,
        messages: Sequence[tuple[str, Message]],
        *,
        fence: tuple[str, int] | None = None,
        expected: Mapping[str, int] | None = None,
        atomic: bool = False,
    ) -> list[int]:
        """Store messages in this order, each under its subject, and return their sequences.

        `fence` (subject, sequence) is expected by every plain append and by the first message of every batch;
        `expected` gives the last sequence of a subject, for the first message of that subject. More than
        1,000 messages are several commits, one after the other. On any error what is stored is a prefix;
        TooLarge and, of a single commit, Conflict mean that nothing is, Unavailable that it is not known.
        """
        sequences: list[int] = []
        waiting = dict(expected or {})
        limit, limited, few = self.connection.max_payload, False, False
        if len(messages) > 1 or len(messages[0][1].data) > _LARGE:
            config = await self._configuration()
            counted, replicated = config.get("max_msgs", -1) > 0, await self._replicated()
            limited = config.get("max_bytes", -1) > 0 or replicated
            few, limited = counted and not limited and len(messages) < _FEW, limited or counted
            limit = min(limit, config["max_msg_size"]) if config.get("max_msg_size", -1) > 0 else limit
        encoded = []
        for subject, message in messages:
            headers = headers_of(message)
            if len(message.data) + sum(len(k) + len(v) + 4 for k, v in headers.items()) + 400 > limit:
                raise errors.TooLarge(
                    f"{message.name} for {subject}: {len(message.data)} bytes and headers, of at most {limit}"
                )
            encoded.append((subject, headers, message.data))
        if (
            few and len(encoded) > 1 and not atomic and not waiting
        ):  # quicker one after the other than as a batch
            for each in messages:
                sequences += await self.append([each], fence=fence)
            return sequences
        # of appends in flight one could be refused and a later one not
        atomic = atomic or limited or bool(waiting)
        batched = atomic or len(encoded) >= self.settings.turning_point
        for start in range(0, len(encoded), MAX_BATCH):
            part = encoded[start : start + MAX_BATCH]
            for index, (subject, headers, _) in enumerate(part):
                if subject in waiting:
                    headers[_EXPECTED] = str(waiting.pop(subject))
                elif fence and (index == 0 or not batched):
                    headers[_EXPECTED], headers[_EXPECTED_SUBJECT] = str(fence[1]), fence[0]
            write = self._batch if batched and len(part) > 1 else self._singly
            try:
                sequences += await write(part)
            except Exception as error:
                raise errors.of(error) from error
        return sequences

    async def _batch(self, part: Sequence[tuple[str, dict[str, str], bytes]]) -> list[int]:
        for attempt in range(5):
            batch = {"Nats-Batch-Id": uuid4().hex}
            for number, (subject, headers, data) in enumerate(part[:-1], start=1):
                numbered = headers | batch | {"Nats-Batch-Sequence": str(number)}
                await self.connection.publish(subject, data, headers=numbered)
            subject, headers, data = part[-1]
            last_one = headers | batch | {"Nats-Batch-Sequence": str(len(part)), "Nats-Batch-Commit": "1"}
            reply = await self.connection.request(
                subject, data, timeout=self.settings.timeout, headers=last_one
            )
            answer = json.loads(reply.data)
            if "error" not in answer:
                last = int(answer["seq"])
                return list(range(last - len(part) + 1, last + 1))
            code = answer["error"].get("err_code", 0)
            if code not in errors.BUSY or attempt == 4:
                raise errors.of_code(code, answer["error"].get("description", ""))
            await asyncio.sleep(0.02 * (attempt + 1))
        raise AssertionError("unreachable")

    async def _singly(self, part: Sequence[tuple[str, dict[str, str], bytes]]) -> list[int]:
        if not self._inbox:
            inbox = self.connection.new_inbox()
            await self.connection.subscribe(f"{inbox}.*", cb=self._on_answer)
            await self.connection.flush()
            self._inbox = inbox
        loop = asyncio.get_running_loop()
        tokens = [str(next(self._tokens)) for _ in part]
        waiting = [self._waiting.setdefault(token, loop.create_future()) for token in tokens]
        try:
            for token, (subject, headers, data) in zip(tokens, part, strict=True):
                await self.connection.publish(subject, data, reply=f"{self._inbox}.{token}", headers=headers)
            async with asyncio.timeout(self.settings.timeout):
                answers = [await answer for answer in waiting]
        finally:
            for token in tokens:
                del self._waiting[token]
        refused = [number for number in range(len(part)) if "error" in answers[number]]
        if refused:
            error = answers[refused[0]]["error"]
            failure = errors.of_code(error.get("err_code", 0), error.get("description", ""))
            if len(refused) < len(part) - refused[0]:
                raise errors.Corrupt(
                    f"{self.name} took messages behind one that it refused: {failure}"
                ) from failure
            raise failure
        return [int(answers[number]["seq"]) for number in range(len(part))]

    async def _on_answer(self, reply: Msg) -> None:
        waiting = self._waiting.get(reply.subject.rsplit(".", 1)[1])
        if waiting is None or waiting.done():
            return
        if reply.headers and reply.headers.get("Status") == "503":
            waiting.set_result({"error": {"err_code": 10059, "description": "no stream takes that subject"}})
        else:
            waiting.set_result(json.loads(reply.data))

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
            if answer["error"].get("err_code") == 10037:
                return None
            raise errors.of_code(answer["error"].get("err_code", 0), answer["error"].get("description", ""))
        return _raw_of(answer["message"])

    async def _api(self, verb: str, query: dict[str, Any]) -> dict[str, Any]:
        try:
            reply = await self.connection.request(
                f"$JS.API.{verb}", json.dumps(query).encode(), timeout=self.settings.timeout
            )
        except Exception as error:
            raise errors.of(error) from error
        answer: dict[str, Any] = json.loads(reply.data)
        return answer

    async def _info(self) -> dict[str, Any]:
        answer = await self._api(f"STREAM.INFO.{self.name}", {})
        if "error" in answer:
            raise errors.of_code(answer["error"].get("err_code", 0), answer["error"].get("description", ""))
        return answer

    async def _configuration(self) -> dict[str, Any]:
        if self._config is None:
            self._config = (await self._info())["config"]
        return self._config

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
        if "error" in answer:
            raise errors.of_code(answer["error"].get("err_code", 0), answer["error"].get("description", ""))

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
        for sent in (headers | {_EXPECTED: "0"}, None):
            try:
                reply = await self.connection.request(
                    subject, data, timeout=self.settings.timeout, headers=sent
                )
            except Exception as error:
                raise errors.of(error) from error
            refused = json.loads(reply.data).get("error")
            failure = errors.of_code(refused["err_code"], refused.get("description", "")) if refused else None
            if failure is None or isinstance(failure, errors.Conflict):
                return sent is not None
            if not isinstance(failure, errors.TooLarge):
                break
        assert failure is not None
        raise failure

    async def _replicated(self) -> bool:
        return self.settings.replicated or (await self._configuration()).get("num_replicas", 1) > 1

    async def closed(self) -> bool:
        """Whether the stream is being put back from a copy, and takes nothing yet."""
        return snapshot.is_closed((await self._info())["config"])

    async def held(self) -> bool:
        """Whether somebody copies the stream, so that nothing may be removed from it for now."""
        return hold.holds(await self._info())

    async def purge(self, subject: str, before: int) -> None:
        """Remove the messages of a subject or wildcard with a sequence below `before`."""
        await self._api(f"STREAM.PURGE.{self.name}", {"filter": subject, "seq": before})

    async def remove(self, seq: int) -> None:
        """Remove the message at a sequence; its bytes stay on disk."""
        answer = await self._api(f"STREAM.MSG.DELETE.{self.name}", {"seq": seq, "no_erase": True})
        if "error" in answer:
            raise errors.of_code(answer["error"].get("err_code", 0), answer["error"].get("description", ""))

    async def existing(self, subjects: Iterable[str]) -> set[str]:
        """Which of these subjects (literal, at most a thousand) hold a message."""
        asked = list(subjects)
        if await self._replicated():  # the replica that would answer at once may be behind
            raws = await asyncio.gather(*(self.last(subject) for subject in asked))
            return {raw.subject for raw in raws if raw}
        return {raw.subject async for raw in self._direct({"multi_last": asked})}

    async def read_subject(self, subject: str, after: int = 0) -> list[Raw]:
        """All messages of one literal subject after a sequence, in order; meant for short ones."""
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
        return [raw async for raw in self._direct(query)]

    async def _direct(self, query: dict[str, Any]) -> AsyncIterator[Raw]:
        inbox = self.connection.new_inbox()
        subscription = await self.connection.subscribe(inbox)
        try:
            await self.connection.publish(
                f"$JS.API.DIRECT.GET.{self.name}", json.dumps(query).encode(), reply=inbox
            )
            while True:
                reply = await subscription.next_msg(timeout=self.settings.timeout)
                headers = reply.headers or {}
                if "Nats-Sequence" not in headers:
                    status = headers.get("Status")
                    if status in ("204", "404"):
                        return
                    raise errors.Unavailable(f"direct get answered {status} {headers.get('Description', '')}")
                yield Raw(
                    headers["Nats-Subject"],
                    headers,
                    reply.data,
                    int(headers["Nats-Sequence"]),
                    _stored(headers["Nats-Time-Stamp"]),
                    int(headers.get("Nats-Num-Pending", 0)),
                )
        except errors.LogError:
            raise
        except Exception as error:
            raise errors.of(error) from error
        finally:
            if not self.connection.is_closed:
                await subscription.unsubscribe()

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
        grows. A consumer that the server has lost is made anew behind the last message read.
        """
        # a consumer with several filters is some twenty times slower than one that passes everything
        whole = len(subjects) > 1 and all(subject.endswith(".>") for subject in subjects)
        wanted = tuple(subject[:-1] for subject in subjects) if whole else ()
        while True:
            pull = Pull(
                self.connection, self.name, self.settings, [above(subjects)] if whole else subjects, after
            )
            try:
                await pull.start()
                async for part in pull.lists():
                    after = part[-1].seq
                    kept = [raw for raw in part if raw.subject.startswith(wanted)] if whole else part
                    if kept:
                        yield kept
            except Lost:
                continue
            finally:
                await pull.stop()


def _raw_of(stored: dict[str, Any]) -> Raw:
    headers: dict[str, str] = {}
    for line in b64decode(stored.get("hdrs", "")).decode(errors="replace").split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name] = value.strip()
    data = b64decode(stored.get("data", ""))
    return Raw(stored["subject"], headers, data, int(stored["seq"]), _stored(stored["time"]), 0)


def _stored(text: str) -> datetime:
    """A server's time with up to nine digits of fraction, of which a datetime keeps six."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}+00:00")


__all__ = ["MAX_BATCH", "Malformed", "Raw", "Settings", "Stream", "streams"]
