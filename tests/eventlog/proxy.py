"""A TCP proxy before a server, that loses what it is told to lose."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Self

MARKS = {"on_publish": b"HPUB log.", "on_ack": b'{"stream":"', "on_message": b"HMSG s"}
"""What the bytes hold for which a hook is called."""


class Proxy:
    """Passes bytes between its clients and a server on 127.0.0.1.

    `on_publish`, `on_ack` and `on_message` are called, once and before they are passed on, for the next bytes
    that hold an event sent, an acknowledgement, or an event delivered; if they return False these bytes are
    lost, and with `cut` the connection too.
    """

    def __init__(self, port: int) -> None:
        self.on_ack: Callable[[], bool] | None = None
        self.on_publish: Callable[[], bool] | None = None
        self.on_message: Callable[[], bool] | None = None
        self.cut = False
        self._port = port
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"nats://127.0.0.1:{self._listener.getsockname()[1]}"
        self._acceptor = Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        for open_ in [self._listener, *self._sockets]:
            _end(open_)
        self._acceptor.join(5)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                self._sockets += [client, server]
                Thread(target=self._pump, args=(client, server, "on_publish"), daemon=True).start()
                Thread(target=self._pump, args=(server, client, "on_ack", "on_message"), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, *hooks: str) -> None:
        with suppress(OSError):
            while passing := source.recv(1 << 16):
                if not all(self._passes(hook, passing) for hook in hooks):
                    if self.cut:
                        break
                    continue
                target.sendall(passing)
        _end(source)
        _end(target)

    def _passes(self, hook: str, passing: bytes) -> bool:
        call: Callable[[], bool] | None = getattr(self, hook)
        if call is None or MARKS[hook] not in passing:
            return True
        setattr(self, hook, None)
        return call()


def _end(open_: socket.socket) -> None:
    with suppress(OSError):
        open_.shutdown(socket.SHUT_RDWR)
    open_.close()
