"""A call: how far it has come, and all that was learnt on it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from services.intake import ladder as steps
from services.intake.ladder import AT_FIRST, Ladder


class Told(NamedTuple):
    """A prompt that was issued, and which kind the caller was held to be then."""

    key: str
    kind: str | None
    text: str


class Call(NamedTuple):
    """A call as it is recorded; it may wait in a queue beside whatever else happens to it.

    `protocol` is the version that it follows, `since` when it came in, `held` the hold that it is on.
    """

    state: Literal["offered", "answered", "ended", "abandoned", "refused"] = "offered"
    waiting: bool = False
    number: str | None = None
    to: str | None = None
    queue: str | None = None
    since: datetime | None = None
    protocol: int | None = None
    block: str | None = None
    language: f.Language | None = None
    special_treatment: bool = False
    agent: str | None = None
    says: Literal["customer", "new", "unknown"] = "unknown"
    identified: bool = False
    customer: str | None = None
    title: str = ""
    given_name: str = ""
    name: str = ""
    party: Literal["individual", "company"] | None = None
    persons: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    request: f.RequestStated | None = None
    answers: tuple[tuple[str, bool], ...] = ()
    details: frozenset[str] = frozenset()
    held: f.CallHeld | None = None
    notes: tuple[str, ...] = ()
    ladder: Ladder = AT_FIRST
    prompts: tuple[Told, ...] = ()
    classified: e.CallerClassified | None = None
    need: e.NeedEstablished | None = None

    @property
    def over(self) -> bool:
        """Nobody is on the line any more."""
        return self.state in ("ended", "abandoned", "refused")

    @property
    def category(self) -> f.Category | None:
        """What sort of matter the request is."""
        return self.request.category if self.request else None


def offered(event: f.CallOffered, at: datetime) -> Call:
    """The call that comes in."""
    return Call(
        number=event.from_,
        to=event.to,
        queue=event.queue,
        since=at,
        protocol=event.protocol,
        language=event.language,
        special_treatment=event.special_treatment,
    )


_SAID = (
    f.CallerResponded,
    f.RequestStated,
    f.CallerIdentified,
    f.CallerAskedFor,
    f.KindConfirmed,
    f.ContactGiven,
    f.CallerInsisted,
    f.RecapConfirmed,
)
"""Facts in which the caller has said something."""


def evolve(call: Call, event: Data) -> Call:
    """The call after an event."""
    match event:
        case f.CallAnswered():  # no end is undone: the clock of whoever told of it may go before the others'
            return call._replace(state=call.state if call.over else "answered", agent=event.agent)
        case f.CallEnded():
            return call._replace(state="ended")
        case f.CallQueued():
            return call._replace(waiting=True)
        case f.CallDequeued():
            return call._replace(waiting=False)
        case f.CallAbandoned():
            return call._replace(state="abandoned")
        case e.PromptIssued():
            kind = call.classified.kind if call.classified else None
            return call._replace(prompts=(*call.prompts, Told(event.key, kind, event.text)))
        case e.CallerClassified():
            return call._replace(classified=event)
        case e.NeedEstablished():
            return call._replace(need=event)
    if isinstance(event, _SAID):
        return _said(call, event)
    return _went_on(call, event)


def _went_on(call: Call, event: Data) -> Call:
    match event:
        case f.CallHeld():
            return call._replace(held=event.model_copy(update={"agent": event.agent or call.agent}))
        case f.CallResumed():
            holder = call.held.agent if call.held else None
            return call._replace(held=None, agent=event.agent or holder or call.agent)
        case f.CallTransferred():
            return _handed_over(call, event.agent)
        case f.SupervisorJoined(mode="takeover"):
            call = _handed_over(call, event.supervisor)
            return call._replace(ladder=steps.evolve(call.ladder, event))
        case f.NoteTaken():
            return call._replace(notes=(*call.notes, *event.points))
        case e.CallRefused():
            return call._replace(state="refused", block=event.block)
        case f.UtteranceTranscribed(by="caller"):
            return _said(call, event)
    ladder = steps.evolve(call.ladder, event)
    return call if ladder is call.ladder else call._replace(ladder=ladder)


def _handed_over(call: Call, agent: str | None) -> Call:
    """Somebody else has the call now, on hold or not; None: it is not known who."""
    held = call.held and call.held.model_copy(update={"agent": agent})
    return call._replace(agent=agent, held=held)


def _said(call: Call, event: Data) -> Call:
    ladder = call.ladder
    if call.state == "answered" and not ladder.responded:
        ladder = ladder._replace(responded=True)
    match event:
        case f.RequestStated():
            return call._replace(ladder=ladder, statements=(*call.statements, event.text), request=event)
        case f.CallerIdentified():
            return _identified(call, event, ladder)
        case f.CallerAskedFor():
            return call._replace(ladder=ladder, persons=(*call.persons, event.person))
        case f.KindConfirmed():
            others = tuple(answer for answer in call.answers if answer[0] != event.kind)
            return call._replace(ladder=ladder, answers=(*others, (event.kind, event.answer)))
        case f.ContactGiven():
            given = {name for name in ("phone", "email") if getattr(event, name)}
            return call._replace(ladder=ladder, details=call.details | given)
    return call if ladder is call.ladder else call._replace(ladder=ladder)


def _identified(call: Call, event: f.CallerIdentified, ladder: Ladder) -> Call:
    return call._replace(
        ladder=ladder,
        identified=True,
        says=call.says if event.standing == "unknown" else event.standing,
        customer=event.customer or (None if event.standing == "new" else call.customer),
        title=event.title or call.title,
        given_name=event.given_name or call.given_name,
        name=event.name or event.given_name or call.name,
        party=event.party or call.party,
        language=event.language or call.language,
    )
