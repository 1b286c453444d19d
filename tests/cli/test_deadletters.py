"""`centralita deadletters`: what was rejected is listed, shown, mended and sent again, or given up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.cli.keyboard import Stack
from tests.cli.test_commands import fact

WHO = ("--by", "eva", "--why", "category misspelt")


def test_a_rejected_fact_is_listed_shown_mended_and_discarded(stack: Stack, tmp_path: Path) -> None:
    """Each step says what came of it, as a line and as JSON; nothing is done twice, or without a name and a reason."""
    centre = stack.centre("--protocol", "cold-industry", "--clock", "virtual")
    assert stack.typed("deadletters", "list", "-c", centre).out == f"nothing is set aside in {centre}\n"
    facts = [
        fact(1, "call.offered", "c-1", 0, queue="general"),
        fact(2, "customer.registered", "7", 1, name="Ruiz", kind="weather"),
        fact(3, "kind.confirmed", "c-1", 2, kind="weather", answer=True),
    ]
    assert stack.typed("publish", "-c", centre, stdin="".join(facts)).code == 0
    listed: list[dict[str, Any]] = []
    while len(listed) < 2:  # until the services have read both
        listed = stack.typed("deadletters", "list", "-c", centre, "--json").json["letters"]
    unknown, wrong = (str(it["number"]) for it in listed)
    assert [(it["about"], it["state"], it["service"]) for it in listed] == [
        ("customer:7", "rejected", "intake"),
        ("c-1", "rejected", "intake"),
    ]
    table = stack.typed("deadletters", "list", "-c", centre).out.splitlines()
    assert table[0].split() == ["number", "state", "service", "about", "what", "tries", "since", "reason"]
    assert "kind-unknown" in table[2]

    shown = stack.typed("deadletters", "show", wrong, "-c", centre)
    assert '"kind": "weather"' in shown.out
    assert "ce-id: 3" in shown.out
    held = stack.typed("deadletters", "show", wrong, "-c", centre, "--json").json
    assert held["original"]["headers"]["ce-source"] == "/test/pbx"
    assert held["record"]["type"] == "fact.rejected"

    assert stack.typed("deadletters", "resend", wrong, "-c", centre).code == 2
    assert stack.typed("deadletters", "resend", "-c", centre, *WHO).code == 2
    again = stack.typed("deadletters", "resend", wrong, "-c", centre, *WHO)
    assert (again.code, again.out.split()[1]) == (1, "rejected")
    mended = tmp_path / "mended.json"
    mended.write_text('{"kind": "property-manager", "answer": true}')
    again = stack.typed("deadletters", "resend", wrong, "-c", centre, *WHO)
    assert "is resent already" in again.err
    *_, newest = stack.typed("deadletters", "list", "-c", centre, "--json").json["letters"]
    done = stack.typed(
        "deadletters", "resend", str(newest["number"]), "-c", centre, *WHO, "--data", str(mended), "--json"
    )
    assert done.json["letters"][0]["outcome"] == "resent"
    given_up = stack.typed("deadletters", "discard", unknown, "-c", centre, "--by", "eva", "--why", "a test")
    assert given_up.out.startswith(f"{unknown} discarded at ")
    assert stack.typed("deadletters", "list", "-c", centre, "--json").json["letters"] == []
    every = stack.typed("deadletters", "list", "--all", "-c", centre, "--json").json["letters"]
    assert (every[0]["state"], every[0]["by"], every[0]["why"]) == ("discarded", "eva", "a test")
    assert [it["state"] for it in every] == ["discarded", "resent", "resent"]
    assert "deadletter.discarded" in stack.typed("deadletters", "show", unknown, "-c", centre).out
    assert "original" not in stack.typed("deadletters", "show", unknown, "-c", centre, "--json").json
    missing = stack.typed("deadletters", "show", "999999", "-c", centre)
    assert (missing.code, "there is no letter 999999" in missing.err) == (1, True)
