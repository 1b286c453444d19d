"""What the protocol says about cases."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.base import Category, Language
from contracts.events import PromptIssued, TicketState
from contracts.protocol import Cases, Protocol
from contracts.wording import worded

Values = Mapping[str, str | Mapping[Language, str]]
"""What a script's places are filled with."""
_NO_CASES = dict(Cases())
_OVER: frozenset[TicketState] = frozenset(("resolved", "closed"))
ASKED: dict[Language, str] = {
    "es": "El cliente ha preguntado por este caso.",
    "pt": "O cliente perguntou por este caso.",
    "en": "The client asked about this case.",
}
"""The comment on a case that a client asks about."""


def is_over(state: TicketState) -> bool:
    """Whether a case in this state is over."""
    return state in _OVER


def owes_ticket(protocol: Protocol, category: Category) -> bool:
    """Whether a matter of this category must have a ticket."""
    return category in protocol.cases.owed_for


def idle(protocol: Protocol) -> bool:
    """Whether nothing that happens on a call concerns the cases."""
    return dict(protocol.cases) == _NO_CASES and not protocol.scorecard


def follows(protocol: Protocol) -> bool:
    """Whether more of a call matters than that it owes a ticket: its need must be known."""
    more = dict(protocol.cases) | {"owed_for": ()}
    return more != _NO_CASES or bool(protocol.scorecard) or forgets(protocol)


def forgets(protocol: Protocol) -> bool:
    """Whether nothing may remain of callers who are no customers. R29."""
    return protocol.privacy.non_customers == "forgotten"


def formal(protocol: Protocol, category: Category) -> bool:
    """Whether a case of this category ends with a reply in due form only. R62."""
    cases = protocol.cases
    return category in cases.formal_reply_for or "due_form" in cases.required.get(category, ())


def prompt(
    protocol: Protocol,
    key: str,
    language: Language | None = None,
    values: Values | None = None,
) -> list[PromptIssued]:
    """What is to be said under this key, if the protocol has it."""
    said = worded(protocol.scripts, key, (language, protocol.language), values or {})
    return [PromptIssued(rule=key[:3].upper(), key=key, language=said[0], text=said[1])] if said else []
