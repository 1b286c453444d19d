"""A real server for the tests of the log, one for each test process, and streams of one's own on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from eventsourcing.utils import Environment

from centralita.server import NatsServer
from eventlog.jetstream import Factory
from tests.eventlog.servers import Servers


@pytest.fixture(scope="session")
def log_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A running server, used from other event loops than the one it was started on."""
    loop = asyncio.new_event_loop()

    async def start() -> NatsServer:
        return await NatsServer.start(tmp_path_factory.mktemp("log"))

    server = loop.run_until_complete(start())
    yield server
    loop.run_until_complete(server.stop())
    loop.close()


@pytest.fixture
def log_env(log_server: NatsServer) -> dict[str, str]:
    """The settings of the persistence module, with a context nobody has used: its streams are empty."""
    return {
        "PERSISTENCE_MODULE": "eventlog.jetstream",
        "JETSTREAM_URL": log_server.url,
        "JETSTREAM_CONTEXT": uuid4().hex,
    }


@pytest.fixture
def open_factory(log_env: dict[str, str]) -> Iterator[Callable[..., Factory]]:
    """Opens factories on that context, with further settings; all are closed at the end."""
    opened: list[Factory] = []

    def open_(name: str = "app", **settings: str) -> Factory:
        opened.append(Factory(Environment(name, log_env | settings)))
        return opened[-1]

    yield open_
    for factory in opened:
        factory.close()


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """Servers of one's own, stopped at the end."""
    servers = Servers(tmp_path / "own")
    yield servers
    for server in servers.started:
        servers.loop.run_until_complete(server.stop())
    servers.loop.close()


@pytest.fixture
def published(request: pytest.FixtureRequest, log_env: dict[str, str]) -> None:
    """For a class of the library's published cases: the settings, as `env` of each test."""
    request.instance.env = log_env
