"""The CRM asked at the keyboard."""

from __future__ import annotations

import pytest

from tests.cli.keyboard import Stack


def test_a_crm_that_is_not_there_is_told(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a CRM, with a URL that has no place for the number, or with nobody there, one line says so."""
    answer = stack.typed("crm", "ask", "+34600555101")
    assert (answer.code, "CENTRALITA_CRM: expected the CRM's URL" in answer.err) == (2, True)
    monkeypatch.setenv("CENTRALITA_CRM", "http://127.0.0.1:9/callers")
    answer = stack.typed("crm", "run")
    assert (answer.code, "CENTRALITA_CRM: expected a URL with {phone}" in answer.err) == (2, True)
    monkeypatch.setenv("CENTRALITA_CRM", "http://127.0.0.1:9/callers/{phone}")
    answer = stack.typed("crm", "ask", "+34600555101")
    assert (answer.code, "gives no answer: ConnectError" in answer.err) == (3, True)
    for name, value in (("CENTRALITA_CRM_TIMEOUT", "soon"), ("CENTRALITA_WEBHOOK_IN_FLIGHT", "0")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            answer = stack.typed("up")
        assert (answer.code, f"{name}: " in answer.err) == (2, True)
