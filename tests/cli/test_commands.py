"""What people type, against the running stack."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from centralita.operating import Operator
from centralita.server import NatsServer
from tests.cli.keyboard import Stack, environment, typed

EIGHT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def fact(number: int, kind: str, about: str, second: float = 0, /, **data: object) -> str:
    """A fact as a JSON line."""
    time = (EIGHT + timedelta(seconds=second)).isoformat()
    event = {
        "id": str(number),
        "source": "/test/pbx",
        "type": kind,
        "subject": about,
        "time": time,
        "data": data,
    }
    return json.dumps(event) + "\n"


CALL = [
    fact(1, "call.offered", "c-1", 0, queue="general"),
    fact(2, "call.answered", "c-1", 5, agent="lucia"),
    fact(3, "request.stated", "c-1", 40, text="La cámara no enfría", category="complaint"),
    fact(4, "clock.advanced", "clock", 60, to=(EIGHT + timedelta(seconds=60)).isoformat()),
]


def settled(stack: Stack, centre: str) -> None:
    """Wait until the ticket that the call's complaint owes was recorded."""
    found = stack.typed("tail", "-c", centre, "--all", "--type", "ticket.owed", "--count", "1", "--json")
    assert found.code == 0


def test_a_call_is_published_told_and_counted(stack: Stack) -> None:
    """From JSON lines to its story with causes and tickets, its history, its figures and a clean check."""
    centre = stack.centre("--protocol", "cold-industry", "--clock", "virtual")
    published = stack.typed("publish", "-c", centre, stdin="".join(CALL))
    assert (published.code, published.err) == (0, "")
    assert published.out == f"4 facts published to {centre}\n"
    settled(stack, centre)

    asked = ("--category", "complaint", "--need", "Cámara sin frío", "--customer", "2041", "--call", "c-1")
    registered = stack.typed(
        "command", "tickets", "register", "-c", centre, *asked, "--by", "lucia", "--json"
    ).json
    assert registered["type"] == "ticket.registered"
    again = ("-c", centre, "--id", "mine", "--json-args", "-", "--json")
    comment = json.dumps({"ticket": registered["data"]["number"], "text": "Técnico en camino", "by": "marta"})
    commented = [stack.typed("command", "tickets", "comment", *again, stdin=comment).json for _ in range(2)]
    assert commented[0] == commented[1]

    story = stack.typed("call", "c-1", "-c", centre, "--json").json
    assert story["call"] == "c-1"
    positions = [event["position"] for event in story["events"]]
    assert positions == sorted(set(positions))
    kinds = [event["type"] for event in story["events"]]
    assert kinds[0] == "call.offered"
    assert {"ticket.owed", "deadline.met", "ticket.registered", "ticket.commented"} <= set(kinds)
    told = stack.typed("call", "c-1", "-c", centre)
    assert [int(line.split()[0]) for line in told.out.splitlines()] == positions
    owed = next(line for line in told.out.splitlines() if "ticket.owed" in line)
    assert "intake need.established" in owed.partition("←")[2]

    history = stack.typed("history", "2041", "-c", centre, "--json").json
    assert [ticket["need"] for ticket in history["tickets"]] == ["Cámara sin frío"]
    assert "Cámara sin frío" in stack.typed("history", "2041", "-c", centre).out
    figures = stack.typed("figures", "-c", centre, "--by", "queue", "--json").json
    assert figures == stack.typed("query", "sla", "figures", "-c", centre, "--json").json
    assert figures["queues"]["general"] == figures["queues"]["all"]
    assert (figures["queues"]["all"]["answered"], figures["ignored"]) == (1, 0)
    days = stack.typed("figures", "-c", centre, "--by", "day", "--json").json
    assert set(days["days"]) == {"2026-03-02", "all"}
    verified = stack.typed("verify", "-c", centre, "--store", str(stack.store), "--json")
    assert (verified.code, verified.json["wrong"]) == (0, [])
    noted, heads = verified.json, stack.store / "heads.json"
    for chain, code in ((noted["heads"]["intake"]["chain"], 0), ("0" * 32, 1)):
        noted["heads"]["intake"]["chain"] = chain
        heads.write_text(json.dumps(noted))
        assert stack.typed("verify", "-c", centre, "--heads", str(heads)).code == code


def test_bad_lines_are_told_by_number_and_the_rest_is_published(stack: Stack) -> None:
    """Each bad line is named with its field, the good ones are on disk, and the exit code is 1."""
    centre = stack.centre("--clock", "virtual")
    bad = [
        (b"\xff\xfe\n", "line", "UTF-8"),
        (b"{\n", "line", "JSON"),
        (b"[1]\n", "line", "a JSON object, found list"),
        (b"[" * 100_000 + b"\n", "line", "nested"),
        (b'{"id": "1"}\n', "source", "non-empty"),
        (fact(1, "call.flew", "c-1").encode(), "type", "call.flew"),
        (fact(1, "call.offered", "c.1").encode(), "subject", "c.1"),
        (fact(1, "call.offered", "c-1", queue=7).encode(), "data.queue", "string"),
        (fact(1, "call.offered", "c-1", colour="red").encode(), "data.colour", "not permitted"),
        (fact(1, "call.offered", "c-1", queue="\ud800").encode(), "line", "surrogates"),
        (fact(1, "call.offered", "c-1").replace("2026-03-02T", "noon ").encode(), "time", "RFC 3339"),
        (fact(1, "call.offered", "c-1", queue="x" * 600_000).encode(), "line", "at most"),
        (
            fact(1, "call.offered", "c-1").replace('"data"', '"dataversion": "x", "data"').encode(),
            "dataversion",
            "whole",
        ),
        (
            fact(1, "call.offered", "c-1").replace('"data": {}', '"data_base64": "e30="').encode(),
            "data_base64",
            "JSON",
        ),
        (fact(1, "clock.advanced", "clock", to=1).replace("1}", "NaN}").encode(), "line", "NaN"),
    ]
    lines = b"".join([CALL[0].encode(), b"\n", *(line for line, _, _ in bad), CALL[1].encode().rstrip()])
    published = stack.typed("publish", "-", "-c", centre, "--json", stdin=lines)
    assert published.code == 1
    assert published.json["published"] == 2
    refused = published.json["refused"]
    assert [it["line"] for it in refused] == list(range(3, 3 + len(bad)))
    for (_, field, why), it in zip(bad, refused, strict=True):
        assert it["field"] == field
        assert why in it["reason"]
    assert len(published.err.splitlines()) == len(bad)
    assert published.err.startswith("line 3: line: expected UTF-8\n")


def test_a_fact_is_published_as_soon_as_its_line_has_come(stack: Stack) -> None:
    """A producer that keeps the pipe open sees its facts on the log at once, and Ctrl-C ends it with 130."""
    centre = stack.centre("--clock", "virtual")
    words = [sys.executable, "-m", "centralita.cli", "publish", "-c", centre]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, env=environment(CENTRALITA_NATS=stack.url), **pipes) as publishing:
        assert publishing.stdin
        publishing.stdin.write(CALL[0].encode() + CALL[1][:20].encode())
        publishing.stdin.flush()
        offered = stack.typed("tail", "-c", centre, "--all", "--type", "call.*", "--count", "1", "--json")
        assert offered.json["subject"] == "c-1"
        publishing.send_signal(2)
        assert publishing.wait(30) == 130
        assert publishing.stdout
        assert publishing.stderr
        assert publishing.stdout.read().decode() == f"1 facts published to {centre}\n"
        assert publishing.stderr.read().decode().startswith("centralita: interrupted")


def test_a_refusal_names_the_rule_and_is_json_for_programs(stack: Stack) -> None:
    """Exit code 1, one line with the rule on standard error, with --json the problem on standard output."""
    centre = stack.centre("--clock", "virtual")
    words = ("command", "tickets", "close", "--ticket", "7", "--by", "ana", "-c", centre)
    refused = stack.typed(*words, "--json")
    assert refused.code == 1
    assert refused.json["status"] == 409
    assert refused.err.startswith(f"centralita: refused [{refused.json['rule']}]: ")
    assert refused.err.count("\n") == 1
    assert stack.typed(*words).out == ""


def test_centres_are_opened_listed_and_removed(stack: Stack) -> None:
    """A centre can be opened once and removed once, and what needs it says then that it is gone."""
    centre = stack.centre()
    assert centre in stack.typed("centre", "list").out.splitlines()
    assert centre in stack.typed("centre", "list", "--json").json["centres"]
    assert stack.typed("centre", "add", centre).code == 1
    assert stack.typed("centre", "remove", centre, "--yes", "--json").json == {"removed": centre}
    for words in (["centre", "remove", centre, "--yes"], ["figures", "-c", centre], ["tail", "-c", centre]):
        gone = stack.typed(*words)
        assert gone.code == 1
        assert f"no centre '{centre}'" in gone.err
    assert stack.typed("call", "c-1", "-c", stack.centre()).code == 1


async def test_a_server_lost_on_the_way_says_what_is_stored(tmp_path: Path) -> None:
    """Exit code 3, and how many facts and up to which line are on disk for certain."""
    async with NatsServer.start(tmp_path) as server:
        env = {"CENTRALITA_NATS": server.url, "CENTRALITA_CENTRE": "acme"}
        assert (await asyncio.to_thread(typed, "centre", "add", "acme", **env)).code == 0
        publishing = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "centralita.cli", "publish"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(**env),
        )
        assert publishing.stdin
        publishing.stdin.write(CALL[0].encode())
        async with Operator(server.url) as client:
            for _ in range(3000):
                if await client.inbox("acme").last_sequence():
                    break
                await asyncio.sleep(0.02)
        server.kill()
        _, err = await asyncio.wait_for(publishing.communicate(CALL[1].encode()), 40)
        assert publishing.returncode == 3
        assert "1 facts are stored, those after line 1 may not be" in err.decode()


async def test_an_active_service_that_is_missing_is_exit_code_three(tmp_path: Path) -> None:
    """A question for a service that does not run says so; the log can be read all the same."""
    async with NatsServer.start(tmp_path) as server:
        env = {"CENTRALITA_NATS": server.url, "CENTRALITA_CENTRE": "acme"}
        assert (await asyncio.to_thread(typed, "centre", "add", "acme", **env)).code == 0
        figures = await asyncio.to_thread(typed, "figures", **env)
        assert figures.code == 3
        assert figures.err == "centralita: no active sla answers for the centre 'acme'\n"
        assert (await asyncio.to_thread(typed, "tail", "--all", "--count", "2", **env)).code == 0
