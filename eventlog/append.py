"""Appending to a JetStream stream: what is stored of a commit is a prefix of it, as a batch or one by one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from eventlog import errors
from eventlog.answers import Request, is_nobody
from eventlog.client import Connection
from eventlog.codec import Message, lines_of
from eventlog.headers import with_lines
from eventlog.pull import Settings

MAX_BATCH = 1000
EXPECTED = "Nats-Expected-Last-Subject-Sequence"
_EXPECTED_SUBJECT = "Nats-Expected-Last-Subject-Sequence-Subject"
_FEW = 8
_LARGE = 1 << 17
_FOR_THE_SERVER = 388
_KNOWN = 1.0
"""Seconds for which the limits of a stream are taken to be what they were; an operator may set others."""
_NOBODY = {"error": {"err_code": 10059, "description": "no stream takes that subject"}}


class Appender:
    """The end of a stream by name; several may share a connection."""

    def __init__(self, connection: Connection, name: str, settings: Settings | None = None) -> None:
        self.connection = connection
        self.name = name
        self.settings = settings or Settings()
        self._config: dict[str, Any] = {}
        self._asked = 0.0
        self._made = ""

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
        parts = []
        for subject, message in messages:
            block = b"NATS/1.0\r\n%s\r\n" % lines_of(message).encode()
            if len(message.data) + len(block) + _FOR_THE_SERVER > limit:
                raise errors.TooLarge(
                    f"{message.name} for {subject}: {len(message.data)} bytes and headers, of at most {limit}"
                )
            parts.append((subject, block, message.data))
        # of appends in flight one could be refused and a later one not
        atomic = atomic or bool(waiting)
        few = few and not atomic  # quicker one after the other than as a batch
        batched = atomic or (not few and (limited or len(parts) >= self.settings.turning_point))
        most = 1 if few else MAX_BATCH
        for start in range(0, len(parts), most):
            part = []
            for index, (subject, block, data) in enumerate(parts[start : start + most]):
                if subject in waiting:
                    block = with_lines(block, (EXPECTED, waiting.pop(subject)))
                elif fence and (index == 0 or not batched):
                    block = with_lines(block, (EXPECTED, fence[1]), (_EXPECTED_SUBJECT, fence[0]))
                part.append((subject, block, data))
            write = self._batch if batched and len(part) > 1 else self._singly
            try:
                sequences += await write(part)
            except Exception as error:
                raise errors.of(error) from error
        return sequences

    async def _batch(self, part: Sequence[Request]) -> list[int]:
        for attempt in range(5):
            batch, last = ("Nats-Batch-Id", uuid4().hex), len(part)
            staged: list[Request] = []
            for number, (subject, block, data) in enumerate(part, start=1):
                ends = [("Nats-Batch-Commit", 1)] if number == last else []
                numbered = with_lines(block, batch, ("Nats-Batch-Sequence", number), *ends)
                staged.append((subject, numbered, data))
            *before, commit = staged
            answers = self.connection.answers
            answer = json.loads(await answers.to(commit, self.settings.timeout, before=before))
            if "error" not in answer:
                seq = int(answer["seq"])
                return list(range(seq - last + 1, seq + 1))
            if answer["error"].get("err_code", 0) not in errors.BUSY or attempt == 4:
                errors.check(answer)
            await asyncio.sleep(0.02 * (attempt + 1))
        raise AssertionError("unreachable")

    async def _singly(self, part: Sequence[Request]) -> list[int]:
        answers = await self.connection.answers.to_each(part, self.settings.timeout)
        told: list[Any] = [_NOBODY if is_nobody(answer) else json.loads(answer[3]) for answer in answers]
        refused = [number for number in range(len(part)) if "error" in told[number]]
        if refused:
            failure = errors.of_answer(told[refused[0]])
            assert failure
            if len(refused) < len(part) - refused[0]:
                raise errors.Corrupt(
                    f"{self.name} took messages behind one that it refused: {failure}"
                ) from failure
            raise failure
        return [answer["seq"] for answer in told]

    async def _api(self, verb: str, query: dict[str, Any]) -> dict[str, Any]:
        request = f"$JS.API.{verb}", b"", json.dumps(query).encode()
        try:
            data = await self.connection.answers.to(request, self.settings.timeout)
        except Exception as error:
            raise errors.of(error) from error
        answer: dict[str, Any] = json.loads(data)
        return answer

    async def _info(self, made: str = "") -> dict[str, Any]:
        """What the server knows of it; NoStream if it is not the one made then, or that it was bound to."""
        answer = await self._api(f"STREAM.INFO.{self.name}", {})
        errors.check(answer)
        if (made or self._made) not in ("", answer["created"]):
            raise errors.NoStream(f"{self.name} was removed, and made anew")
        return answer

    async def _configuration(self) -> dict[str, Any]:
        now = asyncio.get_running_loop().time()
        if not self._config or now >= self._asked + _KNOWN:
            self._config, self._asked = (await self._info())["config"], now
        return self._config

    async def _replicated(self) -> bool:
        return self.settings.replicated or (await self._configuration()).get("num_replicas", 1) > 1
