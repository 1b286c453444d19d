"""A connection to the server in memory: what `eventlog` uses of nats-py's Client, over a wire that may fail."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from contextvars import Context, copy_context
from dataclasses import dataclass
from random import Random
from typing import Any

import nats.errors
from nats.aio.client import ServerVersion
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from eventlog.answers import Answers
from eventlog.client import Sent
from eventlog.headers import parsed
from eventlog.reading import Take
from tests.simulation.server import Headers, Server
from tests.simulation.stored import block


@dataclass
class Weather:
    """How wires fare: chances for each message. `cut`: around it the connection ends, before or after it."""

    slow: float = 0.0
    longest: float = 0.0
    cut: float = 0.0
    appends_cut: float = 0.0
    cuts: int = 0
    slowed: int = 0

    def clear(self) -> None:
        """Nothing is slow or lost from now on."""
        self.slow = self.longest = self.cut = self.appends_cut = 0.0


class Pipe:
    """One direction: messages arrive in order, each after a while."""

    def __init__(self, server: Server, rng: Random, weather: Weather, arrive: Callable[..., None]) -> None:
        self._server, self._loop, self._rng, self._weather = server, server.loop, rng, weather
        self._arrive = arrive
        self._context: Context | None = None
        self._waiting: deque[tuple[float, tuple[Any, ...]]] = deque()
        self._last = 0.0

    def send(self, *message: Any) -> None:
        """Put a message on its way."""
        rng, weather = self._rng, self._weather
        wait = 0.0004 + 0.003 * rng.random()
        if weather.slow and rng.random() < weather.slow:
            wait += weather.longest * rng.random()
            weather.slowed += 1
        self._last = max(self._last, self._loop.time() + wait)
        self._waiting.append((self._last, message))
        if len(self._waiting) == 1:
            self._loop.call_at(self._last, self._tick, context=self._context)

    def _tick(self) -> None:
        now = self._loop.time()
        while self._waiting and self._waiting[0][0] <= now:
            self._arrive(*self._waiting.popleft()[1])
        if self._waiting:
            self._loop.call_at(self._waiting[0][0], self._tick, context=self._context)

    def lose(self, keep: int = 0) -> None:
        """Only so many of the messages under way arrive, and now."""
        for _ in range(keep):
            if not self._waiting:  # what arrives may end the connection
                break
            self._arrive(*self._waiting.popleft()[1])
        self._waiting.clear()

    def __len__(self) -> int:
        return len(self._waiting)


class Subscribed:
    """A subscription of a connection: messages wait for their callback, or to be fetched."""

    def __init__(
        self, wire: Wire, sid: int, callback: Callable[[Msg], Coroutine[Any, Any, None]] | None
    ) -> None:
        self._wire, self._sid, self._callback = wire, sid, callback
        self._waiting: deque[Msg] = deque()
        self._arrived = asyncio.Event()
        self._called = False

    def put(self, message: Msg) -> None:
        """A message has come."""
        self._waiting.append(message)
        if self._callback is None:
            self._arrived.set()
        elif not self._called:
            self._called = True
            self._wire.loop.call_soon(self._call, context=self._wire.context)

    def _call(self) -> None:
        assert self._callback
        self._called = False
        while self._waiting and not self._wire.is_closed:
            work = self._callback(self._waiting.popleft())
            try:
                work.send(None)
            except StopIteration:
                continue
            raise AssertionError("a callback that waits for something would need a task of its own")

    async def next_msg(self, timeout: float = 1.0) -> Msg:
        """The next message; nats.errors.TimeoutError if none comes."""
        try:
            async with asyncio.timeout(timeout):
                while not self._waiting:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            raise nats.errors.TimeoutError from None
        return self._waiting.popleft()

    async def unsubscribe(self) -> None:
        """No more of them."""
        self._wire.check()
        self._wire.subscriptions.pop(self._sid, None)
        self._wire.up.send(self._wire.server.unsubscribe, self._wire, self._sid)


class Wire:
    """A connection that never comes back once it is lost. `label` says whose it is."""

    max_payload = 1 << 20
    is_connecting = False
    is_reconnecting = False
    connected_server_version = ServerVersion("2.15.1")
    _numbers = itertools.count(1)

    def __init__(self, server: Server, rng: Random, weather: Weather, label: str) -> None:
        if not server.up:
            raise nats.errors.NoServersError
        self.server, self.loop, self.weather = server, server.loop, weather
        self._name = next(Wire._numbers)
        self.label = f"{label}#{self._name}"
        self.context = copy_context()
        self.is_closed = False
        self.subscriptions: dict[int, Subscribed] = {}
        self._rng = rng
        self._sids = itertools.count(1)
        self._tokens = itertools.count(1)
        self._asked: dict[str, asyncio.Future[Msg]] = {}
        self._linked = True
        self.up = Pipe(server, rng, weather, self._arrived)
        self.down = Pipe(server, rng, weather, self._delivered)
        self.down._context = self.context
        self.answers = Answers(self)  # type: ignore[arg-type]
        server.subscribe(self, 0, f"_R.{self._name}.*")

    @property
    def is_connected(self) -> bool:
        """Whether it is not known to be lost."""
        return not self.is_closed

    # what a client does

    def check(self) -> None:
        """ConnectionClosedError if it is lost."""
        if self.is_closed:
            raise nats.errors.ConnectionClosedError

    async def publish(
        self, subject: str, payload: bytes = b"", reply: str = "", headers: Headers | None = None
    ) -> None:
        """Send, and go on."""
        self.check()
        if len(payload) > self.max_payload:
            raise nats.errors.MaxPayloadError
        self.up.send(self._published, subject, reply, dict(headers or {}), payload)

    async def request(
        self, subject: str, payload: bytes = b"", timeout: float = 0.5, headers: Headers | None = None
    ) -> Msg:
        """Send, and wait for the answer; TimeoutError or NoRespondersError if there is none."""
        self.check()
        token = str(next(self._tokens))
        answer = self._asked[token] = self.loop.create_future()
        try:
            await self.publish(subject, payload, f"_R.{self._name}.{token}", headers)
            async with asyncio.timeout(timeout):
                found = await answer
        except TimeoutError:
            raise nats.errors.TimeoutError from None
        finally:
            del self._asked[token]
        if found.headers and found.headers.get("Status") == "503":
            raise nats.errors.NoRespondersError
        return found

    async def subscribe(
        self,
        subject: str,
        queue: str = "",
        cb: Callable[[Msg], Coroutine[Any, Any, None]] | None = None,
        **_: Any,
    ) -> Subscribed:
        """Listen on a subject."""
        self.check()
        sid = next(self._sids)
        made = self.subscriptions[sid] = Subscribed(self, sid, cb)
        self.up.send(self.server.subscribe, self, sid, subject)
        return made

    async def send(self, messages: Iterable[Sent]) -> None:
        """Send several, and go on."""
        for subject, reply, headers, data in messages:
            await self.publish(subject, data, reply, parsed(headers))

    async def listen(self, subject: str, take: Take) -> Subscribed:
        """Listen on a subject with a function that is given what comes, as bytes."""

        async def taken(message: Msg) -> None:
            frame = (
                message.subject.encode(),
                message.reply.encode(),
                block(message.headers or {}),
                message.data,
            )
            take([frame])

        return await self.subscribe(subject, cb=taken)

    async def flush(self, timeout: float = 10.0) -> None:
        """Wait until all that was sent has arrived."""
        self.check()
        done = self.loop.create_future()
        self.up.send(self.down.send, self._flushed, done)
        try:
            async with asyncio.timeout(timeout):
                await done
        except TimeoutError:
            raise nats.errors.FlushTimeoutError from None

    @staticmethod
    def _flushed(done: asyncio.Future[None]) -> None:
        if not done.done():
            done.set_result(None)

    def new_inbox(self) -> str:
        """A subject that nobody else listens on."""
        return f"_INBOX.{self._name}x{next(self._tokens)}"

    def jetstream(self, **options: Any) -> JetStreamContext:
        """nats-py's own, over this."""
        return JetStreamContext(self, **options)

    async def close(self) -> None:
        """Hang up; what was sent before still arrives."""
        if not self.is_closed:
            self.is_closed = True
            self.up.send(self.unlink)

    # what becomes of it

    def deliver(self, sid: int, subject: str, reply: str, headers: Headers | None, data: bytes) -> None:
        """The server sends a message."""
        if self._linked:
            self.down.send(self._given, sid, subject, reply, headers, data)

    def _arrived(self, work: Callable[..., None], *message: Any) -> None:
        if self._linked:
            work(*message)

    _delivered = _arrived

    def _published(self, subject: str, reply: str, headers: Headers, data: bytes) -> None:
        weather, chance = self.weather, self._rng.random
        risk = weather.appends_cut if subject.startswith("log.") else weather.cut
        ends = risk and chance() < risk
        if not ends or chance() < 0.5:
            self.server.receive(self, subject, reply, headers, data)
        if ends:
            self.cut(0)

    def _given(self, sid: int, subject: str, reply: str, headers: Headers | None, data: bytes) -> None:
        message = Msg(self, subject, reply, data, dict(headers) if headers else None)  # type: ignore[arg-type]
        if sid:
            if subscribed := self.subscriptions.get(sid):
                subscribed.put(message)
        elif (asked := self._asked.get(subject.rpartition(".")[2])) and not asked.done():
            asked.set_result(message)

    def cut(self, keep: int | None = None, notice: float = 0.3) -> None:
        """Lose the connection: of what was sent only so much still arrives; the client learns of it later."""
        if self._linked:
            self.weather.cuts += 1
            self.up.lose(self._rng.randint(0, len(self.up)) if keep is None else keep)
            self.unlink()
            self.loop.call_later(notice * self._rng.random(), self._noticed, context=self.context)

    def unlink(self) -> None:
        """Nothing passes any more."""
        self._linked = False
        self.up.lose()
        self.down.lose()
        self.server.leave(self)

    def _noticed(self) -> None:
        self.is_closed = True
        self.answers.wake()
