"""Webhooks typed at the keyboard, and sent by `up`."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from standardwebhooks import Webhook

from tests.cli.keyboard import Stack


class Endpoint(HTTPServer):
    """Takes one webhook, and keeps it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.timeout = 20
        self.done = threading.Event()


class Taking(BaseHTTPRequestHandler):
    """How one request is taken."""

    server: Endpoint

    def do_POST(self) -> None:
        self.server.taken.append((dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(204)
        self.end_headers()
        self.server.done.set()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """An endpoint on a free port."""
    with Endpoint() as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield server
        thread.join()


def test_a_chosen_event_is_sent_by_up(stack: Stack, endpoint: Endpoint) -> None:
    """A webhook that was added is sent what it asks for and nothing else; then it is listed, and removed."""
    centre = stack.centre("--protocol", "plain")
    added = stack.typed("webhook", "add", endpoint.url, "-t", "call.ans*", "-c", centre, "--json")
    hook = json.loads(added.out)
    facts = [("call.offered", {"from": "+34600555101"}), ("call.answered", {"agent": "ana"})]
    lines = [
        {"specversion": "1.0", "id": name, "source": "/pbx", "type": name, "subject": "c-1", "data": data}
        for name, data in facts
    ]
    assert stack.typed("publish", "-c", centre, stdin="\n".join(map(json.dumps, lines))).code == 0
    endpoint.done.wait(20)
    ((headers, body),) = endpoint.taken
    event = Webhook(hook["secret"]).verify(body, headers)
    assert (event["type"], event["subject"], event["data"]) == ("call.answered", "c-1", {"agent": "ana"})
    (listed,) = json.loads(stack.typed("webhook", "list", "-c", centre, "--json").out)["webhooks"]
    assert (listed["id"], listed["letters"], "secret" in listed) == (hook["id"], 0, False)
    assert stack.typed("webhook", "letters", hook["id"], "-c", centre).out.startswith("nothing of")
    assert stack.typed("webhook", "resend", hook["id"], "-c", centre).out == "0 sent\n"
    missing = stack.typed("webhook", "resend", hook["id"], "7", "-c", centre)
    assert (missing.code, "is set aside at 7" in missing.err) == (1, True)
    assert stack.typed("webhook", "remove", hook["id"], "-c", centre).code == 0
    assert stack.typed("webhook", "list", "-c", centre).out == f"no webhook in {centre}\n"


def test_what_is_typed_wrongly_is_told(stack: Stack) -> None:
    """A URL or type that cannot be, and a webhook that is not there, are refused in one line."""
    centre = stack.centre("--protocol", "plain")
    for words, code, says in (
        (("add", "ftp://a", "-t", "call.*"), 2, "url: expected http:// or https://"),
        (("add", "http://a", "-t", "cal"), 2, "type: no event is called 'cal'"),
        (("remove", "wh-1"), 1, "has no webhook 'wh-1'"),
    ):
        answer = stack.typed("webhook", *words, "-c", centre)
        assert (answer.code, says in answer.err) == (code, True), answer.err
