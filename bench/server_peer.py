"""What the server gives to a client that does nothing else: raw appends and a raw pull, in messages a second.

Each function connects to `url`, runs its own event loop and leaves no stream or consumer behind. How durable
an append is, is the server's `sync_interval`."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StorageType, StreamConfig

PAYLOAD_BYTES = 300
TIMEOUT_S = 60.0
LARGEST_BATCH = 1000
PULL = 5000


class RawPeerFailed(RuntimeError):
    """The server refused or lost something of the raw load."""


def append_rate(url: str, messages: int, *, in_flight: int = 1000) -> float:
    """Appends of one message each, up to `in_flight` unacknowledged: acknowledged messages/s.

    With `in_flight` 1 each is awaited. Raises RawPeerFailed when one is refused or unanswered."""
    return asyncio.run(_append_rate(url, messages, in_flight))


def batch_rate(url: str, messages: int, *, size: int = 200) -> float:
    """Atomic batches of `size` (1 to 1000), one after another: committed messages/s.

    Rounds `messages` down to whole batches, at least one. Raises RawPeerFailed when one is refused."""
    if not 1 <= size <= LARGEST_BATCH:
        raise ValueError(f"a batch has 1 to {LARGEST_BATCH} messages, not {size}")
    return asyncio.run(_batch_rate(url, max(1, messages // size), size))


def pull_rate(url: str, stream: str) -> float:
    """A pull of everything that `stream` holds now, neither decoded nor acknowledged: messages/s.

    Raises RawPeerFailed when the stream is empty or messages stop coming."""
    return asyncio.run(_pull_rate(url, stream))


async def _append_rate(url: str, messages: int, in_flight: int) -> float:
    async with _connected(url) as client, _stream(client) as subject:
        inbox = client.new_inbox()
        done = asyncio.get_running_loop().create_future()
        free = asyncio.Semaphore(in_flight)
        acknowledged = 0

        async def on_ack(message: Msg) -> None:
            nonlocal acknowledged
            acknowledged += 1
            free.release()
            if b'"error"' in message.data and not done.done():
                done.set_exception(RawPeerFailed(message.data.decode()))
            elif acknowledged == messages and not done.done():
                done.set_result(None)

        await client.subscribe(inbox, cb=on_ack)
        headers, payload = _headers(), _payload()
        began = time.perf_counter()
        for n in range(messages):
            if done.done():
                break
            await _in_time(free.acquire())
            await client.publish(f"{subject}.{n // 9}", payload, reply=inbox, headers=headers)
        await _in_time(done)
        return messages / (time.perf_counter() - began)


async def _batch_rate(url: str, batches: int, size: int) -> float:
    async with _connected(url) as client, _stream(client) as subject:
        headers, payload = _headers(), _payload()
        began = time.perf_counter()
        for batch in range(batches):
            place = {"Nats-Batch-Id": uuid4().hex}
            for n in range(1, size):
                place["Nats-Batch-Sequence"] = str(n)
                await client.publish(f"{subject}.{batch}-{n // 9}", payload, headers=headers | place)
            place |= {"Nats-Batch-Sequence": str(size), "Nats-Batch-Commit": "1"}
            last = f"{subject}.{batch}-{size // 9}"
            ack = await _in_time(client.request(last, payload, timeout=TIMEOUT_S, headers=headers | place))
            if json.loads(ack.data).get("count") != size:
                raise RawPeerFailed(ack.data.decode())
        return batches * size / (time.perf_counter() - began)


async def _pull_rate(url: str, stream: str) -> float:
    async with _connected(url) as client:
        manager = client.jetstream()
        messages = (await manager.stream_info(stream)).state.messages
        if not messages:
            raise RawPeerFailed(f"there is nothing to pull in {stream}")
        consumer = await manager.add_consumer(
            stream,
            ConsumerConfig(
                ack_policy=AckPolicy.NONE,
                deliver_policy=DeliverPolicy.ALL,
                inactive_threshold=TIMEOUT_S,
                mem_storage=True,
            ),
        )
        inbox, ask = client.new_inbox(), f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer.name}"
        request = json.dumps({"batch": PULL, "expires": int(TIMEOUT_S * 1e9)}).encode()
        done = asyncio.get_running_loop().create_future()
        received = 0

        async def on_message(message: Msg) -> None:
            nonlocal received
            if not message.reply:  # a status, not a message of the stream
                if not done.done():
                    done.set_exception(RawPeerFailed(f"pull of {stream} refused: {message.headers}"))
                return
            received += 1
            if received % PULL == 0:
                await client.publish(ask, request, reply=inbox)
            if received == messages and not done.done():
                done.set_result(None)

        await client.subscribe(inbox, cb=on_message, pending_bytes_limit=512 * 1024 * 1024)
        began = time.perf_counter()
        for _ in range(2):  # the next is under way while one is delivered
            await client.publish(ask, request, reply=inbox)
        await _in_time(done)
        seconds = time.perf_counter() - began
        await manager.delete_consumer(stream, consumer.name)
        return messages / seconds


async def _in_time(awaited: Any) -> Any:
    try:
        return await asyncio.wait_for(awaited, TIMEOUT_S)
    except (TimeoutError, NatsError) as error:
        raise RawPeerFailed(f"the server did not answer: {error!r}") from error


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Client]:
    client = await nats.connect(url, allow_reconnect=False)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def _stream(client: Client) -> AsyncIterator[str]:
    """A stream of its own, as the log's are made; gives the subject below which to write."""
    manager: JetStreamContext = client.jetstream()
    name = f"BENCH_{uuid4().hex[:12]}"
    subject = f"bench.{name}"
    await manager.add_stream(
        StreamConfig(
            name=name,
            subjects=[f"{subject}.>"],
            storage=StorageType.FILE,
            allow_atomic=True,
            allow_direct=True,
        )
    )
    try:
        yield subject
    finally:
        await manager.delete_stream(name)


def _headers() -> dict[str, str]:
    """As many headers as in what we measured of the server before."""
    return {
        "ce-id": uuid4().hex,
        "ce-type": "call.offered",
        "ce-source": "/bench",
        "ce-time": datetime.now(UTC).isoformat(),
    }


def _payload() -> bytes:
    return b'{"filler":"' + b"x" * (PAYLOAD_BYTES - 13) + b'"}'
