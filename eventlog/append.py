"""Appending to a JetStream stream: what is stored of a commit is a prefix of it, as a batch or one by one."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from nats.aio.msg import Msg

from eventlog import errors
from eventlog.client import Connection
from eventlog.codec import Message, headers_of
from eventlog.pull import Settings

MAX_BATCH = 1000
EXPECTED = "Nats-Expected-Last-Subject-Sequence"
_EXPECTED_SUBJECT = "Nats-Expected-Last-Subject-Sequence-Subject"
_FEW = 8
_LARGE = 1 << 17


class Appender:
    """The end of a stream by name; several may share a connection."""

    def __init__(self, connection: Connection, name: str, settings: Settings | None = None) -> None:
        self.connection = connection
        self.name = name
        self.settings = settings or Settings()
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
                    headers[EXPECTED] = str(waiting.pop(subject))
                elif fence and (index == 0 or not batched):
                    headers[EXPECTED], headers[_EXPECTED_SUBJECT] = str(fence[1]), fence[0]
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
            if answer["error"].get("err_code", 0) not in errors.BUSY or attempt == 4:
                errors.check(answer)
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
            failure = errors.of_answer(answers[refused[0]])
            assert failure
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
        errors.check(answer)
        return answer

    async def _configuration(self) -> dict[str, Any]:
        if self._config is None:
            self._config = (await self._info())["config"]
        return self._config

    async def _replicated(self) -> bool:
        return self.settings.replicated or (await self._configuration()).get("num_replicas", 1) > 1
