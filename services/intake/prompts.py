"""What the agent should say, and when: each prompt once per occasion, worded by the protocol's scripts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from contracts.events import CallerClassified, PromptIssued
from contracts.protocol import Protocol, Wording
from contracts.wording import worded
from services.intake import policy
from services.intake.calls import Call
from services.intake.state import Index
from services.intake.who import entry_of, missing

Words = str | Wording


def say(
    protocol: Protocol,
    index: Index,
    call: Call,
    at: datetime,
    key: str,
    *,
    agent: str | None = None,
    **more: Words,
) -> list[PromptIssued]:
    """The prompt of a key, to whoever is on the line; none without its script, or with no agent there."""
    if call.state != "answered" or key not in protocol.scripts:
        return []
    listener = agent or call.agent
    values = _values(protocol, index, call, at, listener) | more
    said = worded(protocol.scripts, key, (call.language, protocol.language), values)
    if said is None:
        return []
    rule = key.partition(".")[0].upper()
    return [PromptIssued(rule=rule, key=key, language=said[0], text=said[1], agent=listener)]


def _values(
    protocol: Protocol, index: Index, call: Call, at: datetime, agent: str | None
) -> dict[str, Words]:
    entry = entry_of(index, call)
    kind = protocol.kinds.get((call.classified and call.classified.kind) or "")
    known = index.agents.get(agent or "")
    return {
        "company": protocol.company,
        "greeting": policy.greeting(protocol, at),
        "agent": known.name if known else "",
        "title": call.title,
        "given_name": call.given_name or call.name,
        "name": call.name or (entry.name if entry else ""),
        "kind": kind.titles if kind else "",
        "request": call.request.text if call.request else "",
        "points": "; ".join(call.notes),
    }


def new(call: Call, prompts: Iterable[PromptIssued]) -> list[PromptIssued]:
    """Those that were not issued on this call in the same words."""
    told = {(each.key, each.text) for each in call.prompts}
    return [prompt for prompt in prompts if (prompt.key, prompt.text) not in told]


def outstanding(
    protocol: Protocol, index: Index, call: Call, classified: CallerClassified, at: datetime
) -> Iterator[PromptIssued]:
    """What should be said as the call stands and was not yet; nothing unless an agent is on the line."""
    if call.state != "answered" or not protocol.scripts:
        return
    for key in _due(protocol, index, call, classified):
        yield from say(protocol, index, call, at, key)


def _due(protocol: Protocol, index: Index, call: Call, classified: CallerClassified) -> Iterator[str]:
    stated = call.request is not None
    kind = protocol.kinds.get(classified.kind or "")
    entry = entry_of(index, call)
    name = call.name or (entry.name if entry else "")
    stranger = classified.standing in ("new", "unknown")
    occasions = {
        "r26.greeting": True,
        "r28.introduce": call.identified and stranger and not name,
        "r01.customer": classified.standing in ("maybe", "unknown"),
        "r02.name": bool(name) and not stated,
        "r03.party": call.identified and call.party is None and not (kind and kind.names_itself),
        "r07.special": classified.special_treatment and classified.standing == "known",
    }
    told = {each.key for each in call.prompts}
    yield from (key for key, due in occasions.items() if due and key not in told)
    if stated and not any(key.startswith("r08.") for key in told):
        yield from _contact(protocol, missing(protocol, index, call))
    in_doubt = stated and kind is not None and classified.confidence < protocol.classification.sure
    asked = {each.kind for each in call.prompts if each.key == "r06.confirm"}
    if (
        in_doubt and asked <= dict(call.answers).keys()
    ):  # one question at a time; what was answered is no doubt
        yield "r06.confirm"


def _contact(protocol: Protocol, details: tuple[str, ...]) -> Iterator[str]:
    """R08: how they can be reached; R31: not asking for what may not be asked for."""
    asks = protocol.asks_for
    alone = f"r08.{details[0]}" if len(details) == 1 else "r08.contact"
    if details and alone in protocol.scripts:
        yield alone
    elif details and (asks is None or {f"contact.given.{it}" for it in ("phone", "email")} <= {*asks}):
        yield "r08.contact"


def on_request(protocol: Protocol, index: Index, call: Call, at: datetime) -> list[PromptIssued]:
    """R15, R21, R55, R57, R58: what to say to the request as it was stated last."""
    request = call.request
    if request is None or not protocol.scripts:
        return []
    said: list[PromptIssued] = []
    if request.category in ("complaint", "error"):
        said += say(protocol, index, call, at, "r15.empathy")
    said += say(protocol, index, call, at, "r21.summary")
    dossier = protocol.dossiers.get(request.product or "")
    if dossier:
        product = request.product or ""
        said += say(protocol, index, call, at, "r55.dossier", product=product, dossier=dossier.summary)
    line = policy.line_of(protocol, call.to, call.since)
    if line and request.category in line.never:
        said += say(protocol, index, call, at, "r57.number", number=line.instead or "")
    if request.category == "sales" and protocol.buying_channels:
        said += say(protocol, index, call, at, "r58.channels", channels=protocol.buying_channels)
    return new(call, said)


def confirmation(protocol: Protocol, index: Index, call: Call, at: datetime) -> list[PromptIssued]:
    """R32: the next way to confirm that one has understood, never the same twice running."""
    ways = sorted(key for key in protocol.scripts if key.startswith("r32.confirm."))
    if not ways:
        return []
    said = [each.key for each in call.prompts if each.key in ways]
    way = ways[len(said) % len(ways)]
    return [] if said[-1:] == [way] else say(protocol, index, call, at, way)


def recap(protocol: Protocol, index: Index, call: Call, at: datetime) -> list[PromptIssued]:
    """R17: the points noted so far, to go through with the caller."""
    return new(call, say(protocol, index, call, at, "r17.recap"))
