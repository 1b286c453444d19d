"""Dead letters of a centre: what its services have set aside or rejected, read from the log; sent again or given up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from centralita.lines import data_of, service_of
from centralita.operating import Operator
from contracts import registry
from eventlog import errors
from eventlog.codec import Malformed, Message
from eventlog.stream import Raw

REJECTED, ASIDE = "fact.rejected", "deadletter.set_aside"
_ABOUT = (REJECTED, ASIDE, "deadletter.requested", "deadletter.resent", "deadletter.discarded")
State = Literal["waiting", "requested", "resent", "discarded", "rejected"]
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter: `number` is the position on the log where it was recorded, `position` that of its original.

    `state`: waiting (others about the same call wait behind it), requested, resent or discarded; rejected: refused
    for a reason, which nothing waits for.
    """

    number: int
    service: str
    about: str
    kind: Literal["fact", "event", "timer", "rejected"]
    position: int
    type: str
    reason: str
    attempts: int
    behind: int | None
    kept: str | None
    since: datetime | None
    message: Message
    state: State
    by: str = ""
    why: str = ""
    then: tuple[Message, ...] = field(default=())

    @property
    def open(self) -> bool:
        """Whether it can be sent again or discarded."""
        return self.state in ("waiting", "rejected")

    @property
    def line(self) -> tuple[str, str]:
        """Those of the same service about the same call wait for each other."""
        return self.service, registry.call_of(self.about)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a letter that was sent again, and where that stands on the log (0: nothing is known yet)."""

    letter: Letter
    what: Literal["resent", "set aside again", "rejected", "unknown"]
    position: int
    detail: str = ""


async def letters(client: Operator, centre: str) -> list[Letter]:
    """Every letter there ever was, in the order of the log. errors.LogError if the log cannot be read."""
    log = client.log(centre)
    found: dict[tuple[str, str, str, int], Letter] = {}
    replaced: list[Letter] = []
    async for part in log.read([f"log.{centre}.>"], 0, await log.last_sequence()):
        for raw in part:
            if raw.name in _ABOUT:
                _take(found, replaced, raw.message())
    return sorted([*replaced, *found.values()], key=lambda letter: letter.number)


def _take(found: dict[tuple[str, str, str, int], Letter], replaced: list[Letter], message: Message) -> None:
    data, service = data_of(message), service_of(message)
    kind = "fact" if data.get("kind") in (None, "rejected") else data["kind"]

    def change(position: int, state: State, message: Message) -> tuple[str, str, str, int]:
        key = (service, message.aggregate, kind, position)
        if key in found:
            told = {"by": data.get("by", ""), "why": data.get("why", "")}
            found[key] = replace(found[key], state=state, then=(*found[key].then, message), **told)
        return key

    if message.name in (REJECTED, ASIDE):
        key = (service, message.aggregate, kind, data["position"])
        if data.get("resends"):
            former = change(data["resends"], "resent", message)
            if former == key and former in found:
                replaced.append(found.pop(former))
        found[key] = _letter(service, message, data)
    else:
        states: dict[str, State] = {"requested": "requested", "resent": "resent", "discarded": "discarded"}
        change(data["position"], states[message.name.removeprefix("deadletter.")], message)


def _letter(service: str, message: Message, data: dict[str, Any]) -> Letter:
    rejected = message.name == REJECTED
    return Letter(
        number=message.seq,
        service=service,
        about=message.aggregate,
        kind="rejected" if rejected else data["kind"],
        position=data["position"],
        type=data.get("type", ""),
        reason=f"{data['rule']}: {data['reason']}" if rejected else data["reason"],
        attempts=data.get("attempts", 1),
        behind=data.get("behind"),
        kept=data.get("kept"),
        since=message.stored,
        message=message,
        state="rejected" if rejected else "waiting",
    )


async def original(client: Operator, centre: str, letter: Letter) -> Raw | None:
    """What was set aside, as it came; None for a timer, and where it is not kept (any more)."""
    if letter.kind == "event":
        return await client.log(centre).get(letter.position)
    return await client.inbox(centre).last(letter.kept) if letter.kept else None


def waiting_behind(every: Sequence[Letter], first: Letter) -> list[Letter]:
    """The letters that wait in the same line, behind this one."""
    return [
        it for it in every if it.state == "waiting" and it.line == first.line and it.number > first.number
    ]


async def resend(
    client: Operator, centre: str, letter: Letter, by: str, why: str, data: bytes | None = None
) -> Outcome:
    """Have the letter decided on again, with other `data` where that is given, and wait for what comes of it.

    ValueError where it cannot be sent again, Refusal where the service will not.
    """
    if not letter.open:
        raise ValueError(f"{letter.number} is {letter.state} already")
    if letter.kind in ("event", "timer"):
        if data is not None:
            raise ValueError(f"{letter.number} is no fact: what the log holds cannot be mended")
        return await _ask_again(client, centre, letter, by, why)
    raw = await original(client, centre, letter)
    address = registry.addressed(letter.about)
    if raw is None or address is None:
        raise ValueError(f"the original of {letter.number} is not kept: publish the fact anew")
    try:
        message = raw.message()
    except Malformed as malformed:
        raise ValueError(
            f"the headers of {letter.number} cannot be read ({malformed}): publish it anew"
        ) from None
    again = message._replace(
        aggregate=address[1],
        data=message.data if data is None else data,
        time=message.time or letter.message.time,
        resends=letter.position,
        actor=by,
        why=why,
    )
    after = await client.log(centre).last_sequence()
    (position,) = await client.inbox(centre).append([(registry.inbox_subject(centre, *address), again)])
    found = await _wait(client, centre, letter, after, lambda it: it.inbox == position and it.place[0] == 1)
    return await _outcome(client, centre, letter, found)


async def _ask_again(client: Operator, centre: str, letter: Letter, by: str, why: str) -> Outcome:
    asked = {"about": letter.about, "kind": letter.kind, "position": letter.position, "by": by, "why": why}
    answer = await client.command(centre, letter.service, "resend", asked)
    if letter.kind == "timer":
        return Outcome(letter, "resent", answer["position"])
    found = await _wait(
        client,
        centre,
        letter,
        answer["position"],
        lambda it: bool(it.cause == answer["id"] and it.place[0] == 1),
    )
    return await _outcome(client, centre, letter, found)


async def _outcome(client: Operator, centre: str, letter: Letter, found: Message | None) -> Outcome:
    if found is None:
        return Outcome(letter, "unknown", 0, f"{letter.service} has recorded nothing of it yet")
    if found.name == ASIDE:
        return Outcome(letter, "set aside again", found.seq, data_of(found)["reason"])
    if found.place[1] > 1:
        then = await _wait(
            client, centre, letter, found.seq, lambda it: it.cause == found.cause and it.place[0] == 2
        )
        found = then or found
    if found.name == REJECTED:
        return Outcome(letter, "rejected", found.seq, data_of(found)["reason"])
    return Outcome(letter, "resent", found.seq)


async def _wait(client: Operator, centre: str, letter: Letter, after: int, it_is: Any) -> Message | None:
    """The first event of the letter's service after a position that it is; None if it does not come in time."""
    log, loop = client.log(centre), asyncio.get_running_loop()
    until = loop.time() + _PATIENCE
    subject = registry.log_subject(centre, letter.service, ">")
    while loop.time() < until:
        async for part in log.read([subject], after, await log.last_sequence()):
            for raw in part:
                message = raw.message()
                if it_is(message):
                    return message
                after = raw.seq
        await asyncio.sleep(0.02)
    return None


async def discard(client: Operator, centre: str, letter: Letter, by: str, why: str) -> int:
    """Give the letter up, and remove the original that was kept of it; the position of the record of that."""
    if not letter.open:
        raise ValueError(f"{letter.number} is {letter.state} already")
    asked = {"about": letter.about, "kind": letter.kind, "position": letter.position, "by": by, "why": why}
    answer = await client.command(centre, letter.service, "discard", asked)
    if letter.kept:
        inbox, after = client.inbox(centre), await client.inbox(centre).last_sequence() + 1
        for subject in (letter.kept, f"{letter.kept}.headers"):
            try:
                await inbox.purge(subject, after)
            except errors.NoStream:
                break
    return int(answer["position"])
