"""What is wrongly typed, and what nobody answers: one line, and the exit code."""

from __future__ import annotations

import socket

import pytest

from centralita.cli import main
from contracts import registry

VERBS = [
    "backup",
    "call",
    "centre",
    "command",
    "demo",
    "figures",
    "history",
    "publish",
    "query",
    "replay",
    "restore",
    "tail",
    "up",
    "verify",
]
WRONG: list[tuple[list[str], str]] = [
    (["fly"], "knows no 'fly'; it knows up"),
    (["command", "tickets", "burn"], "it knows register, comment"),
    (["query", "weather", "today"], "it knows intake, routing, tickets, sla"),
    (["figures"], "which centre? give --centre NAME"),
    (["figures", "--centre", "No Name"], "no centre name"),
    (["figures", "--centre", "a", "--by", "moon"], "--by"),
    (["figures", "--frequency", "a"], "--frequency"),
    (["backup", "--centre", "a"], "DIR"),
    (["backup", "/tmp"], "which centre? give --centre NAME"),
    (["restore", "/no/such/directory"], "/no/such/directory"),
    (["restore", "/tmp", "--replicas", "0"], "--replicas"),
    (["history", "--centre", "a"], "CUSTOMER"),
    (["publish", "/no/such/file", "--centre", "a"], "/no/such/file"),
    (["replay", "/no/such/file", "--centre", "a"], "/no/such/file"),
    (["tail", "--centre", "a", "--new", "--all"], "exclude each other"),
    (["tail", "--centre", "a", "--since", "yesterdayish"], "neither a span"),
    (["tail", "--centre", "a", "--since", f"{'9' * 30}w"], "before all time"),
    (["tail", "--centre", "a", "--service", "weather"], "there are intake, routing, tickets, sla"),
    (["tail", "--centre", "a", "--call", "a.b"], "cannot be an id"),
    (["tail", "--centre", "a", "--count", "0"], "--count"),
    (["call", "a b", "--centre", "a"], "cannot be an id"),
    (["up", "--service", "weather"], "the services are intake"),
    (["centre", "add", "Bank!"], "no centre name"),
    (["centre", "add", "bank", "--protocol", "nonesuch"], "nonesuch"),
    (["centre", "remove", "bank"], "say --yes"),
    (["command", "tickets", "close", "--ticket", "x", "--by", "ana", "--centre", "a"], "--ticket: "),
    (["command", "tickets", "close", "--ticket", "1", "--centre", "a"], "--by: "),
    (["query", "tickets", "history", "--json-args", "{", "--centre", "a"], "expected JSON"),
    (
        ["query", "tickets", "history", "--json-args", "[]", "--centre", "a"],
        "expected a JSON object, found list",
    ),
    (["query", "tickets", "history", "--json-args", '{"who": 1}', "--centre", "a"], "--customer"),
]


@pytest.mark.parametrize(
    ("words", "said"), WRONG, ids=lambda it: " ".join(it) if isinstance(it, list) else ""
)
def test_what_is_wrongly_typed_is_told_in_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, nothing on standard output, and one line that says what is wrong."""
    monkeypatch.delenv("CENTRALITA_CENTRE", raising=False)
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("centralita: ")
    assert told.err.count("\n") == 1
    assert said in told.err


@pytest.mark.parametrize("url", ["nats://127.0.0.1:{port}", "nonsense::://", "nats://127.0.0.1:{port}/x"])
def test_a_server_that_does_not_answer_is_exit_code_three(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command says which server does not answer, soon, and in one line."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = url.format(port=held.getsockname()[1])
        backup = ["backup", "/no/matter", "--centre", "a"]
        for words in (["figures", "--centre", "a"], ["up"], ["centre", "list"], backup):
            assert main([*words, "--nats", url]) == 3
            told = capsys.readouterr()
            assert told.out == ""
            assert url in told.err
            assert told.err.count("\n") == 1


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` succeeds, and nothing typed shows the same and counts as wrongly typed."""
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f" {verb} " in said for verb in VERBS)
    assert main([]) == 2
    assert capsys.readouterr().out.strip() == said.strip()


@pytest.mark.parametrize(
    ("kind", "service", "name"),
    [
        (kind, service, name)
        for kind, known in (("command", registry.COMMANDS), ("query", registry.QUERIES))
        for service, names in known.items()
        for name in names
    ],
)
def test_every_field_of_the_contracts_is_a_flag(
    kind: str, service: str, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--help` of each command and query shows its fields, and none hides an option that all share."""
    monkeypatch.setenv("COLUMNS", "200")
    known = registry.COMMANDS if kind == "command" else registry.QUERIES
    fields = known[service][name].model_fields
    assert not {"centre", "nats", "json", "json_args", "id", "actor"} & set(fields)
    assert main([kind, service, name, "--help"]) == 0
    said = capsys.readouterr().out
    for field in fields:
        assert f"--{field.replace('_', '-')}" in said
