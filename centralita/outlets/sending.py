"""Webhooks sent: one attempt, and a subscription at work, in order within a call, over failures and restarts."""

from __future__ import annotations

import asyncio
import json
import random
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import httpx
import structlog
from nats.errors import Error as NatsError
from prometheus_client import Counter
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict
from standardwebhooks import Webhook

from centralita.lines import cloudevent
from centralita.outlets.hooks import Hook, Hooks
from centralita.outlets.place import Bucket, has_one
from centralita.outlets.worker import Outlet, Reading, end, for_ever, together, until_done
from contracts import registry
from eventlog.codec import Malformed, Message
from eventlog.headers import escaped
from eventlog.memory import TERM
from eventlog.stream import Raw, Stream

__all__ = ["Delivery", "Sent", "Settings", "client_of", "resend", "send", "webhooks"]

log = structlog.get_logger()
ATTEMPTS = Counter("centralita_webhook_attempts", "Webhooks sent, by what came of the attempt", ["outcome"])
_LOOK = 1.0
_READ = 1 << 16
"""Bytes of an answer that are read, for the sake of the connection; nobody looks at them."""


class Settings(BaseSettings):
    """How webhooks are sent: CENTRALITA_WEBHOOK_ATTEMPTS and so on; pauses and time-outs in seconds.

    An event is tried `attempts` times, with pauses of `first_pause`, four times as long after each failure and
    `longest_pause` at most. `in_flight` requests of a subscription are under way at a time, `window` of its
    events are read and not done.
    """

    model_config = SettingsConfigDict(env_prefix="CENTRALITA_WEBHOOK_", env_ignore_empty=True, frozen=True)

    attempts: PositiveInt = 9
    first_pause: NonNegativeFloat = 1.0
    longest_pause: NonNegativeFloat = 3600.0
    timeout: PositiveFloat = 15.0
    in_flight: PositiveInt = 8
    window: PositiveInt = 256

    def pause(self, attempts: int, asked: float) -> float:
        """Seconds until the next attempt, no two the same; an endpoint may ask for more."""
        usual: float = min(self.first_pause * 4 ** (attempts - 1), self.longest_pause)
        return min(max(usual * random.uniform(0.75, 1.25), asked), 2 * self.longest_pause)


class Sent(NamedTuple):
    """What came of an attempt: delivered where there is no `reason`; `pause` are the seconds that were asked for."""

    reason: str = ""
    gone: bool = False
    pause: float = 0.0


GONE = Sent("410 Gone", gone=True)


def client_of(settings: Settings) -> httpx.AsyncClient:
    """A client for one endpoint: redirects are not followed."""
    limits = httpx.Limits(max_connections=settings.in_flight, max_keepalive_connections=settings.in_flight)
    return httpx.AsyncClient(timeout=settings.timeout, limits=limits, follow_redirects=False)


async def send(http: httpx.AsyncClient, hook: Hook, message: Message, timeout: float) -> Sent:
    """One attempt: the event in structured JSON, signed as Standard Webhooks has it."""
    body, now = json.dumps(cloudevent(message), ensure_ascii=False), datetime.now(UTC)
    id = escaped(message.id)
    headers = {
        "content-type": "application/cloudevents+json; charset=utf-8",
        "user-agent": "centralita",
        "webhook-id": id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(hook.secret).sign(id, now, body),
    }
    if message.trace:
        headers["traceparent"] = escaped(message.trace)
    try:
        async with asyncio.timeout(timeout):  # httpx alone would wait for ever for one that drips
            async with http.stream("POST", hook.url, content=body.encode(), headers=headers) as answer:
                size = 0
                async for part in answer.aiter_raw():
                    if (size := size + len(part)) > _READ:
                        break
    except TimeoutError:
        return Sent(f"no answer within {timeout:g} s")
    except Exception as error:  # noqa: BLE001  whatever it is, one event holds up no more than its call
        return Sent(f"{type(error).__name__}: {error}".rstrip(": "))
    if answer.is_success:
        return Sent()
    asked = answer.headers.get("retry-after", "")
    pause = float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 0.0
    return Sent(f"{answer.status_code} {answer.reason_phrase}".strip(), answer.status_code == 410, pause)


async def resend(hooks: Hooks, hook: Hook, log: Stream, positions: Sequence[int]) -> tuple[list[int], str]:
    """Send again what is set aside at these positions, up to one that is not taken; which were, and why not all."""
    settings, sent = Settings(), list[int]()
    async with client_of(settings) as http:
        for position in positions:
            raw = await log.get(position)
            if raw is None:
                return sent, "it is not in the log any more"
            outcome = await send(http, hook, raw.message(), settings.timeout)
            if outcome.reason:
                return sent, outcome.reason
            await hooks.delivered(hook.id, position)
            sent.append(position)
    return sent, ""


@dataclass(slots=True)
class _Due:
    message: Message
    attempts: int


class Delivery:
    """A subscription at work, from where it stood."""

    def __init__(self, hooks: Hooks, hook: Hook, settings: Settings) -> None:
        self.hooks, self.hook, self.settings = hooks, hook, settings
        self._reading = Reading(hooks.bucket, hooks.slot(hook), hook.after)
        self._lines: dict[str, deque[_Due]] = {}
        self._senders: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(settings.window)
        self._flight = asyncio.Semaphore(settings.in_flight)
        self._gone = False
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Read and send for ever; Lost when another does so now."""
        async with client_of(self.settings) as self._http:
            try:
                before = await self._reading.resume()
                await together(self._read(before), self._reading.save(), self._failed)
            finally:
                await end(*self._senders)
                await self._reading.leave()

    async def _read(self, before: list[tuple[Raw, int]]) -> None:
        for raw, attempts in before:
            await self._enqueue(raw, attempts)
        async for part in self._reading.parts():
            for raw in part:
                if not raw.subject.endswith(f".{TERM}") and self.hook.wants(raw.name):
                    await self._enqueue(raw)
                self._reading.read(raw.seq)

    async def _enqueue(self, raw: Raw, attempts: int = 0) -> None:
        try:
            due = _Due(raw.message(), attempts)
        except Malformed as error:
            self._tell("webhook.unreadable", raw.seq, str(error))
            self._reading.done(raw.seq)
            return
        await self._room.acquire()
        self._reading.opened(raw.seq, attempts)
        about = registry.call_of(due.message.aggregate)
        if line := self._lines.get(about):
            line.append(due)
            return
        self._lines[about] = deque([due])
        sender = asyncio.create_task(self._send_in_order(about))
        self._senders.add(sender)
        sender.add_done_callback(self._ended)

    def _ended(self, sender: asyncio.Task[None]) -> None:
        self._senders.discard(sender)
        if not sender.cancelled() and (error := sender.exception()) and not self._failed.done():
            self._failed.set_exception(error)

    async def _send_in_order(self, about: str) -> None:
        line = self._lines[about]
        while line:
            await self._deliver(line[0])
            self._reading.done(line.popleft().message.seq)
            self._room.release()
        del self._lines[about]

    async def _deliver(self, due: _Due) -> None:
        """Send until it is delivered or set aside."""
        message, settings = due.message, self.settings
        while True:
            async with self._flight:
                sent = (
                    await send(self._http, self.hook, message, settings.timeout) if not self._gone else GONE
                )
            ATTEMPTS.labels("gone" if sent.gone else "failed" if sent.reason else "delivered").inc()
            if not sent.reason:
                return
            if sent.gone:
                if not self._gone:
                    self._gone = True
                    await until_done(partial(self.hooks.disable, self.hook.id, sent.reason))
                await asyncio.sleep(3 * _LOOK)  # this is ended by then, unless it was enabled again at once
                self._gone = False
                continue
            due.attempts += 1
            self._tell("webhook.failed", message.seq, sent.reason, attempts=due.attempts)
            if due.attempts >= settings.attempts:
                keep = partial(self.hooks.set_aside, self.hook, message, due.attempts, sent.reason)
                await until_done(keep)
                return
            self._reading.opened(message.seq, due.attempts)
            await asyncio.sleep(settings.pause(due.attempts, sent.pause))

    def _tell(self, event: str, position: int, reason: str, **more: int) -> None:
        with suppress(OSError, ValueError):
            log.warning(
                event,
                centre=self.hooks.bucket.centre,
                webhook=self.hook.id,
                position=position,
                reason=reason,
                **more,
            )


def webhooks(settings: Settings | None = None) -> Outlet:
    """The worker that sends what the subscriptions of centres ask for."""
    chosen = settings or Settings()

    async def work(bucket: Bucket) -> None:
        """Have each subscription that is enabled at work, as the list is from second to second."""
        hooks, at_work = Hooks(bucket), dict[Hook, asyncio.Task[None]]()

        async def deliver(hook: Hook) -> None:
            await Delivery(hooks, hook, chosen).run()

        try:
            while True:
                with suppress(NatsError, TimeoutError, OSError):
                    wanted = {hook for hook in (await hooks.all()).values() if not hook.disabled}
                    await end(*(at_work.pop(hook) for hook in set(at_work) - wanted))
                    for hook in wanted - set(at_work):
                        work = for_ever(partial(deliver, hook), "webhooks", bucket.centre)
                        at_work[hook] = asyncio.create_task(work)
                await asyncio.sleep(_LOOK)
        finally:
            await end(*at_work.values())

    return Outlet("webhooks", has_one, work)
