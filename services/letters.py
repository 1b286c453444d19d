"""Dead letters: what every service records of an input that it cannot handle, and of what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from contracts import registry
from contracts.base import Data, Refused
from contracts.commands import DiscardLetter, ResendLetter
from contracts.deciding import Decision, World
from contracts.events import (
    DeadletterDiscarded,
    DeadletterRequested,
    DeadletterResent,
    DeadletterSetAside,
)
from contracts.letters import Letter
from eventlog.codec import Message
from eventlog.decider import Arrival
from eventlog.faults import Fault
from services.rejecting import short

ASKS_AGAIN = registry.name_of_type(DeadletterRequested)
W = World[Any, Any]


def blocked(world: W, arrival: Arrival, touched: Sequence[str]) -> Fault | None:
    """Why an input must wait untried: what it is about has stopped, or something before it is outstanding."""
    about = (arrival.aggregate, *touched)
    for id in about:
        if id in world.stopped:
            first = world.letters.first(id)
            return Fault(None, f"{id} is stopped: {world.stopped[id]}", first.position if first else None)
    if letter_of(world, arrival):
        return None
    for id in about:
        if first := world.letters.first(id):
            return Fault(None, f"waits behind the {first.kind} at {first.position}", first.position)
    return None


def letter_of(world: W, arrival: Arrival) -> Letter | None:
    """The letter outstanding that an input is, sent again."""
    if arrival.again:
        return world.letters.find(arrival.aggregate, "event", arrival.message.seq)
    if arrival.kind == "fact" and arrival.message.resends:
        return world.letters.find(arrival.aggregate, "fact", arrival.message.resends)
    return None


def known(world: W, aggregate: str, message: Message) -> bool:
    """Whether a fact is set aside at another position than that which it resends."""
    return any(
        it.kind == "fact" and (it.source, it.id) == (message.source, message.id)
        for it in world.letters.of(aggregate)
        if it.position != message.resends
    )


def repeated(world: W, arrival: Arrival) -> Decision:
    """What is recorded of a fact that was decided on already: a letter that it resends in its turn holds up nothing."""
    letter = letter_of(world, arrival)
    if letter is None or (letter.holds and world.letters.first(letter.aggregate) != letter):
        return []
    by, why = _who(arrival)
    return [(arrival.aggregate, DeadletterResent(kind="fact", position=letter.position, by=by, why=why))]


def resent(world: W, arrival: Arrival) -> DeadletterResent | None:
    """What is recorded before all that an input leads to which was sent again; Refused where it is not its turn."""
    if not (arrival.again or (arrival.kind == "fact" and arrival.message.resends)):
        return None
    letter = letter_of(world, arrival)
    if letter:
        in_turn(world, letter)
    by, why = _who(arrival)
    if arrival.again:
        return DeadletterResent(kind="event", position=arrival.message.seq, by=by, why=why)
    return DeadletterResent(kind="fact", position=arrival.message.resends, by=by, why=why)


def in_turn(world: W, letter: Letter) -> None:
    """Refused if another letter about the same call comes before this one."""
    first = world.letters.first(letter.aggregate)
    if letter.holds and first and first != letter:
        where = f"the {first.kind} at {first.position} was set aside before it"
        raise Refused("letter-waits", f"{where}: send that one again first, or discard it", field="position")


def set_aside(
    world: W, arrival: Arrival, fault: Fault, log: int, *, kept: str | None, name: str, quoting: bool
) -> DeadletterSetAside:
    """What is recorded of an input that could not be handled; nothing of what was said is in it but if `quoting`."""
    message = arrival.message
    again = message.resends if arrival.kind == "fact" else message.seq if arrival.again else 0
    by, why = _who(arrival) if again else (None, None)
    assert arrival.kind != "command"
    return DeadletterSetAside(
        kind=arrival.kind,
        position=log if arrival.kind == "timer" else message.seq,
        id=short(message.id, 200) or "-",
        source=short(message.source, 200) or "-",
        type=short(name, 200),
        reason=short(fault.reason, 4000) or "-",
        stack=short(fault.stack(quoting), 4000),
        attempts=fault.attempts,
        behind=fault.behind,
        kept=kept,
        resends=again or None,
        by=by,
        why=why,
    )


def on_command(world: W, command: Data) -> Decision | None:
    """The one event of a command about a letter; None if it is about none. Refused where it may not be."""
    if not isinstance(command, ResendLetter | DiscardLetter):
        return None
    by, why = command.by, command.why
    if command.kind == "rejected":
        gone = DeadletterDiscarded(kind="rejected", position=command.position, by=by, why=why)
        return [(command.about, gone)]
    letter = world.letters.find(command.about, command.kind, command.position)
    if letter is None:
        what = f"no {command.kind} at {command.position} about {command.about} is set aside (any more)"
        raise Refused("letter-unknown", what, field="position")
    if letter.requested:
        raise Refused("letter-requested", "it was sent again just now", field="position")
    if isinstance(command, DiscardLetter):
        discarded = DeadletterDiscarded(
            kind=command.kind, position=letter.position, id=letter.id, by=by, why=why
        )
        return [(letter.aggregate, discarded)]
    refuse_stopped(world, letter.aggregate)
    in_turn(world, letter)
    kind = DeadletterResent if command.kind == "timer" else DeadletterRequested
    return [(letter.aggregate, kind(kind=command.kind, position=letter.position, by=by, why=why))]


def refuse_stopped(world: W, aggregate: str) -> None:
    """Refused if the aggregate has stopped."""
    if aggregate in world.stopped:
        what = f"{aggregate} is stopped, as this release cannot read it: {world.stopped[aggregate]}"
        raise Refused("aggregate-stopped", what)


def evolve(world: W, aggregate: str, event: Data) -> None:
    """Let an event about a letter happen; once nothing is outstanding, timers of what it was about are noted anew."""
    world.letters.evolve(aggregate, event)
    if not isinstance(event, DeadletterSetAside) and not world.letters.first(aggregate):
        call = registry.call_of(aggregate)
        for id in (call, *(registry.beside(kind, call) for kind in registry.BESIDE)):
            if (state := world.aggregates.get(id)) is not None:
                world.index.note(id, None, state)


def original(message: Message) -> int:
    """The position of the event that is to be decided on again."""
    return int(json.loads(message.data)["position"]) if message.name == ASKS_AGAIN else 0


def _who(arrival: Arrival) -> tuple[str, str]:
    if arrival.again:
        said = json.loads(arrival.again.data)
        return said["by"], said["why"]
    message = arrival.message
    return short(message.actor, 200) or "anonymous", short(message.why, 4000) or "-"
