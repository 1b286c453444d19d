"""The client for programs without asyncio: the same one, on a thread of its own."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from centralita.client.asynchronous import Client

__all__ = ["SyncClient"]

P = ParamSpec("P")
T = TypeVar("T")


def _waiting(
    method: Callable[Concatenate[Client, P], Awaitable[T]],
) -> Callable[Concatenate[SyncClient, P], T]:
    """The same method, which returns when the asynchronous one has."""

    @functools.wraps(method)
    def wait(self: SyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._wait(functools.partial(method, self._client, *args, **kwargs))

    return wait


def _one_by_one(
    method: Callable[Concatenate[Client, P], AsyncGenerator[T, None]],
) -> Callable[Concatenate[SyncClient, P], Generator[T, None, None]]:
    """The same method as a generator; what comes is asked for one at a time."""

    @functools.wraps(method)
    def each(self: SyncClient, /, *args: P.args, **kwargs: P.kwargs) -> Generator[T, None, None]:
        items = method(self._client, *args, **kwargs)

        async def coming() -> tuple[T] | None:  # a StopAsyncIteration does not cross threads
            async for item in items:
                return (item,)
            return None

        try:
            while (found := self._wait(coming)) is not None:
                yield found[0]
        finally:
            with suppress(RuntimeError):  # interrupted, it is ending already; the client may be closed
                self._portal.call(items.aclose)

    return each


class SyncClient:
    """What Client is, for programs without asyncio; any thread may use it.

        with SyncClient("http://127.0.0.1:8422") as client:
            client.publish("acme", Fact("call.offered", "c-1", {"queue": "general"}))

    `follow` is a generator here: break off or `close` it where no more is wanted.
    """

    def __init__(
        self, url: str, *, token: str | None = None, timeout: float = 5.0, name: str = "centralita-client"
    ) -> None:
        self._client = Client(url, token=token, timeout=timeout, name=name)
        self._stack = ExitStack()
        self._portal: BlockingPortal

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            self._portal = opening.enter_context(start_blocking_portal())
            opening.enter_context(self._portal.wrap_async_context_manager(self._client))
            self._stack = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _wait(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What it gives; who is interrupted meanwhile, as by Ctrl-C, leaves nothing that goes on."""
        asked = self._portal.start_task_soon(ask)
        try:
            return asked.result()
        except BaseException:
            asked.cancel()
            raise

    publish = _waiting(Client.publish)
    command = _waiting(Client.command)
    query = _waiting(Client.query)
    follow = _one_by_one(Client.follow)
    settle = _waiting(Client.settle)
    advance = _waiting(Client.advance)
