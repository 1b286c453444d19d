"""nats-server in memory, as far as `eventlog` uses it: subjects, streams, their API, pull consumers."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from tests.simulation.stored import Declined, Kept, Stored, dumped, found, matches, stamp

API = "$JS.API."
Headers = dict[str, str]


class Peer(Protocol):
    """A connection as the server sees it."""

    label: str

    def deliver(self, sid: int, subject: str, reply: str, headers: Headers | None, data: bytes) -> None:
        """Send a message to a subscription."""
        ...


class _Request:
    """Somebody waits for so many messages of a consumer."""

    def __init__(self, reply: str, query: dict[str, Any], now: float) -> None:
        self.reply = reply
        self.left: int = query["batch"]
        self.until = now + query.get("expires", 30e9) / 1e9
        self.heartbeat: float = query.get("idle_heartbeat", 0) / 1e9
        self.quiet = now


class Consumer:
    """An ephemeral pull consumer that asks for no acknowledgements."""

    def __init__(self, stream: Stored, config: dict[str, Any]) -> None:
        self.stream, self.config = stream, config
        self.filters: list[str] = config.get("filter_subjects") or [config.get("filter_subject") or ">"]
        self.next: int = config.get("opt_start_seq", 1)
        self.delivered = 0
        self.requests: list[_Request] = []
        self.timer: asyncio.TimerHandle | None = None


class Server:
    """What all connections share. `on_purged` is told what was removed; `now` gives the time of day."""

    def __init__(self, loop: asyncio.AbstractEventLoop, now: Callable[[], datetime]) -> None:
        self.loop, self.now = loop, now
        self.streams: dict[str, Stored] = {}
        self.up = True
        self.on_purged: Callable[[Stored, Sequence[Kept]], None] = lambda stream, gone: None
        self._consumers: dict[tuple[str, str], Consumer] = {}
        self._literal: dict[str, list[tuple[Peer, int]]] = defaultdict(list)
        self._wild: dict[str, list[tuple[Peer, int]]] = defaultdict(list)
        self._subscribed: dict[tuple[Peer, int], str] = {}

    # subjects

    def subscribe(self, peer: Peer, sid: int, subject: str) -> None:
        """From now on what comes under the subject goes to this subscription."""
        self._subscribed[peer, sid] = subject
        self._interest(subject)[self._key(subject)].append((peer, sid))

    def unsubscribe(self, peer: Peer, sid: int) -> None:
        """From now on it does not."""
        subject = self._subscribed.pop((peer, sid), None)
        if subject is not None:
            interest, key = self._interest(subject), self._key(subject)
            interest[key].remove((peer, sid))
            if not interest[key]:
                del interest[key]

    def leave(self, peer: Peer) -> None:
        """The connection is gone."""
        for other, sid in list(self._subscribed):
            if other is peer:
                self.unsubscribe(peer, sid)
        for consumer in self._consumers.values():
            consumer.requests = [it for it in consumer.requests if self._wanted(it.reply)]

    def restart(self) -> None:
        """Everything but the streams is lost."""
        for peer in {peer for peer, _ in self._subscribed}:
            self.leave(peer)
        for consumer in self._consumers.values():
            if consumer.timer:
                consumer.timer.cancel()
        self._consumers.clear()
        for stream in self.streams.values():
            stream.batches.clear()

    def _interest(self, subject: str) -> dict[str, list[tuple[Peer, int]]]:
        return self._wild if subject.endswith((".*", ".>")) else self._literal

    def _key(self, subject: str) -> str:
        return subject.rpartition(".")[0] if subject.endswith((".*", ".>")) else subject

    def _listeners(self, subject: str) -> list[tuple[Peer, int]]:
        found = [*self._literal.get(subject, ())]
        prefix = subject
        while prefix := prefix.rpartition(".")[0]:
            found += (it for it in self._wild.get(prefix, ()) if matches(self._subscribed[it], subject))
        return found

    def _wanted(self, subject: str) -> bool:
        return bool(self._listeners(subject))

    def send(
        self, to: str, data: bytes, headers: Headers | None = None, subject: str = "", reply: str = ""
    ) -> int:
        """Give a message to all who listen on `to`, under its `subject`; to how many."""
        listeners = self._listeners(to)
        for peer, sid in listeners:
            peer.deliver(sid, subject or to, reply, headers, data)
        return len(listeners)

    def receive(self, peer: Peer, subject: str, reply: str, headers: Headers, data: bytes) -> None:
        """A message has arrived from a connection."""
        if subject.startswith(API):
            heard = self._asked(subject.removeprefix(API), reply, data)
        else:
            heard = self.send(subject, data, headers or None, reply=reply) > 0
            for stream in self.streams.values():
                if stream.takes(subject):
                    heard = True
                    self._publish(stream, peer, subject, reply, headers, data)
                    break
        if not heard and reply:
            self.send(reply, b"", {"Status": "503"})

    def _publish(
        self, stream: Stored, peer: Peer, subject: str, reply: str, headers: Headers, data: bytes
    ) -> None:
        last = stream.last
        try:
            answer = stream.publish(subject, headers, data, peer.label)
        except Declined as declined:
            answer = {"error": declined.error, "stream": stream.name, "seq": 0}
        if answer and reply:
            self.send(reply, dumped(answer))
        if stream.last > last:
            for consumer in self._consumers.values():
                if consumer.stream is stream and consumer.requests:
                    self._serve(consumer)

    # the API

    def _asked(self, verb: str, reply: str, data: bytes) -> bool:
        query = json.loads(data) if data else {}
        head, _, rest = verb.rpartition(".")
        if verb.startswith("CONSUMER.CREATE."):
            _, _, name, consumer, *_ = verb.split(".")
            return self._answer(reply, lambda: self._created(name, consumer, query["config"]))
        if head.startswith("CONSUMER."):
            action, _, name = head.removeprefix("CONSUMER.").rpartition(".")
            if action == "LIST" or head == "CONSUMER.LIST":
                return self._answer(reply, lambda: self._listed(rest))
            return self._consumer(action, name, rest, reply, query)
        if verb == "STREAM.NAMES":
            names = sorted(self.streams)[query.get("offset", 0) :]
            page = {"total": len(self.streams), "offset": query.get("offset", 0), "limit": 1024}
            return self._answer(reply, lambda: page | {"streams": names})
        if head == "DIRECT.GET":
            return self._direct(rest, reply, query)
        if head == "STREAM.MSG.GET" and rest in self.streams and (kept := self.streams[rest].find(query)):
            self.send(reply, found(kept))
            return True
        return self._answer(reply, lambda: self._stream(head, rest, query))

    def _answer(self, reply: str, work: Callable[[], dict[str, Any]]) -> bool:
        try:
            answer = work()
        except Declined as declined:
            answer = {"error": declined.error}
        self.send(reply, dumped(answer))
        return True

    def _named(self, name: str) -> Stored:
        if name not in self.streams:
            raise Declined(404, 10059, "stream not found")
        return self.streams[name]

    def _stream(self, verb: str, name: str, query: dict[str, Any]) -> dict[str, Any]:
        if verb == "STREAM.CREATE":
            if name not in self.streams:
                self.streams[name] = Stored(query, self.now, self.loop.time)
            return self.streams[name].info()
        stream = self._named(name)
        match verb:
            case "STREAM.MSG.GET":
                raise Declined(404, 10037, "no message found")
            case "STREAM.INFO":
                return stream.info()
            case "STREAM.DELETE":
                del self.streams[name]
                return {"success": True}
            case "STREAM.PURGE":
                gone = stream.purge(query.get("filter", ""), query.get("seq", 0))
                self.on_purged(stream, gone)
                return {"success": True, "purged": len(gone)}
            case "STREAM.MSG.DELETE":
                if not stream.remove(query["seq"]):
                    raise Declined(400, 10043, f"sequence {query['seq']} not found")
                return {"success": True}
        raise Declined(501, 10000, f"this server does not know {verb}")

    def _direct(self, name: str, reply: str, query: dict[str, Any]) -> bool:
        if name not in self.streams:
            return False
        stream = self.streams[name]
        if "multi_last" in query:
            found = [kept for it in query["multi_last"] if (kept := stream.find({"last_by_subj": it}))]
            found.sort(key=lambda kept: kept.seq)
            left = len(found)
        else:
            found = list(stream.after(query["seq"], [query["next_by_subj"]]))
            left, found = len(found), found[: query.get("batch", 1)]
        if not found:
            self.send(reply, b"", {"Status": "404", "Description": "Message Not Found"})
            return True
        for kept in found:
            left -= 1
            about = {
                "Nats-Stream": name, "Nats-Subject": kept.subject, "Nats-Sequence": str(kept.seq),
                "Nats-Time-Stamp": stamp(kept.at), "Nats-Num-Pending": str(left),
            }  # fmt: skip
            self.send(reply, kept.data, kept.headers | about)
        self.send(reply, b"", {"Status": "204", "Description": "EOB", "Nats-Num-Pending": str(left)})
        return True

    # consumers

    def _created(self, name: str, consumer: str, config: dict[str, Any]) -> dict[str, Any]:
        made = self._consumers[name, consumer] = Consumer(self._named(name), config)
        return self._told(made)

    def _listed(self, name: str) -> dict[str, Any]:
        self._named(name)
        found = [self._told(it) for (stream, _), it in self._consumers.items() if stream == name]
        return {"total": len(found), "offset": 0, "limit": 256, "consumers": found}

    def _told(self, consumer: Consumer) -> dict[str, Any]:
        at = {"consumer_seq": consumer.delivered, "stream_seq": consumer.next - 1}
        return {
            "stream_name": consumer.stream.name, "name": consumer.config["name"], "config": consumer.config,
            "created": stamp(self.now()), "delivered": at, "ack_floor": at, "num_ack_pending": 0,
            "num_redelivered": 0, "num_waiting": len(consumer.requests), "num_pending": 0,
        }  # fmt: skip

    def _consumer(self, action: str, name: str, id: str, reply: str, query: dict[str, Any]) -> bool:
        consumer = self._consumers.get((name, id))
        if action == "DELETE":
            return self._answer(reply, lambda: self._deleted(name, id))
        if consumer is None:
            return False
        consumer.requests.append(_Request(reply, query, self.loop.time()))
        self._serve(consumer)
        return True

    def _deleted(self, name: str, id: str) -> dict[str, Any]:
        consumer = self._consumers.pop((name, id), None)
        if consumer is None:
            raise Declined(404, 10014, "consumer not found")
        if consumer.timer:
            consumer.timer.cancel()
        for request in consumer.requests:
            self._end(request, "409", "Consumer Deleted")
        return {"success": True}

    def _serve(self, consumer: Consumer) -> None:
        """Deliver what there is to those who wait, in the order in which they asked."""
        stream = consumer.stream
        found = list(stream.after(consumer.next, consumer.filters)) if consumer.requests else []
        for left, kept in zip(range(len(found) - 1, -1, -1), found, strict=True):
            if not consumer.requests:
                break
            request = consumer.requests[0]
            consumer.delivered += 1
            consumer.next = kept.seq + 1
            at = int(kept.at.timestamp() * 1e6) * 1000
            ack = f"$JS.ACK.{stream.name}.{consumer.config['name']}.1.{kept.seq}.{consumer.delivered}.{at}.{left}"
            self.send(request.reply, kept.data, kept.headers, subject=kept.subject, reply=ack)
            request.left -= 1
            request.quiet = self.loop.time()
            if request.left == 0:
                consumer.requests.pop(0)
        if consumer.timer is None and consumer.requests:
            self._later(consumer)

    def _later(self, consumer: Consumer) -> None:
        waits = [
            min(it.until, it.quiet + it.heartbeat if it.heartbeat else it.until) for it in consumer.requests
        ]
        consumer.timer = self.loop.call_at(min(waits), self._tick, consumer) if waits else None

    def _tick(self, consumer: Consumer) -> None:
        """Requests end, and those who wait hear that the server lives."""
        now, consumer.timer = self.loop.time(), None
        for request in list(consumer.requests):
            if now >= request.until:
                consumer.requests.remove(request)
                self._end(request, "408", "Request Timeout")
            elif request.heartbeat and now >= request.quiet + request.heartbeat:
                request.quiet = now
                beat = {"Status": "100", "Description": "Idle Heartbeat"}
                last = {
                    "Nats-Last-Consumer": str(consumer.delivered),
                    "Nats-Last-Stream": str(consumer.next - 1),
                }
                self.send(request.reply, b"", beat | last)
        self._later(consumer)

    def _end(self, request: _Request, status: str, why: str) -> None:
        left = {"Nats-Pending-Messages": str(request.left), "Nats-Pending-Bytes": "0"}
        self.send(request.reply, b"", {"Status": status, "Description": why} | left)
