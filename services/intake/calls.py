"""A call: how far it has come, and all that was learnt on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from contracts import events as e
from contracts import facts as f
from contracts.base import Data


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it is recorded; it may wait in a queue beside whatever else happens to it."""

    state: Literal["offered", "answered", "ended", "abandoned"] = "offered"
    waiting: bool = False
    number: str | None = None
    language: f.Language | None = None
    special_treatment: bool = False
    agent: str | None = None
    says: Literal["customer", "new", "unknown"] = "unknown"
    identified: bool = False
    customer: str | None = None
    title: str = ""
    name: str = ""
    party: Literal["individual", "company"] | None = None
    persons: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    category: f.Category | None = None
    answers: tuple[tuple[str, bool], ...] = ()
    details: frozenset[str] = frozenset()
    prompts: tuple[tuple[str, str | None], ...] = ()
    """What the agent was told, and which kind the caller was held to be then."""
    classified: e.CallerClassified | None = None
    need: e.NeedEstablished | None = None

    @property
    def over(self) -> bool:
        """Nobody is on the line any more."""
        return self.state in ("ended", "abandoned")


def offered(event: f.CallOffered) -> Call:
    """The call that comes in."""
    return Call(number=event.from_, language=event.language, special_treatment=event.special_treatment)


def evolve(call: Call, event: Data) -> Call:
    """The call after an event."""
    match event:
        case f.CallQueued():
            return replace(call, waiting=True)
        case f.CallDequeued():
            return replace(call, waiting=False)
        case f.CallAnswered():
            return replace(call, state="answered", agent=event.agent)
        case f.CallAbandoned():
            return replace(call, state="abandoned")
        case f.CallEnded():
            return replace(call, state="ended")
        case f.CallerIdentified():
            return _identified(call, event)
        case f.CallerAskedFor():
            return replace(call, persons=(*call.persons, event.person))
        case f.RequestStated():
            return replace(call, statements=(*call.statements, event.text), category=event.category)
        case f.KindConfirmed():
            others = tuple(answer for answer in call.answers if answer[0] != event.kind)
            return replace(call, answers=(*others, (event.kind, event.answer)))
        case f.ContactGiven():
            given = {name for name in ("phone", "email") if getattr(event, name)}
            return replace(call, details=call.details | given)
        case e.CallerClassified():
            return replace(call, classified=event)
        case e.NeedEstablished():
            return replace(call, need=event)
        case e.PromptIssued():
            kind = call.classified.kind if call.classified else None
            return replace(call, prompts=(*call.prompts, (event.key, kind)))
    return call


def _identified(call: Call, event: f.CallerIdentified) -> Call:
    return replace(
        call,
        identified=True,
        says=call.says if event.standing == "unknown" else event.standing,
        customer=event.customer or (None if event.standing == "new" else call.customer),
        title=event.title or call.title,
        name=event.name or event.given_name or call.name,
        party=event.party or call.party,
        language=event.language or call.language,
    )
