"""What the four services share around their loops: commands, queries, discovery, health and metrics by FastStream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from uuid import uuid4

from faststream.asgi import AsgiFastStream, AsgiResponse, get
from faststream.nats import NatsBroker, NatsMessage
from faststream.nats.opentelemetry import NatsTelemetryMiddleware
from faststream.nats.prometheus import NatsPrometheusMiddleware
from faststream.nats.prometheus.provider import NatsMetricsSettingsProvider
from faststream.specification import AsyncAPI
from prometheus_client import CollectorRegistry, make_asgi_app
from prometheus_client.core import GaugeMetricFamily

from contracts import registry
from contracts.base import Data, Problem
from contracts.commands import Recorded
from eventlog.client import urls
from eventlog.codec import JSON, check_size, check_texts, message_of
from services.decider import Service
from services.facts import check_time
from services.limits import Exceeded
from services.problems import problem_of
from services.seat import Seat

VERSION = "0.1.0"
AT_ONCE = 10_000
"""How many of the same command or query are in hand side by side, those that are being refused among them."""
FRAME = 1024
"""Bytes of a message that an answer cannot have: subject and headers."""


class _Capped(NatsMetricsSettingsProvider):
    """Metrics by the verb alone: a centre's name, which anybody may invent, makes no label."""

    def get_consume_attrs_from_message(self, msg: Any) -> Any:
        attributes = super().get_consume_attrs_from_message(msg)
        kind, _, service, verb, *_ = [*attributes["destination_name"].split("."), "", "", ""]
        return {**attributes, "destination_name": f"{kind}.*.{service}.{verb}"}


class Edge:
    """The request/reply and HTTP side of one service, which has these seats; `found`: whether it knows them all."""

    def __init__(
        self, service: Service, url: str, seats: Mapping[str, Seat], found: Callable[[], bool]
    ) -> None:
        self.service, self.seats, self._found = service, seats, found
        metrics = CollectorRegistry()
        metrics.register(_Positions(self))
        prometheus = NatsPrometheusMiddleware(registry=metrics, app_name=service.name)
        prometheus._settings_provider_factory = lambda _: _Capped()  # type: ignore[assignment,return-value]
        self.broker = NatsBroker(
            urls(url),
            logger=None,
            apply_types=False,
            decoder=_whole,
            middlewares=[prometheus, NatsTelemetryMiddleware()],
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            specification_url=urls(url),
        )
        for verb, model in registry.COMMANDS[service.name].items():
            self._serve(registry.command_subject("*", service.name, verb), verb, model, self._command)
        for name, query in registry.QUERIES[service.name].items():
            self._serve(registry.query_subject("*", service.name, name), name, query, self._query)
        self._discoverable()
        self.app = AsgiFastStream(
            self.broker,
            logger=None,
            asyncapi_path="/asyncapi",
            specification=AsyncAPI(title=f"Centralita {service.name}", version=VERSION),
            asgi_routes=[
                ("/healthz", get(self._alive)),
                ("/readyz", get(self._ready)),
                ("/metrics", make_asgi_app(metrics)),
            ],
        )

    def _serve(
        self,
        subject: str,
        title: str,
        model: type[Data],
        answer: Callable[[Seat, str, type[Data], NatsMessage], Awaitable[Data | dict[str, Any]]],
    ) -> None:
        async def handler(asked: NatsMessage) -> None:
            seat = self.seats.get(asked.raw_message.subject.split(".")[1])
            if seat is None or not seat.runner.active:
                return  # the active instance answers, or nobody does
            try:
                with seat.door.enter(len(asked.body)):
                    reply: Data | dict[str, Any] = await answer(seat, title, model, asked)
            except Exception as reason:  # noqa: BLE001  whatever it is, the asker is told
                reply = problem_of(reason)
                if reply.status == 500:
                    quoting = not seat.decider.sealing.discreet
                    why = repr(reason) if quoting else type(reason).__name__
                    seat.report("request.failed", {"verb": title, "reason": why})
            if asked.reply_to:
                content = _content(reply)
                room = asked.raw_message._client.max_payload - FRAME
                if len(content) > room:
                    found = f"the answer has {len(content)} bytes; ask for less of it"
                    beyond = Exceeded("answer-too-large", 413, found, f"at most {room} bytes")
                    content = _content(reply := problem_of(beyond))
                kind = "application/problem+json" if isinstance(reply, Problem) else JSON
                await self.broker.publish(content, asked.reply_to, headers={"content-type": kind})

        # the loop's own models judge what comes in; the annotation is for the AsyncAPI page
        handler.__annotations__ = {"asked": model}
        name = f"{self.service.name}.{title}"
        self.broker.subscriber(
            subject, no_reply=True, title=name, description=model.__doc__, max_workers=AT_ONCE
        )(handler)

    async def _command(self, seat: Seat, verb: str, model: type[Data], asked: NatsMessage) -> Recorded:
        check_size(asked.headers)
        command = model.model_validate_json(asked.body, strict=True)
        given = {key.lower(): value for key, value in asked.headers.items() if value}
        usual = {"ce-specversion": "1.0", "ce-id": uuid4().hex, "ce-source": "anonymous", "ce-type": verb}
        message = message_of("", usual | given, asked.body)
        check_texts(message)
        message = message._replace(
            aggregate="",
            name=verb,
            time=message.time or seat.now(),
            actor=message.actor or getattr(command, "by", "") or "anonymous",
        )
        check_time(message.time)
        stored = await seat.command(self.service.about(command), message)
        return Recorded(
            id=stored.id,
            type=stored.name,
            position=stored.seq,
            time=stored.time,
            data=json.loads(stored.data),
        )

    async def _query(self, seat: Seat, name: str, model: type[Data], asked: NatsMessage) -> dict[str, Any]:
        query = model.model_validate_json(asked.body or b"{}")
        return await seat.query(name, query)

    def _discoverable(self) -> None:
        """Answer the NATS services protocol, so that `nats micro ls` and `nats micro info` find the service."""
        name = self.service.name
        endpoints = [
            {"name": verb, "subject": subject("*", name, verb), "queue_group": "", "metadata": {"kind": kind}}
            for kind, verbs, subject in (
                ("command", registry.COMMANDS[name], registry.command_subject),
                ("query", registry.QUERIES[name], registry.query_subject),
            )
            for verb in verbs
        ]
        identity = {"name": f"centralita-{name}", "id": uuid4().hex, "version": VERSION, "metadata": {}}
        ping = {"type": "io.nats.micro.v1.ping_response", **identity}
        description = f"The {name} service of Centralita"
        info = {
            "type": "io.nats.micro.v1.info_response",
            **identity,
            "description": description,
            "endpoints": endpoints,
        }
        for verb, answer in (("PING", ping), ("INFO", info)):
            for subject in (
                f"$SRV.{verb}",
                f"$SRV.{verb}.{identity['name']}",
                f"$SRV.{verb}.*.{identity['id']}",
            ):
                self._announce(subject, json.dumps(answer).encode())

    def _announce(self, subject: str, answer: bytes) -> None:
        async def handler(asked: NatsMessage) -> None:
            if asked.reply_to:
                await self.broker.publish(answer, asked.reply_to)

        self.broker.subscriber(subject, no_reply=True, include_in_schema=False)(handler)

    async def _alive(self, scope: Any) -> AsgiResponse:
        return AsgiResponse(b'{"status": "alive"}', 200, {"content-type": JSON})

    async def _ready(self, scope: Any) -> AsgiResponse:
        states = {centre: seat.runner.state for centre, seat in self.seats.items()}
        ready = self._found() and all(state in ("active", "standby") for state in states.values())
        body = json.dumps({"ready": ready, "centres": states}).encode()
        return AsgiResponse(body, 200 if ready else 503, {"content-type": JSON})


class _Positions:
    """Where each seat stands, read when somebody scrapes."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    def collect(self) -> Iterable[GaugeMetricFamily]:
        labels = ("service", "centre")
        families = {
            name: GaugeMetricFamily(f"centralita_{name}", text, labels=labels)
            for name, text in (
                ("active", "1 where this instance decides"),
                ("inbox_position", "last sequence of the inbox decided on"),
                ("log_position", "last sequence of the log read"),
                ("own_position", "last sequence of the log written"),
                ("open_aggregates", "aggregates in memory"),
                ("deadletters", "inputs set aside, neither sent again nor discarded"),
                ("stopped_aggregates", "aggregates that this release cannot read"),
            )
        }
        for seat in list(self._edge.seats.values()):
            core, key = seat.runner.core, (self._edge.service.name, seat.centre)
            families["active"].add_metric(key, float(seat.runner.active))
            families["inbox_position"].add_metric(key, core.inbox)
            families["log_position"].add_metric(key, core.log)
            families["own_position"].add_metric(key, core.own)
            families["open_aggregates"].add_metric(key, len(core.tracks))
            families["deadletters"].add_metric(key, len(core.world.letters))
            families["stopped_aggregates"].add_metric(key, len(core.world.stopped))
        return families.values()


def _content(reply: Data | dict[str, Any]) -> bytes:
    text = reply.model_dump_json(exclude_none=True) if isinstance(reply, Data) else json.dumps(reply)
    return text.encode()


async def _whole(message: NatsMessage) -> NatsMessage:
    return message


async def serve_http(
    app: Any, host: str, port: int, *, farewell: int | None = None
) -> tuple[Any, asyncio.Task[None]]:
    """Serve an ASGI app until its server's `should_exit` is set; port 0 takes a free one. Raises OSError if taken.

    Requests in hand are waited for then, `farewell` seconds at most. `state.abort` of a request ends its connection at
    once, with all that its reader has not taken.
    """
    import socket

    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Abortable(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.app_state = {**self.app_state, "abort": transport.abort}

    listener = socket.create_server((host, port))
    # asyncio sets it where it has made the socket itself; without it every answer in two parts waits 40 ms
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        app, http=Abortable, log_level="error", lifespan="off", access_log=False,
        timeout_graceful_shutdown=farewell,
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve([listener]))
    server.port = listener.getsockname()[1]  # type: ignore[attr-defined]
    return server, task
